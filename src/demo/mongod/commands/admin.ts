import { type Document, Long, UUID } from 'bson'
import { bsonDate } from '../bson-date.js'
import { CommandError } from '../errors.js'
import { MAX_DOCUMENT_BYTES, SESSION_TIMEOUT_MINUTES } from '../limits.js'
import type { Command, CommandRequest } from './command.js'

/** The version whose wire version hello names; what it lacks answers CommandNotFound. */
const VERSION = '8.0.0'

const ok = (): Document => ({ ok: 1 })

const ping: Command = { names: ['ping'], fields: [], run: ok }
const endSessions: Command = { names: ['endSessions'], fields: [], run: ok }
const refreshSessions: Command = { names: ['refreshSessions'], fields: [], run: ok }

const startSession: Command = {
  names: ['startSession'],
  fields: [],
  run: () => ({ id: { id: new UUID() }, timeoutMinutes: SESSION_TIMEOUT_MINUTES, ok: 1 }),
}

const buildInfo: Command = {
  names: ['buildInfo', 'buildinfo'],
  fields: [],
  run: () => ({
    version: VERSION,
    gitVersion: 'oplens-demo-server',
    modules: [],
    versionArray: [8, 0, 0, 0],
    bits: 64,
    debug: false,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ['memory'],
    ok: 1,
  }),
}

const PARAMETERS: Readonly<Record<string, unknown>> = {
  featureCompatibilityVersion: { version: '8.0' },
  authenticationMechanisms: [],
}

const getParameter: Command = {
  names: ['getParameter'],
  fields: ['allParameters', ...Object.keys(PARAMETERS)],
  adminOnly: true,
  run({ body }) {
    const wantsAll = body.getParameter === '*'
    const names = Object.keys(PARAMETERS).filter((name) => wantsAll || body[name] !== undefined)
    if (names.length === 0) throw new CommandError(72, 'no option found to get')
    return { ...Object.fromEntries(names.map((name) => [name, PARAMETERS[name]])), ok: 1 }
  },
}

const serverStatus: Command = {
  names: ['serverStatus'],
  fields: [],
  run({ server }) {
    const uptimeMs = server.clock.now() - server.startedAtMs
    const { counts } = server
    const of = (...names: string[]) => names.reduce((sum, name) => sum + (counts.operations.get(name) ?? 0), 0)
    const all = [...counts.operations.values()].reduce((sum, n) => sum + n, 0)
    const named = {
      insert: of('insert'),
      query: of('find'),
      update: of('update'),
      delete: of('delete'),
      getmore: of('getMore'),
    }
    const command = all - Object.values(named).reduce((sum, n) => sum + n, 0)
    return {
      host: 'oplens-demo',
      version: VERSION,
      process: 'oplens-demo-server',
      pid: Long.fromNumber(process.pid),
      uptime: Math.floor(uptimeMs / 1000),
      uptimeMillis: Long.fromNumber(Math.floor(uptimeMs)),
      localTime: bsonDate(server.clock.wall()),
      connections: { current: counts.connectionsOpen, totalCreated: counts.connectionsTotal },
      opcounters: { ...named, command },
      asserts: { msg: counts.internalFailures },
      metrics: { cursor: { open: { total: server.cursors.open } } },
      storageEngine: { name: 'memory', persistent: false },
      ok: 1,
    }
  },
}

const connectionStatus: Command = {
  names: ['connectionStatus'],
  fields: ['showPrivileges'],
  run: () => ({ authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] }, ok: 1 }),
}

const whatsmyuri: Command = {
  names: ['whatsmyuri'],
  fields: [],
  run: ({ client }) => ({ you: client.peer, ok: 1 }),
}

/** There are no users, so nobody authenticates. */
const sasl: Command = {
  names: ['saslStart', 'saslContinue'],
  fields: ['mechanism', 'payload', 'autoAuthorize', 'options', 'conversationId', 'db'],
  run() {
    throw new CommandError(18, 'Authentication failed: this server has no users')
  },
}

/** What a standalone mongod says, in its words: it has no transactions either. */
const transactions: Command = {
  names: ['commitTransaction', 'abortTransaction'],
  fields: ['txnNumber', 'autocommit', 'recoveryToken'],
  run() {
    throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
  },
}

const configureFailPoint: Command = {
  names: ['configureFailPoint'],
  fields: ['mode', 'data'],
  adminOnly: true,
  run({ server, body, name }: CommandRequest) {
    if (server.failPoint === undefined) throw new CommandError(59, `no such command: '${name}'`)
    return { count: server.failPoint.configure(body), ok: 1 }
  },
}

export const ADMIN_COMMANDS: readonly Command[] = [
  ping,
  endSessions,
  refreshSessions,
  startSession,
  buildInfo,
  getParameter,
  serverStatus,
  connectionStatus,
  whatsmyuri,
  sasl,
  transactions,
  configureFailPoint,
]
