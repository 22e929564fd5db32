import t from 'tap'
import { configParts } from '../../src/cli/config-parts.js'
import { applicationUri } from '../../src/config/application-uri.js'
import { fromUri } from '../../src/config/from-uri.js'
import { loadConfig } from '../../src/config/load.js'
import { parseAwsHost } from '../../src/core/aws-host.js'
import { ConfigError } from '../../src/core/errors.js'

const AWS = 'dynamodb.eu-central-1.amazonaws.com'

t.test('a URI of DynamoDB or HTTP gives the config that a file would', async (t) => {
  const resign = 'codec: { resign: { credentials: env } }'
  const table: readonly [uri: string, listener: string, cluster: string][] = [
    ['dynamodb://localhost', 'protocol: dynamodb', 'hosts: [ "localhost:8000" ]'],
    ['DynamoDB://[::1]:4566/', 'protocol: dynamodb', 'hosts: [ "[::1]:4566" ]'],
    ['dynamodb://db.internal?tls=true', 'protocol: dynamodb', 'hosts: [ "db.internal:443" ], tls: {}'],
    [
      'dynamodb://db.internal:8000/?tls=true&tlsAllowInvalidCertificates=true',
      'protocol: dynamodb',
      'hosts: [ "db.internal:8000" ], tls: { insecure_skip_verify: true }',
    ],
    [`dynamodb://${AWS}`, `protocol: dynamodb, ${resign}`, `hosts: [ "${AWS}:443" ], tls: {}`],
    [
      'dynamodb://vpce-1a2b-x.dynamodb.us-east-1.vpce.amazonaws.com:443/',
      `protocol: dynamodb, ${resign}`,
      'hosts: [ "vpce-1a2b-x.dynamodb.us-east-1.vpce.amazonaws.com:443" ], tls: {}',
    ],
    ['http://api.internal', 'protocol: http, http: { host: api.internal }', 'hosts: [ "api.internal:80" ]'],
    ['http://127.0.0.1:3000/', 'protocol: http', 'hosts: [ "127.0.0.1:3000" ]'],
    ['https://api.internal', 'protocol: http, http: { host: api.internal }', 'hosts: [ "api.internal:443" ], tls: {}'],
    [
      'https://api.internal:8443?tlsInsecure=true',
      'protocol: http, http: { host: "api.internal:8443" }',
      'hosts: [ "api.internal:8443" ], tls: { insecure_skip_verify: true }',
    ],
  ]
  for (const [uri, listener, cluster] of table) {
    const text = `
admin: { address: "127.0.0.1:0" }
listeners: [ { name: main, address: "127.0.0.1:5000", cluster: main, ${listener} } ]
clusters: [ { name: main, ${cluster} } ]`
    const file = loadConfig({ kind: 'text', text, name: 'oplens.yaml' }, configParts, {})
    const given = fromUri(uri, { listen: '127.0.0.1:5000', admin: '127.0.0.1:0' }, configParts)
    t.same(given.config, file.config, uri)
    const again = loadConfig({ kind: 'text', text: given.filledIn(), name: 'printed.yaml' }, configParts, {})
    t.same(again.config, given.config, 'the printed config gives the same config')
  }
})

t.test('each protocol has a port of its own to listen on, beside the database’s own', async (t) => {
  const listenOf = (uri: string) => fromUri(uri, {}, configParts).config.listeners[0]?.address
  t.match(listenOf('dynamodb://localhost'), { host: '127.0.0.1', port: 8_001 })
  t.match(listenOf('http://localhost'), { host: '127.0.0.1', port: 8_081 })
  t.match(listenOf('https://localhost'), { host: '127.0.0.1', port: 8_081 })
  t.match(listenOf('mongodb://localhost'), { host: '127.0.0.1', port: 27_018 })
})

t.test('requests for AWS are signed again, unless clients dial its own name', async (t) => {
  const listenerOf = (uri: string, advertise?: string) =>
    fromUri(uri, advertise === undefined ? {} : { advertise }, configParts).config.listeners[0]
  const resign = { credentials: { kind: 'env' }, allow_any_client: false }
  t.match(listenerOf(`dynamodb://${AWS}`), { codec: { resign } })
  t.match(listenerOf(`dynamodb://${AWS}`, 'proxy.internal'), { advertise: 'proxy.internal', codec: { resign } })
  t.notHas(listenerOf(`dynamodb://${AWS}`, AWS)?.codec, { resign })
  t.equal(listenerOf(`dynamodb://${AWS}`, AWS)?.advertise, AWS)
  t.notHas(listenerOf('dynamodb://localhost')?.codec, { resign })
})

t.test('a cluster’s uri has the same schemes', async (t) => {
  const text = `
listeners: [ { name: main, address: "127.0.0.1:5000", protocol: dynamodb, cluster: main, codec: { resign: {} } } ]
clusters: [ { name: main, uri: "dynamodb://${AWS}", tls: { min_version: TLSv1.3 } } ]`
  const { config } = loadConfig({ kind: 'text', text, name: 'oplens.yaml' }, configParts, {})
  t.match(config.clusters, [{ hosts: [{ address: { host: AWS, port: 443 } }], tls: { min_version: 'TLSv1.3' } }])
})

t.test('what is no usable URI is refused at its column, and never by quoting a password', async (t) => {
  const table: readonly [uri: string, column: number, message: RegExp, suggestion: RegExp][] = [
    ['dynamodb://', 12, /expected host or host:port, got ""/, /^dynamodb:\/\/HOST$/],
    ['http://', 8, /expected host or host:port/, /^http:\/\/HOST$/],
    ['https://a b', 9, /expected host or host:port/, /^https:\/\/HOST$/],
    ['dynamodb://a:70000', 12, /got "a:70000"/, /HOST/],
    ['dynamodb://a:1,b:2', 15, /expected one host/, /hosts: \[/],
    ['http://a/v1/users', 9, /expected no path/, /^http:\/\/a$/],
    ['dynamodb://a:8000/orders', 18, /expected no path/, /^dynamodb:\/\/a:8000$/],
    ['http://a?x=1', 10, /http:\/\/ has no option "x"/, /remove it/],
    ['http://a/?tls=true', 11, /http:\/\/ says itself/, /write https:/],
    ['https://a/?tls=false', 12, /https:\/\/ says itself/, /^write http:/],
    ['https://a/?tlsCaFil=x', 12, /has no option "tlsCaFil"/, /did you mean "tlsCAFile"/],
    ['dynamodb://a?region=x', 14, /has no option "region"/, /known: tls/],
    ['dynamodb://a?tls', 14, /expected name=value/, /&/],
    ['dynamodb://a?tls=yes', 1, /expected tls=true or tls=false/, /^$/],
    ['dynamodb://key:hunter2@a', 12, /expected no user/, /resign/],
    ['dynamodb://key:hunter2/x@a', 12, /expected no user/, /resign/],
    ['dynamodb://key:hunter2?x@a', 12, /expected no user/, /resign/],
    ['dynamodb://key:1?hunter2@a=1', 18, /has no option of this name/, /known|remove/],
    ['https://u:hunter2@a', 9, /expected no user/, /applications have their own$/],
    ['dynamodb+https://a', 1, /unknown scheme/, /did you mean "dynamodb"/],
    ['htp://a', 1, /unknown scheme/, /did you mean "http"/],
  ]
  for (const [uri, column, message, suggestion] of table) {
    let problem: unknown
    try {
      fromUri(uri, {}, configParts)
    } catch (error) {
      problem = error instanceof ConfigError ? error.problems[0] : error
    }
    t.match(problem, { file: '--to', line: 1, column, message, suggestion }, uri)
    t.notMatch(JSON.stringify(problem), /hunter2/, uri)
  }
})

t.test('applications get a variable for DynamoDB and a URL for HTTP', async (t) => {
  const at = (host: string, port = 8_001) => ({ kind: 'tcp', host, port }) as const
  const of = (...args: Parameters<typeof applicationUri>) => applicationUri(...args)
  const local = of(at('127.0.0.1'), { protocol: 'dynamodb' })
  t.equal(local.uri, 'AWS_ENDPOINT_URL=http://127.0.0.1:8001')
  t.match(local.notes, [/AWS_ENDPOINT_URL_DYNAMODB/])
  t.equal(of(at('::1'), { protocol: 'dynamodb', isTls: true }).uri, 'AWS_ENDPOINT_URL=https://[::1]:8001')
  const all = of(at('0.0.0.0'), { protocol: 'dynamodb' })
  t.equal(all.uri, 'AWS_ENDPOINT_URL=http://127.0.0.1:8001')
  t.match(all.notes, [/From other machines/, /AWS_ENDPOINT_URL_DYNAMODB/])
  const told = of(at('0.0.0.0'), { protocol: 'http', advertise: 'proxy.internal' })
  t.same(told, { uri: 'http://proxy.internal:8001', notes: [] })
  t.same(of({ kind: 'unix', path: '/run/o.sock' }, { protocol: 'http' }), { uri: 'unix:/run/o.sock', notes: [] })
})

t.test('endpoints of DynamoDB in AWS are known by their names, with their regions', async (t) => {
  const table: readonly [host: string, region: string | undefined][] = [
    ['dynamodb.us-east-1.amazonaws.com', 'us-east-1'],
    ['DynamoDB.EU-Central-1.amazonaws.com.:443', 'eu-central-1'],
    ['dynamodb-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['dynamodb.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['dynamodb.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1'],
    ['dynamodb.us-iso-east-1.c2s.ic.gov', 'us-iso-east-1'],
    ['dynamodb.ap-southeast-5.api.aws', 'ap-southeast-5'],
    ['streams.dynamodb.us-east-1.amazonaws.com', 'us-east-1'],
    ['streams-dynamodb.us-east-1.api.aws', 'us-east-1'],
    ['123456789012.ddb.us-east-1.amazonaws.com', 'us-east-1'],
    ['123456789012.ddb.us-east-1.api.aws', 'us-east-1'],
    ['vpce-0a1b2c-x9.dynamodb.us-east-1.vpce.amazonaws.com', 'us-east-1'],
    ['vpce-0a1b2c-x9-us-east-1a.streams.dynamodb.us-east-1.vpce.amazonaws.com', 'us-east-1'],
    ['s3.us-east-1.amazonaws.com', undefined],
    ['dynamodb.us-east-1.amazonaws.com.evil.example', undefined],
    ['evil-dynamodb.us-east-1.amazonaws.com', undefined],
    ['dynamodb.us-east-1.amazonawsXcom', undefined],
    ['dynamodb.amazonaws.com', undefined],
    ['dynamodb.internal', undefined],
    ['127.0.0.1:8000', undefined],
    ['', undefined],
  ]
  for (const [host, region] of table) t.equal(parseAwsHost(host)?.region, region, host)
})
