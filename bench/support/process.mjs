// Processes of one benchmark run: started, watched through /proc, and always ended.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const running = new Set()

/** Starts a program with as many file descriptors as the system allows; its output goes to a file. */
export function start(argv, { logFile, env = {} }) {
  const log = openSync(logFile, 'w')
  const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -H -n)"; exec "$@"', 'sh', ...argv], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  })
  closeSync(log)
  const exited = new Promise((resolve) => child.once('close', resolve))
  const started = { pid: child.pid, child, exited, logFile }
  running.add(started)
  void exited.then(() => running.delete(started))
  return started
}

/** SIGTERM, and SIGKILL when that is not enough. */
export async function stop(started, graceMs = 5_000) {
  started.child.kill('SIGTERM')
  const gaveUp = new AbortController()
  const late = sleep(graceMs, 'late', { signal: gaveUp.signal }).catch(() => 'ended')
  if ((await Promise.race([started.exited, late])) === 'late') started.child.kill('SIGKILL')
  gaveUp.abort()
  await started.exited
}

export const stopAll = () => Promise.all([...running].map((started) => stop(started)))

/** Ctrl-C and SIGTERM end what was started, too. */
export function stopAllOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void stopAll().finally(() => process.exit(1)))
  }
}

/** Runs a program to its end. @returns {Promise<string>} its stdout; throws with its stderr when it failed */
export function run(command, args, { cwd, timeoutMs = 120_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    child.stderr.on('data', (text) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${(stderr || stdout).trim()}`))
    })
  })
}

/** Calls `line` for each line of a stream of text. */
export function onLines(stream, line) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const one of lines) line(one)
  })
}

let nextPort = 20_000 + (process.pid % 100) * 100

/**
 * A port that was free a moment ago. Below the ephemeral range (32768 and up on Linux): with thousands of loopback
 * connections coming and going, a port from that range may be taken as a source port before its owner listens.
 */
export async function freePort() {
  for (;;) {
    nextPort = nextPort >= 32_000 ? 20_000 : nextPort + 1
    if (await isFree(nextPort)) return nextPort
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** `request` answered by at least a byte through `port`: the moment from which a proxy serves. Tried again until `timeoutMs`. */
export async function untilAnswered(port, request, started, timeoutMs = 15_000) {
  const begin = performance.now()
  for (;;) {
    if (await isAnswered(port, request)) return performance.now() - begin
    if (started.child.exitCode !== null || performance.now() - begin > timeoutMs) {
      const log = readFileSync(started.logFile, 'utf8').trim().split('\n').slice(-15).join('\n')
      throw new Error(`nothing answers on port ${port}; ${started.logFile} ends with:\n${log}`)
    }
    await sleep(2)
  }
}

function isAnswered(port, request) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request))
    socket.setTimeout(2_000, () => socket.destroy())
    socket.once('data', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

/** One field of /proc/PID/status in bytes: VmRSS (now) or VmHWM (the highest since its start). */
export function memoryOf(pid, field) {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(match[1]) * 1024
}
