import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseYamlData } from '../../src/config/yaml-data.js'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import { type ClusterManagerDeps, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { parseHosts } from '../../src/upstream/discovery/hosts-config.js'
import { FakeClock } from '../support/fake-clock.js'
import { createTempDirectory } from '../support/tls.js'

async function setUp(t: Test, first?: string, deps: Partial<ClusterManagerDeps> = {}) {
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const path = join(directory.path, 'hosts.yaml')
  if (first !== undefined) await directory.write('hosts.yaml', first)
  const clock = new FakeClock()
  const reasons: string[] = []
  const logger: Logger = {
    ...silentLogger,
    warn: ({ reason }) => reasons.push(String(reason).replace(`${path}: `, '')),
  }
  const parsed = clusterSchema.parse({ name: 'shop', file: { path } })
  const manager = createClusterManager([parsed], { clock, random: () => 0, logger, parseText: parseYamlData, ...deps })
  t.teardown(() => manager.close())
  const cluster = manager.all[0]
  if (cluster === undefined) throw new Error('no cluster')
  return {
    path,
    clock,
    cluster,
    reasons,
    names: () => cluster.hosts.all.map(({ name, weight }) => `${name}*${weight}`).join(' '),
    /** As those do it who want it to be seen whole. */
    replace: async (text: string) => rename(await directory.write('next', text), path),
    /** One look at the file. */
    poll: async () => {
      clock.advance(2_000)
      while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

t.test('the hosts of a file are known before anything else runs, and follow its replacement', async (t) => {
  const { cluster, names, replace, poll } = await setUp(t, '- 10.0.0.1:1\n- { address: 10.0.0.2:1, weight: 3 }\n')
  t.equal(names(), '10.0.0.1:1*1 10.0.0.2:1*3')
  t.equal(cluster.whenDiscovered(new AbortController().signal), undefined, 'nobody has to wait')
  const kept = cluster.hosts.all[0]
  await replace('{ "hosts": ["10.0.0.3:1", "10.0.0.1:1"] }')
  t.equal(names(), '10.0.0.1:1*1 10.0.0.2:1*3', 'not before it is looked at')
  await poll()
  t.equal(names(), '10.0.0.3:1*1 10.0.0.1:1*1', 'JSON is YAML')
  t.equal(cluster.hosts.all[1], kept)
  t.match(cluster.stats, { membershipChanges: 1, discoveryFailures: 0 })
  await poll()
  t.equal(cluster.hosts.version, 2, 'a file that stays is no change')
})

t.test('a bad file is refused whole, once, and named; the known hosts stay until a good one comes', async (t) => {
  const { cluster, names, reasons, replace, poll } = await setUp(t, '[ 10.0.0.1:1 ]')
  await replace('hosts: [ 10.0.0.2:1, nonsense ]')
  await poll()
  await poll()
  t.equal(names(), '10.0.0.1:1*1')
  t.strictSame(reasons, ['hosts[1]: expected host:port, [v6]:port or unix:/path, got "nonsense"'])
  t.equal(cluster.stats.discoveryFailures, 1)
  await replace('[ 10.0.0.2:1 ]')
  await poll()
  t.equal(names(), '10.0.0.2:1*1')
})

t.test('a file that is missing is a failure, and read when it comes; one that goes leaves its hosts', async (t) => {
  const { path, cluster, names, reasons, replace, poll } = await setUp(t)
  t.match(reasons, [/ENOENT/])
  t.equal(cluster.stats.discoveryFailures, 1)
  await t.rejects(cluster.connect({ signal: new AbortController().signal }), /has no usable host/)
  await poll()
  t.equal(cluster.stats.discoveryFailures, 1, 'it is told once')
  await replace('[ 10.0.0.1:1 ]')
  await poll()
  t.equal(names(), '10.0.0.1:1*1')
  await rm(path)
  await poll()
  t.equal(names(), '10.0.0.1:1*1')
  t.match(reasons, [/ENOENT/, /ENOENT/])
  await mkdir(path)
  await poll()
  t.match(reasons[2], /EISDIR/)
})

t.test('a file is not looked at after its cluster ended, not even by a look that is under way', async (t) => {
  for (const change of ['other hosts', 'nothing'] as const) {
    const { path, clock, cluster, names, reasons, replace } = await setUp(t, '[ 10.0.0.1:1 ]')
    if (change === 'other hosts') await replace('[ 10.0.0.2:1 ]')
    else await rm(path)
    clock.advance(2_000)
    cluster.close()
    t.equal(clock.waiting, 0)
    // The look has two steps on the file system; both are over when later ones are.
    for (let turn = 0; turn < 20; turn++) await stat('.')
    t.equal(clock.waiting, 0)
    t.strictSame([names(), reasons], ['10.0.0.1:1*1', []], change)
  }
})

t.test('each kind of bad file has its reason', async (t) => {
  const cases: readonly (readonly [content: string, reason: RegExp])[] = [
    ['', /^expected a list of hosts/],
    ['hosts', /^expected a list of hosts/],
    ['{ hosts: 3 }', /^expected a list of hosts/],
    ['[]', /^it lists no host$/],
    ['{ hosts: [] }', /^it lists no host$/],
    ['{ hosts: [ "a:1" ], weight: 3 }', /^unknown key "weight" beside hosts$/],
    ['[ { address: "a:1", wieght: 3 } ]', /^hosts\[0\]: .*wieght/],
    ['[ "a:1", { address: "a:1", weight: 200 } ]', /^hosts\[1\]\.weight: .*128/],
    ['[ 6379 ]', /^hosts\[0\]: /],
    ['- a:1\n- [\n', /^line 2: /],
    [`- "\${HOST}:1"`, /^line 1: /],
  ]
  for (const [content, reason] of cases) {
    const { reasons, cluster } = await setUp(t, content)
    t.equal(reasons.length, 1, content)
    t.match(reasons[0], reason, content)
    t.equal(cluster.hosts.version, 0, content)
  }
  const huge = await setUp(t, `- a:1 #${'x'.repeat(1_048_576)}`)
  t.match(huge.reasons, [/^it has \d+ bytes, at most 1048576/])
  t.throws(() => parseHosts(Array.from({ length: 1_001 }, (_, i) => `a:${i + 1}`)), /1001 hosts, at most 1000/)
  t.equal(parseHosts(Array.from({ length: 1_000 }, (_, i) => `a:${i + 1}`)).length, 1_000)
})

t.test('without a parser of its own a file is JSON', async (t) => {
  const good = await setUp(t, '["10.0.0.1:1"]', { parseText: undefined } as object)
  t.equal(good.names(), '10.0.0.1:1*1')
  const bad = await setUp(t, '- 10.0.0.1:1', { parseText: undefined } as object)
  t.match(bad.reasons, [/JSON/])
})
