import { Command, InvalidArgumentError, Option } from 'commander'
import { applicationUri } from '../config/application-uri.js'
import { systemClock, type Timer } from '../core/clock.js'
import { type Address, formatAddress } from '../core/upstream.js'
import type { Application, CreateApplication, Started } from './application.js'
import type { DemoBackend, DemoDynamo, DemoSet } from './demo-backend.js'
import { DYNAMODB, demoConfig, MONGODB } from './demo-config.js'
import { summarize } from './demo-summary.js'
import { Work } from './demo-work.js'
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
Starts a replica set of three small servers that speak MongoDB and one that speaks DynamoDB (in memory, in this process), oplens in
front of both, and a workload for each through the official driver and SDK. Now and then another member is elected. Open the live page
it prints. Ctrl-C ends all of it.

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
    .description('see it work: embedded MongoDB and DynamoDB, oplens in front of them and workloads')
    .option('--seconds <n>', 'end after so many seconds with a summary', positiveNumber)
    .addOption(
      new Option('--port <n>', 'where MongoDB is reached, and DynamoDB on the next; 0 is any free port')
        .argParser(port)
        .default(27_018),
    )
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
    const dynamo = await backend.startDynamo()
    try {
      return await serveDemo(options, io, log, { backend, set, dynamo }, create)
    } finally {
      await dynamo.close()
    }
  } finally {
    await set.close()
  }
}

interface Databases {
  readonly backend: DemoBackend
  readonly set: DemoSet
  readonly dynamo: DemoDynamo
}

async function serveDemo(
  { port, admin, seconds, rate }: DemoOptions,
  io: Io,
  log: Log,
  { backend, set, dynamo }: Databases,
  create: CreateApplication,
): Promise<number> {
  const loaded = demoConfig({ port, admin, setUri: set.uri, dynamo: dynamo.address })
  const running = await startApplication(create, loaded, log, '--port or --admin')
  const { app, started, drainAsked } = running
  io.out(await whereToLook(running, loaded))
  io.out(seconds === undefined ? '\nCtrl-C ends the demo.' : `\nEnds in ${seconds} s.`)
  const { uri } = applicationUri(addressOf(started, MONGODB), { protocol: 'mongodb', setName: set.setName })
  const endpoint = `http://${formatAddress(addressOf(started, DYNAMODB))}`
  const elections = repeat(seconds === undefined ? ELECT_EVERY_MS : seconds * 500, () =>
    io.err(`Election: ${set.elect()} is the primary now`),
  )
  const work = new Work({
    seconds,
    runs: [
      [(how) => backend.runMongo(uri, { ...how, collector: collectorOf(io) }), rate * (1 - DYNAMODB_SHARE)],
      [(how) => backend.runDynamo(endpoint, how), rate * DYNAMODB_SHARE],
    ],
  })
  const exitCode = await serveUntilStopped(app, io, log, {
    until: AbortSignal.any([work.ended, drainAsked]),
    beforeDrain: () => work.stop(),
  })
  elections.cancel()
  if (seconds === undefined) return exitCode
  await systemClock.sleep(REPORT_AGE_MS)
  return conclude(work, app, io, exitCode)
}

function addressOf({ listeners }: Started, name: string): Address {
  const listener = listeners.find((one) => one.name === name)
  if (listener === undefined) throw new TypeError(`The demo has a listener ${name}`)
  return listener.address
}

/** The shop's own spans go where oplens's go, when that is OTLP over HTTP. */
function collectorOf({ environment }: Io): string | undefined {
  const isGrpc = environment.OTEL_EXPORTER_OTLP_PROTOCOL === 'grpc'
  return isGrpc ? undefined : environment.OTEL_EXPORTER_OTLP_ENDPOINT
}

/** Of the operations. */
const DYNAMODB_SHARE = 0.3
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
function conclude(work: Work, app: Application, io: Io, exitCode: number): number {
  if (work.failure !== undefined) {
    io.err(`oplens: a workload failed: ${work.failure}`)
    return EXIT_FAILURE
  }
  const { text, isEqual } = summarize({ operations: app.operations(), tables: app.tables() }, work.rows)
  io.out(`\n${text}`)
  return isEqual && exitCode === EXIT_OK ? EXIT_OK : EXIT_FAILURE
}
