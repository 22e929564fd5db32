// The two ends of the benchmark as seen from here: see loadgen/ for what they do.
import { spawn } from 'node:child_process'
import { onLines, run, start } from './process.mjs'
import { CACHE } from './tools.mjs'

/** Starts the canned server on a port. */
export const serve = (loadgen, port, wire = 'mongodb') =>
  start([loadgen, 'serve', '--port', `${port}`, '--wire', wire], { logFile: `${CACHE}canned-server.log` })

/** One closed loop. @returns what loadgen's `result` holds */
export async function load(loadgen, { port, connections, warmupMs, measureMs, watch = 0, wire = 'mongodb' }) {
  const flags = { wire, port, connections, warmup: `${warmupMs}ms`, measure: `${measureMs}ms`, watch }
  return JSON.parse(
    await run(loadgen, ['load', ...Object.entries(flags).flatMap(([name, v]) => [`--${name}`, `${v}`])]),
  )
}

/** Opens idle connections, each after its hello. `check` asks one find on each, closes all and throws unless each answered. */
export function holdIdle(loadgen, port, connections) {
  const child = spawn(loadgen, ['idle', '--port', `${port}`, '--connections', `${connections}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('close', resolve))
  const connected = new Promise((resolve, reject) => {
    onLines(child.stdout, resolve)
    void exited.then((code) => reject(new Error(`loadgen idle ended with ${code}`)))
  })
  const check = async () => {
    child.stdin.end()
    const code = await exited
    if (code !== 0) throw new Error(`idle connections through port ${port} did not survive`)
  }
  return { connected, check }
}

/** What a target answers when it is ready. */
export const probeRequest = (wire) => (wire === 'http' ? PROBE : helloRequest())

const PROBE = Buffer.from(
  'POST / HTTP/1.1\r\namz-sdk-invocation-id: 00000000\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n',
)

/** The legacy hello that a driver opens with: OP_QUERY on admin.$cmd, `{ismaster: 1, helloOk: true}`. */
export function helloRequest() {
  const query = Buffer.from('1f0000001069736d61737465720001000000 0868656c6c6f4f6b000100'.replaceAll(' ', ''), 'hex')
  query.writeInt32LE(query.length, 0)
  const head = Buffer.concat([
    Buffer.alloc(16),
    Buffer.alloc(4),
    Buffer.from('admin.$cmd\0'),
    Buffer.from([0, 0, 0, 0, 255, 255, 255, 255]),
  ])
  const message = Buffer.concat([head, query])
  message.writeInt32LE(message.length, 0)
  message.writeInt32LE(1, 4)
  message.writeInt32LE(2004, 12)
  return message
}
