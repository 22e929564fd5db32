import t from 'tap'
import { command as knownCommand } from '../../../src/codecs/mongodb/commands.js'
import type { Exchange } from '../../../src/core/exchange.js'
import {
  type Chunk,
  type ExpectedOperation,
  type Fixture,
  loadFixtures,
  newCodec,
  Recording,
  recut,
} from '../../support/replay.js'
import { seededRandom } from '../../support/seeded-random.js'

/** Left out on both sides: test/fixtures/mongodb/README.md, "Set aside". */
const SET_ASIDE = new Set(['hello', 'isMaster', 'saslStart', 'saslContinue', 'endSessions'])
const HELLO = new Set(['hello', 'isMaster'])
const fixtures = loadFixtures()

const cuts: Readonly<Record<string, (chunks: readonly Chunk[]) => readonly Chunk[]>> = {
  'as TCP cut them': (chunks) => chunks,
  'byte by byte': (chunks) => recut(chunks, () => 1),
  'at random points': (chunks) => {
    const random = seededRandom(42)
    return recut(chunks, () => Math.floor(random() * 200))
  },
  'at few random points': (chunks) => {
    const random = seededRandom(7)
    return recut(chunks, () => Math.floor(random() * 9_000))
  },
}

function replay(fixture: Fixture, cut: (chunks: readonly Chunk[]) => readonly Chunk[]): Recording[] {
  const codec = newCodec()
  return fixture.connections.map(({ chunks, closedBy }) => {
    const recording = new Recording(codec)
    for (const { direction, bytes } of cut(chunks)) recording.push(direction, bytes)
    recording.session.end(closedBy === 'server' ? 'server' : 'client', 0)
    return recording
  })
}

/** One line per operation: what the driver knew of it, as text that sorts. */
function describe(operation: ExpectedOperation): string {
  const { command, database, collection, outcome, code = 0, batchSize = 0, documents = 0, awaited = false } = operation
  return `${command} ${database}.${collection} ${outcome} ${code} batch=${batchSize} docs=${documents} awaited=${awaited}`
}

function seen(exchange: Exchange, expectsDocuments: boolean): string {
  const { operation, outcome } = exchange
  return describe({
    command: operation.command,
    database: operation.database,
    collection: operation.collection,
    outcome: outcome?.kind ?? '',
    code: outcome?.code ?? 0,
    batchSize: exchange.batchSize,
    documents: expectsDocuments ? exchange.documents : 0,
    awaited: exchange.isAwaited,
  })
}

const HAS_CURSOR = new Set(['find', 'getMore', 'aggregate', 'listCollections', 'listIndexes'])

t.test('the captures are there', async (t) => {
  t.ok(fixtures.length >= 20, `${fixtures.length} captures`)
})

for (const fixture of fixtures) {
  t.test(`${fixture.name}: operations are those that the driver reported, at every cut`, async (t) => {
    const expected = fixture.expected.operations
      .map((operation) => ({ ...operation, command: knownCommand(operation.command).name }))
      .map((operation) => describe(HAS_CURSOR.has(operation.command) ? operation : { ...operation, documents: 0 }))
      .sort()
    for (const [name, cut] of Object.entries(cuts)) {
      const recordings = replay(fixture, cut)
      const exchanges = recordings.flatMap((recording) => recording.exchanges)
      const found = exchanges
        .filter((exchange) => !SET_ASIDE.has(exchange.operation.command))
        .map((exchange) => seen(exchange, HAS_CURSOR.has(exchange.operation.command)))
        .sort()
      t.same(found, expected, name)
      t.same(
        recordings.flatMap((recording) => recording.undecodable),
        [],
        `${name}: nothing is undecodable`,
      )
      const { heartbeats } = fixture.expected
      if (heartbeats !== undefined) {
        const hellos = exchanges.filter((x) => HELLO.has(x.operation.command) && x.outcome?.kind === 'ok')
        // The Node driver calls its monitor's first hello awaited too, although nothing in it asks the server to wait.
        const handshakes = heartbeats.plain === 0 ? 1 : 0
        const awaited = hellos.filter((x) => x.isAwaited).length
        t.equal(awaited, heartbeats.awaited - handshakes, `${name}: awaited hellos`)
      }
      t.ok(
        recordings.every((recording) => recording.open.size === 0 && recording.session.inFlight === 0),
        `${name}: every exchange ended`,
      )
    }
  })
}
