import { createHash } from 'node:crypto'
import t from 'tap'
import { dynamodb } from '../../../../src/codecs/dynamodb/index.js'
import type { HttpSigner } from '../../../../src/core/http.js'
import { Headers } from '../../../support/dynamodb.js'
import { FakeClock } from '../../../support/fake-clock.js'

const AT_MS = Date.UTC(2026, 10, 26, 18, 30, 5)
const STATIC = { access_key_id: 'AKIDEXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const HOST = 'dynamodb.eu-central-1.amazonaws.com'
const GET_ITEM = { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'DynamoDB_20120810.GetItem' }
const BODY = '{"TableName":"orders","Key":{"id":{"S":"1"}}}'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function newSigner(resign: object, host = HOST, clock = new FakeClock(AT_MS - 1_700_000_000_000)): HttpSigner {
  const signer = dynamodb.createSigner?.(dynamodb.config.parse({ resign }), { clock, host })
  if (signer === undefined) throw new Error('resign makes a signer')
  return signer
}

const head = (fields: readonly (readonly [string, string])[] | Readonly<Record<string, string>>, target = '/') => ({
  method: 'POST',
  target,
  headers: new Headers(fields),
})

interface Vector {
  readonly name: string
  readonly resign?: object
  readonly host?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly scope: string
  readonly signed: string
  readonly signature: string
}

// The signatures are what botocore 1.44.8 (SigV4Auth, Python 3.11) computes of the same requests; it shares no code with the package.
// test/real/resign.real.mjs asks it again.
const VECTORS: readonly Vector[] = [
  {
    name: 'an item is read',
    headers: GET_ITEM,
    body: BODY,
    scope: '20261126/eu-central-1/dynamodb/aws4_request',
    signed: 'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target',
    signature: '47ec7417cfc4f99ae62fc4c741d830d1cffac564cb66b886c3d0e9c8cfaa1085',
  },
  {
    name: 'credentials of a session',
    resign: { credentials: { ...STATIC, session_token: 'FwoGZXIvYXdzEXAMPLETOKEN==' } },
    headers: GET_ITEM,
    body: BODY,
    scope: '20261126/eu-central-1/dynamodb/aws4_request',
    signed: 'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-target',
    signature: 'f0d4a9aeaab07ddba47c6d5fd7cfccdfe2fdf36333b54ac2e64f3478cdf42940',
  },
  {
    name: 'streams have the service of their tables',
    host: 'streams.dynamodb.us-east-1.amazonaws.com',
    headers: { ...GET_ITEM, 'X-Amz-Target': 'DynamoDBStreams_20120810.ListStreams' },
    body: '{}',
    scope: '20261126/us-east-1/dynamodb/aws4_request',
    signed: 'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target',
    signature: '7dd5818cd1b281a025223eadf2ebc8908c2a656dd489c405d0d8490dcb5eced6',
  },
  {
    name: 'fields of AWS that the client had signed stay signed, others and its own signature do not',
    headers: {
      ...GET_ITEM,
      Authorization:
        'AWS4-HMAC-SHA256 Credential=A/1/r/dynamodb/aws4_request, SignedHeaders=amz-sdk-request;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-meta;x-amz-missing;x-amz-security-token;x-amz-target, Signature=0',
      'X-Amz-Date': '20200101T000000Z',
      'X-Amz-Security-Token': 'of the client',
      'amz-sdk-request': 'attempt=1',
      'Content-Length': '45',
      Host: '127.0.0.1:8001',
      'X-Amz-Meta': 'two  spaces',
    },
    body: BODY,
    scope: '20261126/eu-central-1/dynamodb/aws4_request',
    signed: 'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta;x-amz-target',
    signature: '478d22b90d369016515eea5c6097f9d57bac8b1dbd73fd152a41d512318e6865',
  },
  {
    name: 'another server, with a port and a region of its own',
    host: 'dynamodb.internal:8000',
    resign: { region: 'us-west-2' },
    headers: GET_ITEM,
    body: '',
    scope: '20261126/us-west-2/dynamodb/aws4_request',
    signed: 'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target',
    signature: '274282873773c48cb4bf1fceaedd6a88ccf789919c63dbd6ea3e486e7cb52ed7',
  },
]

t.test('a request is signed as another implementation signs it', async (t) => {
  for (const { name, resign, host = HOST, headers, body, scope, signed, signature } of VECTORS) {
    const signer = newSigner({ credentials: STATIC, ...resign }, host)
    const { drop, add } = await signer.sign(head(headers), sha256(body))
    const fields = Object.fromEntries(add)
    t.equal(
      fields.authorization,
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
      name,
    )
    t.match(fields, { host, 'x-amz-date': '20261126T183005Z', 'x-amz-content-sha256': sha256(body) }, name)
    t.equal('x-amz-security-token' in fields, signed.includes('token'), name)
    const ofClient = ['authorization', 'host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token']
    t.same(drop.toSorted(), ofClient, `${name}: none of the client’s stays beside`)
  }
})

t.test('what a target looks like does not matter to how it is signed, as long as it means the same', async (t) => {
  const signer = newSigner({ credentials: STATIC })
  const signatureOf = async (target: string, fields = GET_ITEM) =>
    new Map((await signer.sign(head(fields, target), sha256(BODY))).add).get('authorization')
  const [vector] = VECTORS
  t.match(await signatureOf('/'), vector?.signature)
  t.equal(await signatureOf(`https://${HOST}/`), await signatureOf('/'))
  t.equal(await signatureOf(`https://${HOST}`), await signatureOf('/'))
  t.equal(await signatureOf('/?b=2&a=%41&a=0'), await signatureOf('/?a=0&a=A&b=2'))
  t.not(await signatureOf('/?a=1'), await signatureOf('/'))
  for (const odd of ['/?', '/?%', '/?=&=', '/?__proto__=1', '/%', '*', '/?a=?'])
    t.match(await signatureOf(odd), /Signature=/)
})

t.test('a hash is the client’s word for its body only when it is one', async (t) => {
  const signer = newSigner({ credentials: STATIC })
  const hash = sha256(BODY)
  const table: readonly [values: readonly string[], declared: string | undefined][] = [
    [[hash], hash],
    [[hash.toUpperCase()], hash],
    [[], undefined],
    [[''], undefined],
    [['UNSIGNED-PAYLOAD'], undefined],
    [['STREAMING-AWS4-HMAC-SHA256-PAYLOAD'], undefined],
    [['STREAMING-UNSIGNED-PAYLOAD-TRAILER'], undefined],
    [[hash.slice(1)], undefined],
    [[`${hash}0`], undefined],
    [[`g${hash.slice(1)}`], undefined],
    [[hash, sha256('')], undefined],
  ]
  for (const [values, declared] of table) {
    const fields = values.map((value) => ['X-Amz-Content-Sha256', value] as const)
    t.equal(signer.declaredHash(head(fields)), declared, values.join() || 'none')
  }
})

t.test('who may use the credentials is said by address', async (t) => {
  const any = newSigner({ credentials: STATIC })
  t.ok(any.allows('192.0.2.1'))
  const signer = newSigner({ credentials: STATIC, allow_clients: ['10.0.0.5/8', '192.0.2.7', 'fd00::/8', 'fe80::/10'] })
  for (const client of ['10.0.0.1', '10.255.255.255', '::ffff:10.1.2.3', '192.0.2.7', 'fd12::1', 'fe80::1%eth0']) {
    t.ok(signer.allows(client), client)
  }
  for (const client of [
    '11.0.0.1',
    '192.0.2.8',
    '::ffff:11.0.0.1',
    'fc00::1',
    '127.0.0.1',
    '::1',
    '',
    'unix:/run/x',
    '10.0.0',
  ]) {
    t.notOk(signer.allows(client), client)
  }
})

t.test('no web page gets a signature, however its browser reached the port', async (t) => {
  const signer = newSigner({ credentials: STATIC })
  const ofBrowsers = [{ Origin: 'https://example.com' }, { origin: 'null' }, { 'Sec-Fetch-Site': 'same-origin' }]
  for (const fields of ofBrowsers) {
    const signing = signer.sign(head({ ...GET_ITEM, ...fields }), sha256(BODY))
    await t.rejects(signing, { code: 'OPL_RESIGN_BROWSER', origin: 'downstream' }, Object.keys(fields).join())
  }
})

t.test('without resign there is no signer, and its default holds bodies up to 16 MiB', async (t) => {
  t.equal(dynamodb.createSigner?.(dynamodb.config.parse({}), { clock: new FakeClock(), host: HOST }), undefined)
  t.equal(newSigner({}).maxBodyBytes, 16 * 1_048_576)
  t.equal(newSigner({ max_body: '1MiB' }).maxBodyBytes, 1_048_576)
  t.throws(() => newSigner({}, 'dynamodb.internal'), /no region is known for dynamodb.internal/)
})
