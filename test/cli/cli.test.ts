import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { createApplication } from '../../src/cli/composition.js'
import type { Io } from '../../src/cli/io.js'
import { runCli } from '../../src/cli/program.js'
import { formatTable } from '../../src/cli/table.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'

/** A process to run commands in: what they print, and what they are told. */
class TestIo implements Io {
  readonly outLines: string[] = []
  readonly errLines: string[] = []
  readonly environment = {}
  readonly events = new EventEmitter()
  exitedWith: number | undefined

  out(text: string): void {
    this.outLines.push(...text.split('\n'))
    this.events.emit('out')
  }

  readonly err = (text: string): void => {
    this.errLines.push(...text.split('\n'))
    this.events.emit('err')
  }

  onSignal(listener: (signal: string) => void): () => void {
    this.events.on('signal', listener)
    return () => this.events.off('signal', listener)
  }

  onFault(listener: (error: unknown) => void): () => void {
    this.events.on('fault', listener)
    return () => this.events.off('fault', listener)
  }

  outputMayClose(): void {}

  exitNow(code: number): void {
    this.exitedWith = code
  }

  get stdout(): string {
    return this.outLines.join('\n')
  }

  get stderr(): string {
    return this.errLines.join('\n')
  }
}

async function cli(...argv: string[]) {
  const io = new TestIo()
  const exitCode = await runCli(argv, io, async () => createApplication)
  return { exitCode, io }
}

/** Runs a command that goes on until it is told to stop. */
async function start(t: Test, ...argv: string[]) {
  const io = new TestIo()
  let isOver = false
  const exit = runCli(argv, io, async () => createApplication).finally(() => {
    isOver = true
  })
  t.teardown(async () => {
    if (!isOver) io.events.emit('signal', 'SIGTERM')
    await exit
  })
  await Promise.race([once(io.events, 'out'), exit])
  return { io, exit, port: Number(/127\.0\.0\.1:(\d+)/.exec(io.stdout)?.[1]) }
}

async function echoServer(t: Test): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const ANY_PORT = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']

t.test('--help of each command teaches with examples and exits with 0', async (t) => {
  for (const argv of [['--help'], ['run', '--help'], ['check', '--help'], ['demo', '--help'], ['help', 'run']]) {
    const { exitCode, io } = await cli(...argv)
    t.equal(exitCode, 0, argv.join(' '))
    t.match(io.stdout, /Examples:\n\s+\$ oplens /, argv.join(' '))
    t.equal(io.stderr, '', argv.join(' '))
  }
  const { io } = await cli('run', '--help')
  for (const word of ['127.0.0.1:27018', '127.0.0.1:9901', 'default: "info"', 'Exit codes']) t.match(io.stdout, word)
})

t.test('the version is the one of the package', async (t) => {
  for (const argv of [['version'], ['--version'], ['-V']]) {
    const { exitCode, io } = await cli(...argv)
    t.equal(exitCode, 0)
    t.match(io.stdout, /^oplens \d+\.\d+\.\d+ \(Node /)
  }
})

t.test('bad usage says what would be right and exits with 2', async (t) => {
  const table: readonly [argv: string[], text: RegExp][] = [
    [[], /Usage: oplens/],
    [['rnu'], /Did you mean run\?/],
    [['run'], /where the database is/],
    [['run', '--to'], /argument missing/],
    [['run', '--too', 'x'], /Did you mean --to\?/],
    [['run', '--to', 'mongodb://a', '-c', 'x.yaml'], /cannot be used with/],
    [['run', '-c', 'x.yaml', '--listen', '127.0.0.1:1'], /cannot be used with/],
    [['run', '-c', 'x.yaml', '--admin', '127.0.0.1:1'], /cannot be used with/],
    [['run', '--to', 'mongodb://a', '--log-level', 'loud'], /Allowed choices are debug, info/],
    [['run', '--to', 'mongodb+srv://a:1'], /^--to: expected no port/],
    [['run', '--to', 'http://a/b'], /^--to: expected no path/],
    [
      ['run', '--to', 'dynamodb://dynamodb.eu-central-1.amazonaws.com', '--listen', '0.0.0.0:8001'],
      /^--listen: resign lends .*allow_clients/,
    ],
    [['run', '--to', 'mongodb://a', '--listen', 'a'], /^--listen: expected host:port/],
    [['run', '-c', 'no-such-file.yaml'], /no-such-file.yaml:1:1: there is no such file/],
    [['check'], /missing required argument/],
    [['check', 'no-such-file.yaml'], /there is no such file/],
    [['demo', '--seconds', '-1'], /number above 0/],
    [['demo', '--port', '70000'], /port from 0 to 65535/],
  ]
  for (const [argv, text] of table) {
    const { exitCode, io } = await cli(...argv)
    t.equal(exitCode, 2, argv.join(' '))
    t.match(io.stderr, text, argv.join(' '))
    t.equal(io.stdout, '', 'stdout is for results')
  }
})

const CONFIG = `
listeners: [ { name: shop, address: "127.0.0.1:0", protocol: mongodb, cluster: shop } ]
clusters:
  - { name: shop, hosts: [ "127.0.0.1:27017" ] }
`

t.test('check prints the config filled in, and warnings apart', async (t) => {
  const spare = `${CONFIG}  - { name: spare, hosts: [ "127.0.0.1:27019" ] }\n`
  const file = join(t.testdir({ 'oplens.yaml': spare }), 'oplens.yaml')
  const text = await cli('check', file)
  t.equal(text.exitCode, 0)
  t.match(text.io.stdout, /connect_timeout: 2s/)
  t.match(text.io.stderr, /^warning: .*oplens.yaml:5:13: clusters\[1\].name: no listener uses cluster "spare"/)
  const json = await cli('check', '--json', file)
  t.equal(json.exitCode, 0)
  t.equal(json.io.stderr, '')
  t.match(JSON.parse(json.io.stdout), {
    ok: true,
    problems: [],
    warnings: [{ line: 5 }],
    config: { clusters: [{ connect_timeout: '2s' }, {}] },
  })
})

t.test('check of a bad config tells every problem and exits with 2', async (t) => {
  const file = join(
    t.testdir({ 'oplens.yaml': CONFIG.replace('cluster: shop', 'clustr: shop').replace('hosts', 'host') }),
    'oplens.yaml',
  )
  const text = await cli('check', file)
  t.equal(text.exitCode, 2)
  t.equal(text.io.stdout, '')
  t.match(text.io.errLines, [/:2:71: .*did you mean "cluster"/, /:4:19: .*did you mean "hosts"/, '2 problems'])
  const json = await cli('check', '--json', file)
  t.equal(json.exitCode, 2)
  t.match(JSON.parse(json.io.stdout), { ok: false, problems: [{ path: 'listeners[0].clustr' }, {}], config: null })
})

t.test('run proxies, prints the URI on a line of its own, logs JSON to stderr, and drains on SIGTERM', async (t) => {
  const to = `tcp://127.0.0.1:${await echoServer(t)}`
  const { io, exit, port } = await start(t, 'run', '--to', to, ...ANY_PORT)
  t.match(io.outLines[1], /^tcp:\/\/127\.0\.0\.1:\d+$/)
  t.match(io.stdout, /Live page: http:\/\/127\.0\.0\.1:\d+\/\nMetrics: {3}http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  const client = connect(port, '127.0.0.1')
  client.write('ping')
  t.equal(String((await once(client, 'data'))[0]), 'ping')
  client.end()
  await once(client, 'close')
  io.events.emit('signal', 'SIGTERM')
  t.equal(await exit, 0)
  const logged = io.errLines.map((line) => JSON.parse(line))
  t.match(logged[0], { level: 'info', listeners: [`main 127.0.0.1:${port}`], msg: 'Started' })
  t.match(logged.at(-1), { level: 'info', reason: 'SIGTERM', cut: 0, msg: 'Stopped' })
  t.match(logged.at(-1).time, /^\d{4}-\d\d-\d\dT/)
  const refused = connect(port, '127.0.0.1')
  t.match((await once(refused, 'error'))[0], { code: 'ECONNREFUSED' }, 'nothing listens any more')
})

t.test(
  'run gives a variable for DynamoDB and a URL for HTTP, and says whose credentials requests go out with',
  async (t) => {
    const local = await start(t, 'run', '--to', 'dynamodb://127.0.0.1:1', ...ANY_PORT)
    t.match(local.io.outLines[1], /^AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+$/)
    t.match(local.io.outLines[2], /AWS_ENDPOINT_URL_DYNAMODB/)
    t.notMatch(local.io.stdout, /signed again/)
    const aws = await start(t, 'run', '--to', 'dynamodb://dynamodb.eu-central-1.amazonaws.com', ...ANY_PORT)
    t.match(aws.io.stdout, /signed again, with credentials of oplens: the ones that AWS SDKs find/)
    const http = await start(t, 'run', '--to', 'https://api.internal', ...ANY_PORT)
    t.match(http.io.outLines[1], /^http:\/\/127\.0\.0\.1:\d+$/)
  },
)

t.test('run never prints a password, and says so', async (t) => {
  const to = 'mongodb://app:hunter2@127.0.0.1:1/shop?replicaSet=rs0'
  const { io } = await start(t, 'run', '--to', to, ...ANY_PORT, '--log-format', 'text')
  t.match(io.outLines[1], /^mongodb:\/\/app@127\.0\.0\.1:\d+\/shop\?replicaSet=rs0$/)
  t.match(io.stdout, /The password is left out/)
  t.match(io.stdout, /No member has answered yet/)
  t.notMatch(io.stdout + io.stderr, /hunter2/)
})

t.test('an address in use is one line with what, why and what to do, and leaves nothing behind', async (t) => {
  const taken = await echoServer(t)
  const base = ['run', '--to', 'mongodb://127.0.0.1:1']
  const listen = await cli(...base, '--listen', `127.0.0.1:${taken}`, '--admin', '127.0.0.1:0')
  t.equal(listen.exitCode, 1)
  t.match(listen.io.stderr, new RegExp(`^oplens: .*127\\.0\\.0\\.1:${taken}.*EADDRINUSE.*another port with --listen`))
  t.equal(listen.io.errLines.length, 1)
  const admin = await cli(...base, '--admin', `127.0.0.1:${taken}`, '--listen', '127.0.0.1:0')
  t.equal(admin.exitCode, 1)
  t.match(admin.io.stderr, /^oplens: .*admin.*EADDRINUSE.*--admin/)
  t.equal(admin.io.stdout, '')
  const demo = await cli('demo', '--port', String(taken), '--admin', '127.0.0.1:0')
  t.equal(demo.exitCode, 1)
  t.match(demo.io.stderr, /EADDRINUSE.*another port with --port or --admin/)
})

t.test('while it drains a SIGINT ends the process at once, and other signals change nothing', async (t) => {
  const to = `tcp://127.0.0.1:${await echoServer(t)}`
  const { io, exit, port } = await start(t, 'run', '--to', to, ...ANY_PORT)
  const client = connect(port, '127.0.0.1')
  client.write('x')
  await once(client, 'data')
  const logged = once(io.events, 'err')
  io.events.emit('signal', 'SIGTERM')
  await logged
  t.match(JSON.parse(io.errLines.at(-1) ?? ''), { reason: 'SIGTERM', msg: /^Draining/ })
  io.events.emit('signal', 'SIGTERM')
  t.equal(io.exitedWith, undefined)
  io.events.emit('signal', 'SIGINT')
  t.equal(io.exitedWith, 1)
  client.end()
  t.equal(await exit, 0, 'the connection ended by itself before the deadline')
})

t.test('SIGHUP opens the file of the slow log anew, and drains where there is none', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'slow.log')
  const config = join(folder, 'oplens.yaml')
  const cluster = `{ name: echo, hosts: ["127.0.0.1:${await echoServer(t)}"] }`
  const text = (observe: string) =>
    `admin: { address: 127.0.0.1:0 }\nlisteners: [{ name: echo, address: "127.0.0.1:0", protocol: tcp, cluster: echo }]\n` +
    `clusters: [${cluster}]\nobserve: ${observe}\n`
  writeFileSync(config, text('{ slow_log: { file: { path: slow.log } } }'))
  const { io, exit } = await start(t, 'run', '-c', config)
  t.ok(existsSync(path), 'beside the config file')
  renameSync(path, `${path}.moved`)
  io.events.emit('signal', 'SIGHUP')
  while (!existsSync(path)) await nextTurn()
  t.match(JSON.parse(io.errLines.at(-1) ?? ''), { msg: /opened anew/ })
  io.events.emit('signal', 'SIGTERM')
  t.equal(await exit, 0)
  writeFileSync(config, text('{ slow_log: { enabled: false, file: { path: none/slow.log } } }'))
  const second = await start(t, 'run', '-c', config)
  second.io.events.emit('signal', 'SIGHUP')
  t.equal(await second.exit, 0)
  writeFileSync(config, text('{ slow_log: { file: { path: none/slow.log } } }'))
  const third = await cli('run', '-c', config)
  t.equal(third.exitCode, 2)
  t.match(third.io.stderr, /slow_log\.file\.path: .*none\/slow\.log can not be made/)
})

t.test('a bug is logged as fatal, drains, and exits with 1; a second one exits at once', async (t) => {
  const to = `tcp://127.0.0.1:${await echoServer(t)}`
  const { io, exit, port } = await start(t, 'run', '--to', to, ...ANY_PORT)
  const client = connect(port, '127.0.0.1')
  client.write('x')
  await once(client, 'data')
  io.events.emit('fault', new TypeError('x is not a function'))
  const fatal = io.errLines.map((line) => JSON.parse(line)).find(({ level }) => level === 'fatal')
  t.match(fatal, { msg: /A bug in oplens/, err: { type: 'TypeError', stack: /cli\.test/ } })
  t.equal(io.exitedWith, undefined)
  client.write('y')
  t.equal(String((await once(client, 'data'))[0]), 'y', 'what is under way still goes on')
  io.events.emit('fault', new Error('again'))
  t.equal(io.exitedWith, 1)
  client.end()
  t.equal(await exit, 1)
})

t.test('the demo shows itself, ends by itself, and its driver agrees with oplens', async (t) => {
  const { exitCode, io } = await cli('demo', '--seconds', '1', '--port', '0', '--admin', '127.0.0.1:0')
  t.equal(exitCode, 0, io.stderr)
  t.match(io.outLines[1], /^mongodb:\/\/127\.0\.0\.1:\d+\/\?replicaSet=demo$/)
  t.match(io.stdout, /\nmember +reached by +role\n127\.0\.0\.1:\d+ +127\.0\.0\.1:\d+ +primary\n/)
  t.match(io.stdout, /\nGive this to your applications \(dynamodb\):\n\S*\/\/127\.0\.0\.1:\d+\n/)
  t.match(io.stdout, /collection +command +operations +errors +p50 +p95 +p99 +items +units +throttled +retries\n/)
  t.match(io.stdout, /\nshop\.orders +find +\d+ +\d+ .* - +- +-\n/)
  t.match(io.stdout, /\ncarts +GetItem +\d+ +\d+ .* \d+ +\d+\n/)
  t.match(io.outLines.at(-1), /The drivers did \d+ operations; oplens counted the same, command by command and table/)
  t.match(io.stderr, /^Election: 127\.0\.0\.1:\d+ is the primary now\n/)
})

t.test('Ctrl-C ends a demo with everything it started', async (t) => {
  const { io, exit } = await start(t, 'demo', '--port', '0', '--admin', '127.0.0.1:0')
  io.events.emit('signal', 'SIGINT')
  t.equal(await exit, 0)
  t.equal(io.exitedWith, undefined)
})

t.test('a table lines up, numbers to the right', async (t) => {
  t.equal(
    formatTable([
      ['name', 'n'],
      ['a', '1'],
      ['longer', '200'],
    ]),
    'name      n\na         1\nlonger  200',
  )
  t.equal(formatTable([]), '')
})

/** The bin as `npm test` built it. */
function spawnBin(...argv: string[]) {
  const bin = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [bin, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  return { child, output, exit: once(child, 'close').then(([code, signal]) => code ?? signal) }
}

t.test('the built bin answers, and ends with the exit code of the command', async (t) => {
  const [version, usage] = [spawnBin('--version'), spawnBin('run')]
  t.equal(await version.exit, 0)
  t.match(version.output.stdout, /^oplens \d+\.\d+\.\d+ \(Node /)
  t.equal(await usage.exit, 2)
  t.match(usage.output, { stdout: '', stderr: /where the database is/ })
})

t.test('the built bin serves until SIGTERM and then exits with 0', async (t) => {
  const { child, output, exit } = spawnBin('run', '--to', 'mongodb://127.0.0.1:1/', ...ANY_PORT)
  t.teardown(() => child.kill('SIGKILL'))
  await Promise.race([once(child.stdout, 'data'), exit])
  t.match(output.stdout, /\nmongodb:\/\/127\.0\.0\.1:\d+\/\?directConnection=true\n/)
  child.kill('SIGTERM')
  t.equal(await exit, 0, output.stderr)
})

t.test('a reader of the slow log that leaves does not end a proxy', async (t) => {
  const server = await startDemoServer()
  t.teardown(() => server.close())
  const config = join(
    t.testdir({
      'oplens.yaml':
        `admin: { address: 127.0.0.1:0 }\nlisteners: [{ name: shop, address: "127.0.0.1:0", protocol: mongodb, cluster: shop }]\n` +
        `clusters: [{ name: shop, hosts: ["127.0.0.1:${server.address.port}"] }]\nobserve: { slow_log: { threshold: 0ms, stdout: true } }\n`,
    }),
    'oplens.yaml',
  )
  const { child, output, exit } = spawnBin('run', '-c', config)
  t.teardown(() => child.kill('SIGKILL'))
  while (!/Metrics: .*\n/.test(output.stdout)) await Promise.race([once(child.stdout, 'data'), exit])
  const [uri = ''] = /mongodb:\S+/.exec(output.stdout) ?? []
  const [, metrics = ''] = /Metrics: +(\S+)/.exec(output.stdout) ?? []
  const client = await new MongoClient(uri).connect()
  await client.db('shop').collection('orders').find({ a: 1 }).toArray()
  while (!output.stdout.includes('"find":"orders"')) await Promise.race([once(child.stdout, 'data'), exit])
  child.stdout.destroy()
  let scraped = ''
  while (!/oplens_slow_log_dropped_total\{reason="error"\} [1-9]/.test(scraped)) {
    await client.db('shop').collection('orders').find({ a: 1 }).toArray()
    scraped = await (await fetch(metrics)).text()
  }
  await client.close()
  t.match(output.stderr, /The slow log can not be written/)
  child.kill('SIGTERM')
  t.equal(await exit, 0, output.stderr)
})

t.test('a reader that leaves early is no failure', async (t) => {
  const { child, exit } = spawnBin('check', '--help')
  child.stdout.destroy()
  t.equal(await exit, 0)
})
