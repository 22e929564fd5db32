import type { DynamodbConfig } from '../codecs/dynamodb/config.js'
import type { CredentialsConfig } from '../codecs/dynamodb/resign/config.js'
import { applicationUri } from '../config/application-uri.js'
import type { LoadedConfig } from '../config/load.js'
import { systemClock, systemRandom } from '../core/clock.js'
import { formatAddress } from '../core/upstream.js'
import type { Application, CreateApplication, LedTo, Started } from './application.js'
import type { configParts } from './config-parts.js'
import { EXIT_FAILURE, EXIT_OK, startError } from './exit.js'
import type { Io } from './io.js'
import type { Log } from './logging.js'
import { formatTable } from './table.js'
import { oplensVersion } from './version.js'

export type Loaded = LoadedConfig<typeof configParts>

/** How long the first words on stdout wait for what is behind the listeners: a connect that times out, and a moment. */
const LEARN_MS = 3_000

/** Where things are, for stdout: each URI on a line of its own. `original` is the URI that `--to` was given. */
export async function whereToLook({ app, started }: Running, loaded: Loaded, original?: string): Promise<string> {
  const lines: string[] = []
  const behind = await app.learnMembers(LEARN_MS)
  for (const { name, protocol, address } of started.listeners) {
    const led = behind.find(({ listener }) => listener === name)
    const { uri, notes } = applicationUri(address, { protocol, ...uriOptions(name, led, loaded, original) })
    const title = started.listeners.length === 1 ? '' : ` (${name})`
    lines.push(
      `Give this to your applications${title}:`,
      uri,
      ...notes,
      ...resignText(name, loaded),
      ...membersText(led),
      '',
    )
  }
  if (started.admin !== undefined) {
    const page = `http://${formatAddress(started.admin)}`
    const isSocket = started.admin.kind === 'unix'
    if (isSocket) lines.push(`Live page and /metrics on ${formatAddress(started.admin)}`)
    else lines.push(`Live page: ${page}/`, `Metrics:   ${page}/metrics`)
  }
  return lines.join('\n')
}

function uriOptions(name: string, led: LedTo | undefined, loaded: Loaded, original: string | undefined) {
  const config = loaded.config.listeners.find((listener) => listener.name === name)
  const cluster = loaded.config.clusters.find((one) => one.name === config?.cluster)
  // Before a member has answered, the config's word for it.
  const setName = led?.mode === 'members' ? led.setName || (cluster?.replica_set ?? '') : ''
  return {
    isTls: config?.tls !== undefined,
    ...(setName === '' ? {} : { setName }),
    ...(config?.advertise === undefined ? {} : { advertise: config.advertise }),
    ...(original === undefined ? {} : { original }),
  }
}

/** Whose credentials requests go out with, where it is not the application's. */
function resignText(name: string, { config }: Loaded): readonly string[] {
  const listener = config.listeners.find((one) => one.name === name)
  if (listener?.protocol !== 'dynamodb') return []
  const { resign } = listener.codec as DynamodbConfig
  if (resign === undefined) return []
  return [
    `Requests are signed again, with credentials of oplens: ${SOURCES[resign.credentials.kind]}.`,
    'Whoever reaches this address uses them.',
  ]
}

const SOURCES: Readonly<Record<CredentialsConfig['kind'], string>> = {
  env: 'the ones that AWS SDKs find on this machine (environment variables, shared files, a role)',
  profile: 'a profile of the shared files',
  static: 'the ones in the config',
}

/** The members of a set and where each is reached; a sentence when nobody has answered. */
function membersText(led: LedTo | undefined): readonly string[] {
  if (led === undefined) return []
  if (led.kind === 'unknown' || led.members.length === 0) return ['No member has answered yet: is the database up?']
  if (led.kind !== 'replica_set') return []
  const rows = led.members.map(({ member, role, address }) => [member, address === '' ? '-' : address, role])
  const head = ['member', led.mode === 'members' ? 'reached by' : '', 'role']
  return ['', `Replica set ${led.setName}:`, formatTable([head, ...rows])]
}

export interface Running {
  readonly app: Application
  readonly started: Started
  /** Aborts when the admin address was asked to drain. */
  readonly drainAsked: AbortSignal
}

/**
 * Creates and starts the proxy, or leaves nothing behind. `where` is how its addresses can be changed.
 * @throws OplensError that says what, why and what to do
 */
export async function startApplication(
  create: CreateApplication,
  loaded: Loaded,
  log: Log,
  where: string,
): Promise<Running> {
  const asked = new AbortController()
  const onDrainAsked = () => asked.abort('asked on the admin address')
  const deps = { loaded, clock: systemClock, random: systemRandom, logger: log, version: oplensVersion(), onDrainAsked }
  let app: Application | undefined
  try {
    app = create(deps)
    return { app, started: await app.start(), drainAsked: asked.signal }
  } catch (error) {
    await app?.close()
    throw startError(error, where)
  }
}

export interface ServeOptions {
  /** Another reason to end; the signal's reason names it. */
  readonly until?: AbortSignal
  /** What has to stop before connections are drained. */
  readonly beforeDrain?: () => Promise<void>
}

interface Ending {
  readonly reason: string
  readonly isFault: boolean
}

/**
 * Waits for the reason to end, drains, and says how it went: 0 when every operation in flight could end, 1 when connections were
 * cut or a bug was the reason. SIGHUP opens files anew; where none is written it drains too, for a terminal that closes sends it. While it drains, SIGINT
 * ends the process at once.
 */
export async function serveUntilStopped(
  app: Application,
  io: Io,
  log: Log,
  options: ServeOptions = {},
): Promise<number> {
  io.outputMayClose()
  const watch = watchForEnding(app, io, log, options.until)
  const { reason, isFault } = await watch.ending
  log.info({ reason }, 'Draining: no new connections, operations in flight may end')
  await options.beforeDrain?.()
  const { cut } = await app.drain()
  await app.close()
  watch.stop()
  log.info({ reason, cut }, 'Stopped')
  return cut > 0 || isFault ? EXIT_FAILURE : EXIT_OK
}

function watchForEnding(app: Application, io: Io, log: Log, until: AbortSignal | undefined) {
  let isEnding = false
  let end: (ending: Ending) => void = () => undefined
  const ending = new Promise<Ending>((resolve) => {
    end = (reason) => {
      isEnding = true
      resolve(reason)
    }
  })
  const stopSignals = io.onSignal((signal) => {
    if (signal === 'SIGHUP' && app.reopenFiles()) log.info({}, 'SIGHUP: the files that are written were opened anew')
    else if (!isEnding) end({ reason: signal, isFault: false })
    else if (signal === 'SIGINT') io.exitNow(EXIT_FAILURE)
  })
  // An error that nobody caught is a bug of oplens: network input never throws past its connection. Its state is unknown now, so the
  // process has to go, but operations in flight may well end properly first. A second bug leaves no such hope.
  const stopFaults = io.onFault((error) => {
    log.fatal(
      { err: error },
      isEnding ? 'A second bug in oplens: it ends at once' : 'A bug in oplens: it drains and ends',
    )
    if (isEnding) io.exitNow(EXIT_FAILURE)
    else end({ reason: 'bug', isFault: true })
  })
  const onUntil = () => end({ reason: String(until?.reason), isFault: false })
  if (until?.aborted) onUntil()
  until?.addEventListener('abort', onUntil, { once: true })
  const stop = () => {
    stopSignals()
    stopFaults()
    until?.removeEventListener('abort', onUntil)
  }
  return { ending, stop }
}
