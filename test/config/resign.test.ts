import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { configParts } from '../../src/cli/config-parts.js'
import { fromUri } from '../../src/config/from-uri.js'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError, formatProblem } from '../../src/core/errors.js'

const FIXTURES = fileURLToPath(new URL('../fixtures/config/', import.meta.url))
const AWS = 'dynamodb.eu-central-1.amazonaws.com'

function problemsOf(load: () => unknown) {
  try {
    load()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

t.test('no mistake in credentials is told with what may be a secret', async (t) => {
  // load.test.ts compares the words.
  const names = readdirSync(FIXTURES).filter((file) => /^credentials-.*\.error$/.test(file))
  t.ok(names.length >= 6)
  for (const name of names) t.notMatch(readFileSync(join(FIXTURES, name), 'utf8'), /hunter2|74756/, name)
})

interface Entry {
  readonly address?: string
  readonly listener?: string
  readonly resign?: string
  readonly cluster?: string
}

function load({ address = '127.0.0.1:8001', listener = '', resign = '', cluster }: Entry, environment = {}) {
  const text = `
listeners:
  - { name: orders, address: "${address}", protocol: dynamodb, cluster: orders, ${listener} codec: { ${resign} } }
clusters:
  - { name: orders, ${cluster ?? `uri: "dynamodb://${AWS}"`} }
`
  return loadConfig({ kind: 'text', text, name: 'oplens.yaml' }, configParts, environment)
}

t.test('what can work is not refused', async (t) => {
  const ca = join(t.testdir({ 'ca.pem': '' }), 'ca.pem')
  const clientCertificates = `tls: { cert: "${ca}", key: "${ca}", ca: "${ca}" },`
  const table: readonly [name: string, entry: Entry][] = [
    ['signed again on loopback', { resign: 'resign: {}' }],
    ['on loopback by name', { address: 'localhost:8001', resign: 'resign: {}' }],
    ['on IPv6 loopback', { address: '[::1]:8001', resign: 'resign: {}' }],
    ['on a socket', { address: 'unix:/tmp/orders.sock', resign: 'resign: {}' }],
    ['for clients with certificates', { address: '0.0.0.0:8001', listener: clientCertificates, resign: 'resign: {}' }],
    [
      'for clients of a network',
      { address: ':::8001'.replace('::', '[::]'), resign: 'resign: { allow_clients: [ 10.0.0.0/8 ] }' },
    ],
    ['for anybody, on purpose', { address: '0.0.0.0:8001', resign: 'resign: { allow_any_client: true }' }],
    ['its own name, by DNS', { address: '0.0.0.0:443', listener: `advertise: ${AWS},` }],
    ['the same in capitals', { address: '0.0.0.0:443', listener: `advertise: ${AWS.toUpperCase()},` }],
    ['bound to its own name', { address: `${AWS}:443` }],
    [
      'its own name, in front of a VPC endpoint of that region',
      {
        listener: `advertise: ${AWS},`,
        cluster: 'uri: "dynamodb://vpce-1-2.dynamodb.eu-central-1.vpce.amazonaws.com"',
      },
    ],
    ['another server that speaks DynamoDB', { cluster: 'uri: "dynamodb://localhost"' }],
    ['the same, signed again', { cluster: 'uri: "dynamodb://localhost"', resign: 'resign: { region: local }' }],
    ['the region said twice', { resign: 'resign: { region: eu-central-1 }' }],
  ]
  for (const [name, entry] of table) t.same(problemsOf(() => load(entry)).map(formatProblem), [], name)
})

t.test('keys in a config are used and never shown', async (t) => {
  const credentials = `{ access_key_id: AKIDEXAMPLE, secret_access_key: "\${KEY}", session_token: hunter2-token }`
  const { config, filled, filledIn, warnings } = load(
    { resign: `resign: { credentials: ${credentials} }` },
    { KEY: 'hunter2' },
  )
  t.match(config.listeners, [
    {
      codec: {
        resign: {
          credentials: {
            kind: 'static',
            accessKeyId: 'AKIDEXAMPLE',
            secretAccessKey: 'hunter2',
            sessionToken: 'hunter2-token',
          },
          max_body: 16_777_216,
        },
      },
    },
  ])
  t.notMatch(filledIn() + JSON.stringify(filled) + JSON.stringify(warnings), /hunter2/)
  t.match(filledIn(), /secret_access_key: \(not shown\)/)
})

t.test('run refuses to lend credentials to other machines, and names the flag', async (t) => {
  const [problem, ...others] = problemsOf(() => fromUri(`dynamodb://${AWS}`, { listen: '0.0.0.0:8001' }, configParts))
  t.same(others, [])
  t.match(problem, { file: '--listen', message: /lends the AWS credentials/, suggestion: /listen on 127.0.0.1/ })
  const [plain] = problemsOf(() => fromUri(`dynamodb://${AWS}?tls=false`, {}, configParts))
  t.match(plain, { file: '--to', message: /unencrypted/ })
})
