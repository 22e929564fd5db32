import t from 'tap'
import { Headers, newCodec, newConnection, read } from '../../support/dynamodb.js'

const codec = newCodec()
const head = (method: string, target: string | undefined) => ({
  method,
  target: '/',
  headers: new Headers(target === undefined ? {} : { 'x-amz-target': target }),
})

t.test('it is DynamoDB by method and target', async (t) => {
  t.ok(codec.matches(head('POST', 'DynamoDB_20120810.GetItem')))
  t.ok(codec.matches(head('POST', 'DynamoDBStreams_20120810.GetRecords')))
  t.ok(codec.matches(head('POST', 'DynamoDB_20120810.MakeCoffee')))
  t.notOk(codec.matches(head('GET', 'DynamoDB_20120810.GetItem')))
  t.notOk(codec.matches(head('POST', 'DynamoDB_20111205.GetItem')))
  t.notOk(codec.matches(head('POST', 'Kinesis_20131202.GetRecords')))
  t.notOk(codec.matches(head('POST', undefined)))
})

const AGENTS: readonly (readonly [agent: string, driver: string, version: string, application: string])[] = [
  [
    'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2 api/dynamodb#3.1164.0 m/E,N app/shop',
    'aws-sdk-js',
    '3.1164.0',
    'shop',
  ],
  [
    'Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux lang/python#3.12 cfg/retry-mode#standard app/my-shop Botocore/1.44.5',
    'Boto3',
    '1.44.5',
    'my-shop',
  ],
  [
    'aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.24 md/GOOS#linux api/dynamodb#1.73.2',
    'aws-sdk-go-v2',
    '1.39.0',
    '',
  ],
  ['aws-sdk-java/2.33.1 md/io#sync lang/java#21 app/a.b', 'aws-sdk-java', '2.33.1', 'a.b'],
  ['aws-sdk-dotnet-coreclr/4.0.1 ua/2.1 os/windows', 'aws-sdk-dotnet-coreclr', '4.0.1', ''],
  ['aws-cli/2.31.0 md/awscrt#0.27 ua/2.1', 'aws-cli', '2.31.0', ''],
  ['Mozilla/5.0 (X11; Linux) app/evil', '', '', ''],
  ['', '', '', ''],
]

t.test('driver and application are known from an AWS SDK’s user agent', async (t) => {
  for (const [agent, driver, driverVersion, application] of AGENTS) {
    const connection = newConnection()
    const headers = new Headers({ 'x-amz-target': 'DynamoDB_20120810.ListTables', 'User-Agent': agent })
    codec.open({ method: 'POST', target: '/', headers }, connection)
    t.match(connection, { driver, driverVersion, application }, agent)
  }
  const connection = newConnection()
  const browser = { 'user-agent': 'Mozilla/5.0', 'x-amz-user-agent': 'aws-sdk-js/3.1164.0 ua/2.1 app/web' }
  codec.open({ method: 'POST', target: '/', headers: new Headers(browser) }, connection)
  t.match(connection, { driver: 'aws-sdk-js', application: 'web' })
})

t.test('attempt and trace parent go into the exchange', async (t) => {
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const of = (requestHeaders: Record<string, string>) =>
    read({ operation: 'ListTables', request: {}, requestHeaders, reply: {} }).exchange
  t.match(of({ 'amz-sdk-request': 'attempt=2; max=3', traceparent: parent }), { attempt: 2, traceParent: parent })
  t.match(of({ 'amz-sdk-request': 'ttl=20261126T180000Z; attempt=12; max=3' }), { attempt: 12 })
  t.match(of({}), { attempt: 0, traceParent: '' })
  t.match(of({ 'amz-sdk-request': 'attempt=x', traceparent: 'a value' }), { attempt: 0, traceParent: '' })
})

t.test('what is in Object’s prototype is no operation and no error', async (t) => {
  const { exchange } = read({ operation: 'toString', request: {}, status: 400, reply: { __type: '__proto__' } })
  t.match(exchange, { operation: { command: '__other__' }, outcome: { codeName: '' }, errorLabels: ['other'] })
})
