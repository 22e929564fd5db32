import { type Document, Long, ObjectId } from 'bson'
import { bsonDate } from '../bson-date.js'
import { CommandError } from '../errors.js'
import {
  MAX_DOCUMENT_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_WIRE_VERSION,
  MAX_WRITE_BATCH,
  SESSION_TIMEOUT_MINUTES,
} from '../limits.js'
import { waitUntil } from '../wait-until.js'
import {
  type Command,
  type CommandRequest,
  isDocument,
  optionalDocument,
  type ServerContext,
  type TopologyVersion,
} from './command.js'

const FIELDS = [
  'helloOk',
  'client',
  'compression',
  'saslSupportedMechs',
  'speculativeAuthenticate',
  'topologyVersion',
  'maxAwaitTimeMS',
  'loadBalanced',
  'backpressure',
  'hostInfo',
  'forShell',
]

/** Never compressed, in either direction. */
export const NEVER_COMPRESSED: ReadonlySet<string> = new Set([
  'hello',
  'isMaster',
  'ismaster',
  'saslStart',
  'saslContinue',
])

async function run(request: CommandRequest): Promise<Document> {
  const { body, client } = request
  const metadata = optionalDocument(body, 'client')
  if (metadata !== undefined) {
    if (client.metadata !== undefined) {
      throw new CommandError(186, 'The client metadata document may only be sent in the first hello')
    }
    client.metadata = metadata
  }
  await awaitChange(request)
  return describe(request)
}

/**
 * The awaited form: an answer comes when the topology changes or `maxAwaitTimeMS` is over, and at once when the client knows
 * another version than the current one. A standalone never changes.
 */
async function awaitChange({ body, server, left }: CommandRequest): Promise<void> {
  const { topologyVersion, maxAwaitTimeMS } = body
  if ((topologyVersion === undefined) !== (maxAwaitTimeMS === undefined)) {
    throw new CommandError(31368, 'topologyVersion and maxAwaitTimeMS come together or not at all')
  }
  if (topologyVersion === undefined) return
  if (typeof maxAwaitTimeMS !== 'number' || maxAwaitTimeMS < 0) {
    throw new CommandError(31373, 'maxAwaitTimeMS must be a non-negative number')
  }
  if (!isDocument(topologyVersion) || !(topologyVersion.processId instanceof ObjectId)) {
    throw new CommandError(14, 'topologyVersion must be {processId: ObjectId, counter: long}')
  }
  const { processId } = topologyVersion
  const counter = String(topologyVersion.counter)
  await waitUntil({
    clock: server.clock,
    maxMs: maxAwaitTimeMS,
    // A client that left is told at once what there is: nobody waits for news any more.
    signal: left,
    watch: (run) => server.membership?.watch(run) ?? (() => undefined),
    isDone() {
      const current = versionOf(server)
      // A standalone has but one version, whatever the client counts.
      return (
        !processId.equals(current.processId) || (server.membership !== undefined && counter !== `${current.counter}`)
      )
    },
  })
}

const versionOf = ({ membership, processId }: ServerContext): TopologyVersion =>
  membership?.topologyVersion ?? { processId, counter: Long.ZERO }

function describe({ name, body, server, client }: CommandRequest): Document {
  const wanted: readonly unknown[] = Array.isArray(body.compression) ? body.compression : []
  const flag = name === 'hello' ? 'isWritablePrimary' : 'ismaster'
  const compression = server.compressors.filter((compressor) => wanted.includes(compressor))
  return {
    ...(body.helloOk === true ? { helloOk: true } : {}),
    topologyVersion: versionOf(server),
    ...(server.membership?.describe(flag) ?? { [flag]: true }),
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: MAX_WRITE_BATCH,
    localTime: bsonDate(server.clock.wall()),
    logicalSessionTimeoutMinutes: SESSION_TIMEOUT_MINUTES,
    connectionId: client.id,
    minWireVersion: 0,
    maxWireVersion: MAX_WIRE_VERSION,
    readOnly: false,
    ...(compression.length > 0 ? { compression } : {}),
    ok: 1,
  }
}

export const HELLO_COMMANDS: readonly Command[] = [{ names: ['hello', 'isMaster', 'ismaster'], fields: FIELDS, run }]
