import { join } from 'node:path'
import t from 'tap'
import { dynamodbConfigSchema } from '../../../../src/codecs/dynamodb/config.js'
import { CredentialCache } from '../../../../src/codecs/dynamodb/resign/credential-cache.js'
import { type Credentials, credentialSource } from '../../../../src/codecs/dynamodb/resign/credential-sources.js'
import { FakeClock } from '../../../support/fake-clock.js'

const MINUTE_MS = 60_000
/** For promises that are already settled, and what waits for those. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A source that is answered by hand. */
function newStage() {
  const clock = new FakeClock()
  const asked: { give(lifeMs?: number): void; fail(error: unknown): void }[] = []
  const fetch = () =>
    new Promise<Credentials>((resolve, reject) => {
      const accessKeyId = `key ${asked.length + 1}`
      asked.push({
        give: (lifeMs) => {
          const keys = { accessKeyId, secretAccessKey: 'hunter2' }
          resolve(lifeMs === undefined ? keys : { ...keys, expiresAtMs: clock.wall() + lifeMs })
        },
        fail: reject,
      })
    })
  return { clock, asked, cache: new CredentialCache({ name: 'the test', fetch }, clock) }
}

t.test('all who ask at once wait for one fetch, and later ones for none', async (t) => {
  const { cache, asked } = newStage()
  const waiting = [cache.get(), cache.get(), cache.get()]
  t.equal(asked.length, 1)
  asked[0]?.give()
  t.same(
    (await Promise.all(waiting)).map(({ accessKeyId }) => accessKeyId),
    ['key 1', 'key 1', 'key 1'],
  )
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  t.equal(asked.length, 1)
})

t.test('credentials that end soon are given out while new ones are fetched, ended ones never', async (t) => {
  const { cache, asked, clock } = newStage()
  const first = cache.get()
  asked[0]?.give(15 * MINUTE_MS)
  t.match(await first, { accessKeyId: 'key 1' })
  clock.advance(9 * MINUTE_MS)
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  t.equal(asked.length, 1)
  clock.advance(MINUTE_MS + 1)
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  t.equal(asked.length, 2, 'one fetch, whoever asks')
  asked[1]?.give(6 * MINUTE_MS)
  await settle()
  t.match(await cache.get(), { accessKeyId: 'key 2' })
  clock.advance(6 * MINUTE_MS)
  const late = cache.get()
  asked[2]?.give(15 * MINUTE_MS)
  t.match(await late, { accessKeyId: 'key 3' })
})

t.test('a refresh that fails is tried again, and told when there is nothing valid left', async (t) => {
  const { cache, asked, clock } = newStage()
  const first = cache.get()
  asked[0]?.give(4 * MINUTE_MS)
  await first
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  asked[1]?.fail(Object.assign(new Error('The session is over'), { name: 'CredentialsProviderError' }))
  await settle()
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  t.equal(asked.length, 2, 'not at once')
  clock.advance(2_000)
  t.match(await cache.get(), { accessKeyId: 'key 1' })
  t.equal(asked.length, 3)
  asked[2]?.fail(Object.assign(new Error('The session is over'), { name: 'CredentialsProviderError' }))
  await settle()
  clock.advance(4 * MINUTE_MS)
  const late = cache.get()
  asked[3]?.fail(Object.assign(new Error('The session is over'), { name: 'CredentialsProviderError' }))
  const said = {
    code: 'OPL_CREDENTIALS',
    message: 'No credentials to sign requests with, from the test: The session is over',
  }
  await t.rejects(late, said)
  await t.rejects(cache.get(), said, 'the source is left alone for a while')
  t.equal(asked.length, 4)
  clock.advance(2_000)
  const again = cache.get()
  asked[4]?.give()
  t.match(await again, { accessKeyId: 'key 5' })
})

t.test('a source that gives ended credentials, or does not answer, fails', async (t) => {
  const ended = newStage()
  const first = ended.cache.get()
  ended.asked[0]?.give(-1)
  await t.rejects(first, { code: 'OPL_CREDENTIALS', message: /from the test: the ones it gives have expired/ })
  const silent = newStage()
  const waiting = silent.cache.get()
  silent.clock.advance(15_000)
  await t.rejects(waiting, { code: 'OPL_CREDENTIALS', message: /no answer within 15 s/ })
  t.equal(silent.clock.waiting, 0)
})

t.test('why a source failed is told without what may be secret', async (t) => {
  const named = (name: string, message: string) => Object.assign(new Error(message), { name })
  const table: readonly [error: unknown, said: RegExp][] = [
    [
      named('CredentialsProviderError', 'Could not load credentials from any providers'),
      /: Could not load credentials/,
    ],
    [
      named('CredentialsProviderError', `Command failed: vault --token hunter2\nhunter2`),
      /: its credential_process failed$/,
    ],
    [named('CredentialsProviderError', `One line\nhunter2`), /: One line$/],
    [named('CredentialsProviderError', 'x'.repeat(1_000)), /: x{200}\.\.\.$/],
    [named('AccessDenied', 'User hunter2 may not'), /: AccessDenied$/],
    [new SyntaxError('Unexpected token in {"SecretAccessKey": "hunter2"}'), /: SyntaxError$/],
    [named('hunter2 is it', ''), /: it failed$/],
    ['hunter2', /: it failed$/],
  ]
  for (const [error, said] of table) {
    const { cache, asked } = newStage()
    const waiting = cache.get()
    asked[0]?.fail(error)
    const failure = await waiting.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.match(failure, { code: 'OPL_CREDENTIALS', origin: 'proxy', message: said })
    t.equal(failure instanceof Error ? failure.cause : '', undefined)
    t.notMatch(failure instanceof Error ? `${failure.stack}${JSON.stringify(failure)}` : '', /hunter2/)
  }
})

const configOf = (credentials: unknown) => {
  const { resign } = dynamodbConfigSchema.parse({ resign: { credentials } })
  if (resign === undefined) throw new Error('resign is there')
  return resign.credentials
}

t.test('credentials come from where the config says, through the AWS SDK’s own packages', async (t) => {
  const folder = t.testdir({
    credentials: `
[default]
aws_access_key_id = of default
aws_secret_access_key = hunter2
[shop]
aws_access_key_id = of shop
aws_secret_access_key = hunter2
aws_session_token = token of shop
`,
    config: '',
  })
  const names = [
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_CREDENTIAL_EXPIRATION',
    'AWS_PROFILE',
  ]
  const files = { AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'), AWS_CONFIG_FILE: join(folder, 'config') }
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  for (const name of names) delete process.env[name]
  // No test asks the machine that it runs on for its role.
  Object.assign(process.env, files, { AWS_EC2_METADATA_DISABLED: 'true' })
  const ask = (credentials: unknown) => credentialSource(configOf(credentials)).fetch()

  t.same(await ask({ access_key_id: 'own', secret_access_key: 'hunter2' }), {
    accessKeyId: 'own',
    secretAccessKey: 'hunter2',
  })
  t.match(await ask('profile'), { accessKeyId: 'of default' })
  t.match(await ask({ profile: 'shop' }), { accessKeyId: 'of shop', sessionToken: 'token of shop' })
  t.match(await ask('env'), { accessKeyId: 'of default' }, 'the chain comes to the shared files, too')
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'of env',
    AWS_SECRET_ACCESS_KEY: 'hunter2',
    AWS_CREDENTIAL_EXPIRATION: '2026-11-26T18:30:05Z',
  })
  t.match(await ask('env'), { accessKeyId: 'of env', expiresAtMs: Date.UTC(2026, 10, 26, 18, 30, 5) })
  t.match(await ask('profile'), { accessKeyId: 'of default' })

  const missing = new CredentialCache(credentialSource(configOf({ profile: 'nobody' })), new FakeClock())
  await t.rejects(missing.get(), { code: 'OPL_CREDENTIALS', message: /from profile nobody: .*\[nobody\]/ })
})
