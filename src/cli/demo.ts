import { Command, InvalidArgumentError, Option } from 'commander'
import { applicationUri } from '../config/application-uri.js'
import { fromUri } from '../config/from-uri.js'
import { systemClock, type Timer } from '../core/clock.js'
import type { Application, CreateApplication } from './application.js'
import { configParts } from './config-parts.js'
import type { DemoBackend, DemoSet, WorkloadRow } from './demo-backend.js'
import { summarize } from './demo-summary.js'
import { EXIT_FAILURE, EXIT_OK } from './exit.js'
import type { Io } from './io.js'
import { createLog, type Log } from './logging.js'
import { serveUntilStopped, startApplication, whereToLook } from './serve.js'

interface DemoOptions {
  readonly seconds?: number
  readonly port: number
  readonly admin: string
  readonly rate: number
}

const HELP = `
Starts a replica set of three small servers that speak MongoDB (in memory, in this process), oplens in front of it, and a workload
through the official driver. Now and then another member is elected. Open the live page it prints. Ctrl-C ends all of it.

Examples:
  $ oplens demo
  $ oplens demo --seconds 5                       ends by itself with a summary; exit 0 when oplens saw every operation
  $ oplens demo --port 0 --admin 127.0.0.1:0      any free ports`

export function demoCommand(
  io: Io,
  createApplication: () => Promise<CreateApplication>,
  finish: (code: number) => void,
) {
  return new Command('demo')
    .description('see it work: an embedded replica set, oplens in front of it and a workload')
    .option('--seconds <n>', 'end after so many seconds with a summary', positiveNumber)
    .addOption(new Option('--port <n>', 'where the proxy listens; 0 is any free port').argParser(port).default(27_018))
    .option('--admin <address>', 'live page and /metrics', '127.0.0.1:9901')
    .addOption(new Option('--rate <n>', 'operations per second').argParser(positiveNumber).default(200))
    .addHelpText('after', HELP)
    .action(async (options: DemoOptions) => finish(await demo(options, io, createApplication)))
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('Expected a number above 0.')
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text)
  throw new InvalidArgumentError('Expected a port from 0 to 65535.')
}

async function demo(
  options: DemoOptions,
  io: Io,
  createApplication: () => Promise<CreateApplication>,
): Promise<number> {
  const log = createLog({ level: 'error', format: 'text' }, io.err)
  const { demoBackend: backend } = await import('./demo-loader.js')
  const create = await createApplication()
  const set = await backend.startSet()
  try {
    return await serveDemo(options, io, log, backend, set, create)
  } finally {
    await set.close()
  }
}

async function serveDemo(
  options: DemoOptions,
  io: Io,
  log: Log,
  backend: DemoBackend,
  set: DemoSet,
  create: CreateApplication,
): Promise<number> {
  const loaded = fromUri(set.uri, { listen: `127.0.0.1:${options.port}`, admin: options.admin }, configParts)
  const running = await startApplication(create, loaded, log, '--port or --admin')
  const { app, started, drainAsked } = running
  const address = started.listeners[0]?.address ?? { kind: 'tcp', host: '127.0.0.1', port: options.port }
  io.out(await whereToLook(running, loaded))
  io.out(options.seconds === undefined ? '\nCtrl-C ends the demo.' : `\nEnds in ${options.seconds} s.`)
  const { uri } = applicationUri(address, { protocol: 'mongodb', setName: set.setName })
  const elections = repeat(options.seconds === undefined ? ELECT_EVERY_MS : options.seconds * 500, () =>
    io.err(`Election: ${set.elect()} is the primary now`),
  )
  const workload = new Workload(backend, { uri, seconds: options.seconds, rate: options.rate })
  const exitCode = await serveUntilStopped(app, io, log, {
    until: AbortSignal.any([workload.ended, drainAsked]),
    beforeDrain: () => workload.stop(),
  })
  elections.cancel()
  if (options.seconds === undefined) return exitCode
  await systemClock.sleep(REPORT_AGE_MS)
  return conclude(workload, app, io, exitCode)
}

const ELECT_EVERY_MS = 30_000

function repeat(everyMs: number, run: () => void): Timer {
  let timer = systemClock.after(everyMs, next)
  function next() {
    run()
    timer = systemClock.after(everyMs, next)
  }
  return { cancel: () => timer.cancel() }
}

/** A page that was open may have asked for the report just before the end; it is kept for this long. */
const REPORT_AGE_MS = 250

/** A workload that was cut short by Ctrl-C still gets its table: what it did has to have been seen. */
function conclude(workload: Workload, app: Application, io: Io, exitCode: number): number {
  if (workload.failure !== undefined) {
    io.err(`oplens: the workload failed: ${workload.failure}`)
    return EXIT_FAILURE
  }
  const { text, isEqual } = summarize(app.operations(), workload.rows)
  io.out(`\n${text}`)
  return isEqual && exitCode === EXIT_OK ? EXIT_OK : EXIT_FAILURE
}

/** The workload while it runs, and what came of it. */
class Workload {
  rows: readonly WorkloadRow[] = []
  failure: string | undefined = undefined
  readonly #stop = new AbortController()
  readonly #ended = new AbortController()
  readonly #done: Promise<void>

  constructor(backend: DemoBackend, options: { uri: string; seconds: number | undefined; rate: number }) {
    this.#done = this.#run(backend.runWorkload({ ...options, signal: this.#stop.signal }))
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(work: Promise<readonly WorkloadRow[]>): Promise<void> {
    try {
      this.rows = await work
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error)
    }
    this.#ended.abort('finished')
  }
}
