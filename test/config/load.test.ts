import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { configParts } from '../../src/cli/config-parts.js'
import { createConfigSchema } from '../../src/config/config.js'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError, type ConfigProblem, formatProblem } from '../../src/core/errors.js'

const FIXTURES = fileURLToPath(new URL('../fixtures/config/', import.meta.url))
/** UPDATE_GOLDEN=1 writes what comes out in place of comparing; the difference is for review. */
const isUpdate = process.env.UPDATE_GOLDEN === '1'

const lines = (folder: string, problems: readonly ConfigProblem[]): string =>
  problems.map((problem) => `${formatProblem(problem).replaceAll(folder, '')}\n`).join('')

function golden(path: string, found: string): string {
  if (isUpdate) writeFileSync(path, found)
  return readFileSync(path, 'utf8')
}

const problemsOf = (load: () => unknown): readonly ConfigProblem[] => {
  try {
    load()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

t.test('each kind of mistake is told with its place, what was expected and what to write', async (t) => {
  const names = readdirSync(FIXTURES).filter((file) => file.endsWith('.yaml'))
  t.ok(names.length > 40)
  for (const name of names) {
    const path = join(FIXTURES, name)
    const problems = problemsOf(() => loadConfig({ kind: 'file', path }, configParts, {}))
    const found = lines(FIXTURES, problems)
    t.not(found, '', `${name} is refused`)
    t.equal(found, golden(path.replace('.yaml', '.error'), found), name)
  }
})

t.test('what works but is hardly meant is a warning of the same shape', async (t) => {
  const folder = join(FIXTURES, 'warnings/')
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.yaml'))) {
    const { warnings } = loadConfig({ kind: 'file', path: join(folder, name) }, configParts, {})
    const found = lines(folder, warnings)
    t.not(found, '', `${name} is warned about`)
    t.equal(found, golden(join(folder, name.replace('.yaml', '.warning')), found), name)
  }
})

const VALID = `
listeners:
  - { name: shop, address: "127.0.0.1:0", protocol: mongodb, cluster: shop }
clusters:
  - { name: shop, hosts: [ "127.0.0.1:27017" ] }
`
const load = (text: string, environment = {}) =>
  loadConfig({ kind: 'text', text, name: 'oplens.yaml' }, configParts, environment)

t.test('a small config is filled in with every default, and printed as a file that means the same', async (t) => {
  const { config, filledIn, warnings } = load(VALID)
  t.same(warnings, [])
  t.match(config.listeners, [{ name: 'shop', address: { kind: 'tcp', port: 0 }, codec: { max_inflate: 1_048_576 } }])
  t.match(config.clusters, [{ hosts: [{ address: { host: '127.0.0.1', port: 27_017 } }], connect_timeout: 2_000 }])
  t.match(config.admin.address, { kind: 'tcp', host: '127.0.0.1', port: 9_901 })
  const printed = filledIn()
  t.match(printed, /connect_timeout: 2s/)
  t.match(printed, /max_inflate: 1MiB/)
  const again = load(printed)
  t.same(again.config, config, 'the printed config gives the same config')
  t.equal(again.filledIn(), printed, 'and prints itself')
})

t.test('a config can not be changed once it is loaded, however deep', async (t) => {
  const { config } = load(VALID)
  t.throws(() => Object.assign(config, { listeners: [] }), TypeError)
  t.throws(() => Object.assign(config.clusters[0]?.hosts?.[0]?.address ?? {}, { port: 1 }), TypeError)
})

t.test('variables are replaced before anything is checked, and only in values', async (t) => {
  const text = `
listeners:
  - name: \${NAME}
    address: 127.0.0.1:\${PORT:-27018}
    protocol: mongodb
    cluster: "\${NAME}"
    max_connections: \${MAX}
clusters:
  - name: \${NAME}
    hosts: [ "\${HOST:-127.0.0.1}:27017" ] # \${COMMENTED}
`
  const { config } = load(text, { NAME: 'shop', MAX: '5', HOST: '' })
  t.match(config.listeners, [{ name: 'shop', address: { port: 27_018 }, max_connections: 5 }])
  t.match(
    config.clusters[0]?.hosts,
    [{ address: { host: '127.0.0.1' } }],
    'the default also stands in for an empty variable',
  )
})

t.test('a variable can bring in neither structure nor further variables', async (t) => {
  const text = VALID.replace('cluster: shop', `cluster: "\${EVIL}"`)
  const [problem] = problemsOf(() => load(text, { EVIL: `shop\n  - name: \${HOME}`, HOME: 'x' }))
  t.match(problem, { path: 'listeners[0].cluster', message: /\$\{HOME\}/ })
})

t.test('a doubled dollar writes the characters of a reference themselves', async (t) => {
  const text = VALID.replace('cluster: shop', () => `cluster: "$\${shop}"`)
  t.match(problemsOf(() => load(text))[0], { path: 'listeners[0].cluster', message: `no cluster is named "\${shop}"` })
})

t.test('TLS files are looked for beside the config file', async (t) => {
  const pem = 'not looked into here'
  const folder = t.testdir({
    'oplens.yaml': VALID.replace('] }', '], tls: { ca: tls/ca.pem } }'),
    tls: { 'ca.pem': pem },
  })
  const { config } = loadConfig({ kind: 'file', path: join(folder, 'oplens.yaml') }, configParts, {})
  t.equal(config.clusters[0]?.tls?.ca, join(folder, 'tls/ca.pem'))
})

t.test('a uri in a cluster becomes its hosts and TLS settings, and nothing secret of it is printed', async (t) => {
  const uri = 'mongodb://app:hunter2@[::1],%2Ftmp%2Fmongodb-27017.sock,db:7/?ssl=true&tlsInsecure=true'
  const { config, filledIn, warnings } = load(VALID.replace('hosts: [ "127.0.0.1:27017" ]', `uri: "${uri}"`))
  t.match(config.clusters[0], {
    hosts: [
      { address: { kind: 'tcp', host: '::1', port: 27_017 } },
      { address: { kind: 'unix', path: '/tmp/mongodb-27017.sock' } },
      { address: { kind: 'tcp', host: 'db', port: 7 } },
    ],
    tls: { insecure_skip_verify: true },
  })
  t.notMatch(filledIn() + JSON.stringify(config) + JSON.stringify(warnings), /hunter2/)
})

t.test('a file that can not be had as text says why, and which file was meant', async (t) => {
  const folder = t.testdir({ 'oplens.yaml': VALID, binary: Buffer.from([0xc3, 0x28, 0xff]) })
  const table: readonly [file: string, message: RegExp, suggestion: RegExp][] = [
    ['oplens.yml', /no such file/, /did you mean .*oplens\.yaml/],
    ['other.txt', /no such file/, /oplens run --to/],
    ['no/such/folder.yaml', /no such file/, /oplens run --to/],
    ['.', /is a folder/, /name the file/],
    ['binary', /no text in UTF-8/, /UTF-8/],
  ]
  for (const [file, message, suggestion] of table) {
    const problems = problemsOf(() => loadConfig({ kind: 'file', path: join(folder, file) }, configParts, {}))
    t.match(problems, [{ line: 1, column: 1, message, suggestion }], file)
  }
})

t.test('no text makes the reader throw anything but its list of problems', async (t) => {
  const texts = [
    VALID,
    ...readdirSync(FIXTURES)
      .filter((f) => f.endsWith('.yaml'))
      .map((f) => readFileSync(join(FIXTURES, f), 'utf8')),
  ]
  let random = 1
  const below = (limit: number) => {
    random = (random * 48_271) % 2_147_483_647
    return random % limit
  }
  const marks = [
    '{',
    '}',
    '[',
    ']',
    ':',
    '-',
    '"',
    "'",
    '\t',
    '\n',
    '&a ',
    '*a',
    '!x ',
    '#',
    '|',
    '>',
    '%',
    '? ',
    '${',
    '\0',
    '<<: ',
  ]
  let refused = 0
  for (let round = 0; round < 600; round++) {
    const text = texts[below(texts.length)] ?? ''
    const at = below(text.length + 1)
    const mark = marks[below(marks.length)] ?? ''
    const mutant = text.slice(0, at) + mark + text.slice(at + below(3))
    const problems = problemsOf(() => load(mutant))
    if (problems.length > 0) refused++
    const isPlaced = problems.every(({ line, column }) => line >= 1 && column >= 1)
    if (!isPlaced) t.fail(`a problem without a place: ${JSON.stringify(mutant)}`)
  }
  t.ok(refused > 300, `${refused} of 600 mutants were refused`)
})

t.test('the JSON Schema for editors is the one of this version', async (t) => {
  const schema = createConfigSchema(configParts).toJsonSchema()
  const path = fileURLToPath(new URL('../../schema/oplens.schema.json', import.meta.url))
  const committed = golden(path, `${JSON.stringify(schema, null, 2)}\n`)
  t.same(JSON.parse(committed), schema, 'UPDATE_GOLDEN=1 writes it, the formatter has the last word')
  const titles = ['mongodb', 'dynamodb', 'http', 'tcp'].map((protocol) => ({ title: `${protocol} listener` }))
  t.match(schema, { properties: { listeners: { items: { anyOf: titles } } } })
})
