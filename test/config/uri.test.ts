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
listeners: [ { name: main, address: "127.0.0.1:5000", protocol: mongodb, cluster: main, mode: members } ]
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

t.test(
  'a URI whose hosts DNS tells gives the config that a file with srv would, TLS and member ports included',
  async (t) => {
    const text = (cluster: string) => `
admin: { address: "127.0.0.1:0" }
listeners: [ { name: main, address: "127.0.0.1:5000", protocol: mongodb, cluster: main } ]
clusters: [ { name: main, ${cluster} } ]`
    const table: readonly [uri: string, cluster: string, tls: object | undefined][] = [
      [
        'mongodb+srv://u:hunter2@C0.Example.net./shop',
        'srv: { name: c0.example.net }',
        { insecure_skip_verify: false },
      ],
      ['mongodb+srv://localhost', 'srv: { name: localhost }', {}],
      ['MONGODB+SRV://mongo.local/?tls=true', 'srv: { name: mongo.local }, tls: {}', {}],
      ['mongodb+srv://a.b.c/?ssl=false&loadBalanced=false', 'srv: { name: a.b.c }, tls: false', undefined],
      [
        'mongodb+srv://a.b.c/?srvServiceName=shop&srvMaxHosts=3&tlsInsecure=true',
        'srv: { name: a.b.c, service: shop, max_hosts: 3 }, tls: { insecure_skip_verify: true }',
        { insecure_skip_verify: true },
      ],
      [
        'mongodb+srv://a.b.c/?replicaSet=rs0&srvMaxHosts=0&directConnection=false',
        'replica_set: rs0, srv: { name: a.b.c }',
        {},
      ],
    ]
    for (const [uri, cluster, tls] of table) {
      const file = loadConfig({ kind: 'text', text: text(cluster), name: 'oplens.yaml' }, configParts, {})
      const given = fromUri(uri, { listen: '127.0.0.1:5000', admin: '127.0.0.1:0' }, configParts)
      t.same(given.config, file.config, uri)
      t.match(given.config.clusters[0]?.tls, tls, uri)
      t.match(
        given.config.listeners,
        [{ protocol: 'mongodb', mode: 'members', member_ports: {} }],
        'as of a replica set',
      )
      t.notMatch(given.filledIn(), /hunter2/)
      const again = loadConfig({ kind: 'text', text: given.filledIn(), name: 'printed.yaml' }, configParts, {})
      t.same(again.config, given.config, 'the printed config gives the same config')
    }
  },
)

t.test('what a file says of TLS beside a uri counts before what the uri says', async (t) => {
  const tlsOf = (uri: string, tls: string) => {
    const text = `
listeners: [ { name: main, address: "127.0.0.1:5000", protocol: mongodb, cluster: main, mode: transparent } ]
clusters: [ { name: main, uri: "${uri}", tls: ${tls} } ]`
    return loadConfig({ kind: 'text', text, name: 'oplens.yaml' }, configParts, {}).config.clusters[0]?.tls
  }
  t.equal(tlsOf('mongodb+srv://a.b.c/', 'false'), undefined)
  t.equal(tlsOf('mongodb://a/?tls=true', 'false'), undefined)
  t.match(tlsOf('mongodb+srv://a.b.c/?tls=false', '{}'), { min_version: 'TLSv1.2' })
  t.match(tlsOf('mongodb+srv://a.b.c/?tlsInsecure=true', '{ server_name: x }'), {
    server_name: 'x',
    insecure_skip_verify: true,
  })
})

t.test('members get the ports behind the listener, and behind any that is taken', async (t) => {
  const portsOf = (listen: string, admin: string) =>
    fromUri('mongodb://a,b/?replicaSet=rs0', { listen, admin }, configParts).config.listeners[0]?.member_ports
  t.same(portsOf('127.0.0.1:27018', '127.0.0.1:9901'), { first: 27_019, last: 27_068 })
  t.same(portsOf('127.0.0.1:27018', '127.0.0.1:27020'), { first: 27_021, last: 27_070 })
  t.same(portsOf('127.0.0.1:65530', '127.0.0.1:9901'), { first: 65_531, last: 65_535 })
  t.same(portsOf('127.0.0.1:0', '127.0.0.1:9901'), { first: 0, last: 0 })
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
    ['mongodb+srv://', 15, /expected a host name/, /mongodb\+srv:\/\/HOST/],
    ['mongodb+srv://u:hunter2@c.example.net:27017/', 38, /expected no port/, /mongodb:\/\/c.example.net:27017/],
    ['mongodb+srv://u:hunter2@c.example.net,d.example.net/', 38, /expected one host name/, /mongodb:\/\/HOST:PORT/],
    ['mongodb+srv://u:hunter2@10.0.0.1/', 25, /expected a host name/, /mongodb\+srv:\/\/HOST/],
    ['mongodb+srv://%2Ftmp%2Fmongodb.sock/', 15, /expected a host name/, /mongodb\+srv:\/\/HOST/],
    ['mongodb+srv://u:hunter2/x@c.example.net/', 15, /can not be told from the password/, /%2F/],
    ['mongodb+srv://a.b.c/?srvServiceName=_x', 22, /expected the name of a service/, /default is mongodb/],
    ['mongodb+srv://a.b.c/?tls=true&srvMaxHosts=-1', 31, /expected a whole number/, /0 takes all/],
    ['mongodb+srv://a.b.c/?srvMaxHosts=2&replicaSet=rs0', 22, /srvMaxHosts is for routers/, /remove one/],
    ['mongodb+srv://a.b.c/?directConnection=true', 22, /is for one server/, /mongodb:\/\/HOST/],
    ['mongodb+srv://a.b.c/?loadBalanced=true', 22, /loadBalanced=true is not supported/, /mongodb:\/\/HOST/],
    ['mongodb+srv://a.b.c/?srvAllowedHostsSuffix=b.c', 22, /is not supported/, /write the host names out/],
    ['mongodb://a/?srvMaxHosts=1', 14, /is for mongodb\+srv:\/\/ only/, /remove it/],
    ['mongodb://a/?tls=true&srvservicename=x', 23, /is for mongodb\+srv:\/\/ only/, /remove it/],
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

t.test('the URI for applications never asks DNS for hosts, and says where users may live', async (t) => {
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: 27_018 } as const
  const table: readonly [original: string, uri: string, notes: readonly RegExp[]][] = [
    ['mongodb+srv://c0.example.net', 'mongodb://127.0.0.1:27018/?directConnection=true', []],
    [
      'mongodb+srv://app%40x:hunter2@c0.example.net/shop?srvMaxHosts=2&srvServiceName=x&tls=false&retryWrites=true',
      'mongodb://app%40x@127.0.0.1:27018/shop?directConnection=true&retryWrites=true',
      [/password is left out/, /add authSource=admin if/],
    ],
    [
      'mongodb+srv://app@c0.example.net/shop?authSource=admin&replicaSet=rs0',
      'mongodb://app@127.0.0.1:27018/shop?directConnection=true&authSource=admin',
      [],
    ],
  ]
  for (const [original, expected, words] of table) {
    const { uri, notes } = applicationUri(tcp, { protocol: 'mongodb', original })
    t.equal(uri, expected, original)
    t.equal(notes.length, words.length, original)
    for (const [index, word] of words.entries()) t.match(notes[index], word)
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
