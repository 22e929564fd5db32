// Records the fixtures of test/fixtures/mongodb: real drivers against a real server through a recording relay.
//   node scripts/capture/capture.mjs [NAME…]      names without .json; all when none is given
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startCompressingFront } from '../../test/real/support/compressing-front.mjs'
import { runWorkload } from '../../test/real/support/drivers.mjs'
import { ACCOUNT, startSecantus, startSecantusWithAuth } from '../../test/real/support/secantus.mjs'
import { SET_ASIDE } from '../../test/real/support/truth.mjs'
import { startRecorder } from './record.mjs'
import { recordSynthetic, SYNTHETIC } from './synthetic.mjs'

const FOLDER = fileURLToPath(new URL('../../test/fixtures/mongodb/', import.meta.url))
const SERVER = 'SecantusDB 0.7.0b3 (says 8.2.11)'
const DRIVERS = {
  node: {
    driver: 'mongodb (Node.js)',
    version: JSON.parse(readFileSync(new URL('../../node_modules/mongodb/package.json', import.meta.url), 'utf8'))
      .version,
  },
  pymongo: { driver: 'PyMongo', version: '4.20.0' },
  go: { driver: 'mongo-driver (Go)', version: 'v2.10.0' },
}

const plain = (driver, ...scenarios) =>
  scenarios.map((scenario) => ({ driver, scenario, name: `${driver}-${kebab(scenario)}` }))
const compressed = (driver, ...fronts) =>
  fronts.map((front) => ({ driver, scenario: 'mixed', front, name: `${driver}-${front}` }))
const scram = (driver) => ({ driver, scenario: 'mixed', auth: true, name: `${driver}-scram` })
const kebab = (text) => text.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const COMMON = ['crud', 'errors', 'unacknowledged', 'transactions', 'changeStream', 'monitor']
const CAPTURES = [
  ...plain('node', ...COMMON, 'admin', 'failpoints', 'clientBulkWrite'),
  scram('node'),
  ...compressed('node', 'zlib', 'snappy', 'zstd'),
  ...plain('pymongo', ...COMMON, 'exhaust', 'tailable', 'stableApi', 'failpoints'),
  scram('pymongo'),
  ...compressed('pymongo', 'snappy'),
  ...plain('go', ...COMMON, 'failpoints'),
  scram('go'),
  ...compressed('go', 'zstd'),
]

const wanted = new Set(process.argv.slice(2))
const isWanted = (name) => wanted.size === 0 || wanted.has(name)

for (const capture of CAPTURES) {
  if (isWanted(capture.name)) await record(capture)
}
for (const name of SYNTHETIC) {
  if (!isWanted(name)) continue
  const server = await startSecantus()
  const recorder = await startRecorder(server)
  const operations = await recordSynthetic(name, recorder.port)
  await recorder.close()
  await server.stop()
  const provenance = { driver: 'none', version: '', server: SERVER, scenario: name, recorded: today(), synthetic: true }
  save(name, { provenance, connections: recorder.connections, expected: { operations } })
}

async function record({ driver, scenario, front: compressor, auth = false, name }) {
  const server = auth ? await startSecantusWithAuth() : await startSecantus()
  const front =
    compressor === undefined ? undefined : await startCompressingFront({ target: server, compressors: [compressor] })
  const recorder = await startRecorder({ host: '127.0.0.1', port: front?.port ?? server.port })
  const login = auth ? `${ACCOUNT.user}:${ACCOUNT.password}@` : ''
  const uri = (port) => `mongodb://${login}127.0.0.1:${port}/?directConnection=true`
  const choice = compressor === undefined ? '' : `&compressors=${compressor}`
  const run = await runWorkload(driver, { uri: uri(recorder.port) + choice, scenario, controlUri: uri(server.port) })
  await recorder.close()
  await front?.close()
  await server.stop()
  if (front !== undefined && front.counts.repliesCompressed === 0) throw new Error(`${name}: nothing was compressed`)
  const provenance = { ...DRIVERS[driver], server: SERVER, scenario, recorded: today() }
  if (compressor !== undefined) provenance.front = compressor
  const expected = { operations: run.operations }
  if (scenario === 'monitor') expected.heartbeats = run.heartbeats
  save(name, { provenance, connections: recorder.connections, expected })
}

function save(name, fixture) {
  if (fixture.expected.operations.some((operation) => SET_ASIDE.has(operation.command))) throw new Error(name)
  const { provenance, connections, expected } = fixture
  // One chunk a line: a diff of a re-recording stays readable.
  const chunkLines = (chunks) => chunks.map((chunk) => `        ${JSON.stringify(chunk)}`).join(',\n')
  const connectionText = connections
    .map(
      ({ closedBy, chunks }) =>
        `    {\n      "closedBy": "${closedBy}",\n      "chunks": [\n${chunkLines(chunks)}\n      ]\n    }`,
    )
    .join(',\n')
  const operations = expected.operations.map((operation) => `      ${JSON.stringify(operation)}`).join(',\n')
  const beats = expected.heartbeats === undefined ? '' : `,\n    "heartbeats": ${JSON.stringify(expected.heartbeats)}`
  const text = `{
  "provenance": ${JSON.stringify(provenance)},
  "connections": [
${connectionText}
  ],
  "expected": {
    "operations": [
${operations}
    ]${beats}
  }
}
`
  JSON.parse(text)
  writeFileSync(`${FOLDER}${name}.json`, text)
  console.log(
    `${name}: ${connections.length} connections, ${expected.operations.length} operations, ${text.length} bytes`,
  )
}

function today() {
  return new Date().toISOString().slice(0, 10)
}
