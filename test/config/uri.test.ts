import t from 'tap'
import { configParts } from '../../src/cli/config-parts.js'
import { applicationUri } from '../../src/config/application-uri.js'
import { fromUri } from '../../src/config/from-uri.js'
import { loadConfig } from '../../src/config/load.js'
import { editDistance, nearest } from '../../src/config/nearest.js'
import { ConfigError } from '../../src/core/errors.js'

const problemOf = (load: () => unknown) => {
  try {
    load()
    return undefined
  } catch (error) {
    return error instanceof ConfigError ? error.problems[0] : error
  }
}

t.test('a URI gives the config that a file with one listener and one cluster would', async (t) => {
  const text = `
admin: { address: "127.0.0.1:0" }
listeners: [ { name: main, address: "127.0.0.1:5000", protocol: mongodb, cluster: main } ]
clusters: [ { name: main, hosts: [ "db:27017", "db2:27018" ], tls: { insecure_skip_verify: true } } ]`
  const file = loadConfig({ kind: 'text', text, name: 'oplens.yaml' }, configParts, {})
  const settings = { listen: '127.0.0.1:5000', admin: '127.0.0.1:0' }
  const uri = fromUri(
    'mongodb://u:p@db,db2:27018/shop?tls=true&tlsAllowInvalidCertificates=true',
    settings,
    configParts,
  )
  t.same(uri.config, file.config)
  t.equal(uri.filledIn(), file.filledIn())
})

t.test('a URI without more listens on 127.0.0.1:27018, with its pages on 127.0.0.1:9901', async (t) => {
  const { config } = fromUri('mongodb://localhost', {}, configParts)
  t.match(config.listeners, [{ address: { host: '127.0.0.1', port: 27_018 } }])
  t.match(config.admin, { address: { host: '127.0.0.1', port: 9_901 } })
  t.match(config.clusters, [{ hosts: [{ address: { host: 'localhost', port: 27_017 } }] }])
})

t.test('tcp URIs forward bytes of any protocol', async (t) => {
  const { config } = fromUri('tcp://[::1]:5432', {}, configParts)
  t.match(config.listeners, [{ protocol: 'tcp' }])
  t.match(config.clusters, [{ hosts: [{ address: { host: '::1', port: 5432 } }] }])
})

t.test('what is no usable URI is refused at its column, and never by quoting a password', async (t) => {
  const table: readonly [uri: string, column: number, message: RegExp, suggestion: RegExp][] = [
    ['localhost:27017', 1, /expected a URI/, /did you mean mongodb:\/\/localhost:27017\//],
    ['', 1, /expected a URI/, /supported/],
    ['mongodb+srv://u:hunter2@c.example.net/', 1, /mongodb\+srv:\/\/ is not supported/, /write the host names out/],
    ['dynamodb://localhost:8000', 1, /is not supported/, /supported: mongodb/],
    ['http://localhost', 1, /is not supported/, /supported: mongodb/],
    ['mongdb://localhost', 1, /unknown scheme/, /did you mean "mongodb"/],
    ['redis://localhost', 1, /unknown scheme/, /supported: mongodb/],
    ['mongodb://', 11, /expected host or host:port/, /mongodb:\/\/HOST/],
    ['mongodb://a,,b/', 13, /expected host or host:port/, /mongodb:\/\/HOST/],
    ['mongodb://a:70000/', 11, /got "a:70000"/, /mongodb:\/\/HOST/],
    ['mongodb://u:hunter2/x@a/', 11, /can not be told from the password/, /%2F/],
    ['mongodb://u:hunter2?x@a/', 11, /can not be told from the password/, /%3F/],
    ['mongodb://a/?tls', 14, /expected name=value/, /&/],
    ['mongodb://a/?appName=%', 14, /expected name=value/, /&/],
    ['mongodb://a/?tls=yes', 1, /expected tls=true or tls=false/, /^$/],
    ['mongodb://a/?tls=true&tlsCertificateKeyFilePassword=hunter2', 1, /encrypted key file/, /without a password/],
    ['tcp://localhost', 7, /expected host:port/, /tcp:\/\/HOST:PORT/],
  ]
  for (const [uri, column, message, suggestion] of table) {
    const problem = problemOf(() => fromUri(uri, {}, configParts))
    t.match(problem, { file: '--to', line: 1, column, message, suggestion }, uri)
    t.notMatch(JSON.stringify(problem), /hunter2/, uri)
  }
})

t.test('a problem of an address names the flag that gave it', async (t) => {
  const problem = (settings: object) => problemOf(() => fromUri('mongodb://a', settings, configParts))
  t.match(problem({ listen: 'here' }), { file: '--listen', message: /expected host:port/ })
  t.match(problem({ admin: '127.0.0.1:99999' }), { file: '--admin', message: /expected host:port/ })
  t.match(problem({ listen: '127.0.0.1:9901' }), { file: '--listen', message: /is taken by admin.address/ })
})

t.test('the URI for applications leads to the proxy and keeps what still means something', async (t) => {
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: 27_018 } as const
  const table: readonly [original: string | undefined, uri: string][] = [
    [undefined, 'mongodb://127.0.0.1:27018/?directConnection=true'],
    ['mongodb://db', 'mongodb://127.0.0.1:27018/?directConnection=true'],
    ['mongodb://db?appName=a%20b', 'mongodb://127.0.0.1:27018/?directConnection=true&appName=a%20b'],
    [
      'mongodb://app%40x:hunter2@a:1,b:2/shop?replicaSet=rs0&authSource=admin&tls=true&tlsCAFile=x&directConnection=false',
      'mongodb://app%40x@127.0.0.1:27018/shop?directConnection=true&authSource=admin',
    ],
    [
      'mongodb://db/?SSL=true&compressors=zstd&loadBalanced=false&proxyHost=p&proxyPassword=hunter2',
      'mongodb://127.0.0.1:27018/?directConnection=true&compressors=zstd',
    ],
    [
      'mongodb://db/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2&retryWrites=false',
      'mongodb://127.0.0.1:27018/?directConnection=true&retryWrites=false',
    ],
  ]
  for (const [original, expected] of table) {
    const { uri, notes } = applicationUri(tcp, { protocol: 'mongodb', ...(original === undefined ? {} : { original }) })
    t.equal(uri, expected, original ?? 'none')
    t.equal(notes.length, original?.includes('hunter2@') ? 1 : 0, 'a note about the password, when there was one')
    t.notMatch(uri + notes.join(), /hunter2/)
  }
})

t.test('the URI for applications is one that they can connect to', async (t) => {
  const uri = (address: Parameters<typeof applicationUri>[0], options = {}) =>
    applicationUri(address, { protocol: 'mongodb', ...options }).uri
  t.equal(uri({ kind: 'unix', path: '/tmp/o.sock' }), 'mongodb://%2Ftmp%2Fo.sock/?directConnection=true')
  t.equal(uri({ kind: 'tcp', host: '::1', port: 1 }), 'mongodb://[::1]:1/?directConnection=true')
  t.equal(
    uri({ kind: 'tcp', host: '::1', port: 1 }, { isTls: true }),
    'mongodb://[::1]:1/?directConnection=true&tls=true',
  )
  t.equal(uri({ kind: 'tcp', host: '::1', port: 1 }, { protocol: 'tcp' }), 'tcp://[::1]:1')
  const wildcard = applicationUri({ kind: 'tcp', host: '0.0.0.0', port: 1 }, { protocol: 'mongodb' })
  t.equal(wildcard.uri, 'mongodb://127.0.0.1:1/?directConnection=true')
  t.match(wildcard.notes, [/From other machines/])
})

t.test('the nearest known word is found across spellings, and nothing is suggested at random', async (t) => {
  const known = ['name', 'address', 'connect_timeout', 'max_connections', 'tls']
  const table: readonly [word: string, meant: string | undefined][] = [
    ['nmae', 'name'],
    ['adress', 'address'],
    ['connectTimeout', 'connect_timeout'],
    ['connect-timeout', 'connect_timeout'],
    ['timeout', 'connect_timeout'],
    ['maxconnections', 'max_connections'],
    ['ssl', undefined],
    ['colour', undefined],
    ['', undefined],
  ]
  for (const [word, meant] of table) t.equal(nearest(word, known), meant, word)
  t.equal(editDistance('abcd', 'acbd'), 1, 'a swap of neighbours is one edit')
  t.equal(editDistance('', 'abc'), 3)
})
