import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { configParts } from '../../src/cli/config-parts.js'
import { loadConfig } from '../../src/config/load.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly healthcheck?: { readonly test?: readonly string[] }
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>
}

const { services } = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> }
const all = Object.entries(services)
const named = (name: string): Service => {
  const service = services[name]
  if (service === undefined) throw new Error(`docker-compose.yml has no ${name}`)
  return service
}
/** Files of this repository by where a service finds them. */
const mountsOf = ({ volumes = [] }: Service): Map<string, string> =>
  new Map(volumes.map((volume) => volume.split(':')).map(([source = '', target = '']) => [target, source]))
const PINNED = /^[a-z][\w./-]*:v?\d+\.\d+\.\d+(-[\w.-]+)?$/
const dockerfile = read('deploy/Dockerfile')
const lines = dockerfile.split('\n')
const { config, warnings } = loadConfig(
  { kind: 'file', path: join(ROOT, 'deploy/compose/oplens.yaml') },
  configParts,
  {},
)

t.test('images are pinned by version, and what is built says from what', async (t) => {
  for (const [name, { image, build }] of all) {
    if (image === 'oplens:compose') continue
    t.equal(build, undefined, name)
    t.match(image, PINNED, name)
  }
  t.same(named('oplens').build, { context: '.', dockerfile: 'deploy/Dockerfile' })
  const builders = all.filter(([, { build }]) => build !== undefined).map(([name]) => name)
  t.same(builders, ['oplens'], 'the others of that image use it as it is')
})

t.test('every mounted path exists, and is mounted read-only', async (t) => {
  let count = 0
  for (const [name, { volumes = [] }] of all) {
    for (const volume of volumes) {
      count++
      const [source = '', target = '', mode] = volume.split(':')
      t.ok(source.startsWith('./') && existsSync(join(ROOT, source)), `${name}: ${source}`)
      t.match(target, /^\//, `${name}: ${target}`)
      t.equal(mode, 'ro', `${name}: ${volume}`)
    }
  }
  t.ok(count >= 7)
})

t.test('ports are published on loopback alone, each once', async (t) => {
  const published = all.flatMap(([, { ports = [] }]) => ports)
  t.ok(published.length > 0)
  for (const port of published) t.match(port, /^127\.0\.0\.1:\d+:\d+$/)
  const outside = published.map((port) => port.split(':')[1])
  t.equal(new Set(outside).size, outside.length)
})

t.test('what a service waits for is there, and can tell that it is ready', async (t) => {
  for (const [name, { depends_on = [] }] of all) {
    const waits = Array.isArray(depends_on) ? depends_on.map((other) => [other, {}]) : Object.entries(depends_on)
    for (const [other, { condition }] of waits) {
      const service = named(other)
      if (condition !== 'service_healthy') continue
      const isAskable = service.healthcheck?.test !== undefined || service.image === 'oplens:compose'
      t.ok(isAskable, `${name} waits until ${other} is healthy`)
    }
  }
})

t.test('the config of oplens is a good one, and fits the services', async (t) => {
  t.same(
    warnings.map(({ path }) => path),
    ['admin.address'],
    'nothing to warn of, but that a container has to be reachable',
  )
  const listeners = config.listeners.map(({ name, protocol, mode }) => [name, protocol, mode])
  t.same(listeners, [
    ['shop', 'mongodb', 'members'],
    ['shop-primary', 'mongodb', 'primary'],
  ])
  const text = read('deploy/compose/oplens.yaml')
  const members = [...text.matchAll(/"(\w+):27017": \{ port/g)].map((match) => match[1] ?? '')
  t.same(members, ['mongo1', 'mongo2', 'mongo3'])
  for (const member of members) {
    t.match(named(member).command, ['mongod', '--replSet', 'rs0'])
    t.match(text, `${member}:27017,`.replace('mongo3:27017,', 'mongo3:27017/?replicaSet=rs0'), 'the uri names it')
    t.match(read('deploy/compose/init-set.js'), `'${member}'`)
  }
  const { ports = [] } = named('oplens')
  t.same(
    ports,
    ['127.0.0.1:27019:27019', '127.0.0.1:9901:9901'],
    'the listener for this machine, and the admin address',
  )
  t.match(text, 'address: 0.0.0.0:27019')
  t.equal(mountsOf(named('oplens')).get('/etc/oplens/oplens.yaml'), './deploy/compose/oplens.yaml')
  t.equal(named('workload').environment?.MONGODB_URI, 'mongodb://oplens:27018/?replicaSet=rs0')
})

t.test('Prometheus scrapes oplens under the name that dashboards and rules want, and finds the rules', async (t) => {
  const mounts = mountsOf(named('prometheus'))
  const file =
    named('prometheus')
      .command?.find((arg) => arg.startsWith('--config.file='))
      ?.split('=')[1] ?? ''
  const prometheus = parse(read(mounts.get(file) ?? ''))
  t.same(prometheus.scrape_configs, [{ job_name: 'oplens', static_configs: [{ targets: ['oplens:9901'] }] }])
  t.match(read('deploy/compose/oplens.yaml'), 'allowed_hosts: [ oplens ]', 'which answers to that name')
  for (const rules of prometheus.rule_files) {
    const [folder = '', name = ''] = rules.split('/')
    t.ok(existsSync(join(ROOT, mounts.get(`/etc/prometheus/${folder}`) ?? 'nowhere', name)), rules)
  }
})

t.test('Grafana is given Prometheus, Jaeger and the dashboards', async (t) => {
  const mounts = mountsOf(named('grafana'))
  const at = (path: string) => parse(read(mounts.get(path) ?? ''))
  const { datasources } = at('/etc/grafana/provisioning/datasources/oplens.yaml')
  for (const { url } of datasources) t.ok(new URL(url).hostname in services, url)
  t.same(
    datasources.map(({ type }: { type: string }) => type),
    ['prometheus', 'jaeger'],
  )
  const [{ jsonData }, { uid }] = datasources
  t.equal(jsonData.exemplarTraceIdDestinations[0].datasourceUid, uid)
  t.equal(jsonData.timeInterval, parse(read('deploy/compose/prometheus.yml')).global.scrape_interval)
  const [provider] = at('/etc/grafana/provisioning/dashboards/oplens.yaml').providers
  t.equal(mounts.get(provider.options.path), './dashboards')
  const home = named('grafana').environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? ''
  t.ok(existsSync(join(ROOT, home.replace(provider.options.path, 'dashboards'))), home)
})

t.test('Jaeger takes traces over gRPC and HTTP', async (t) => {
  const inside = named('jaeger').ports?.map((port) => port.split(':')[2])
  for (const port of ['4317', '4318', '16686']) t.ok(inside?.includes(port), port)
  t.match(read('deploy/compose/oplens.yaml'), 'endpoint: "http://jaeger:4318"', 'and oplens sends them there')
})

t.test('the image is built in stages from pinned ones, and runs as nobody special', async (t) => {
  const from = lines.filter((line) => line.startsWith('FROM '))
  t.equal(from.length, 2)
  for (const line of from) t.match(line.split(' ')[1], PINNED)
  const last = lines.slice(lines.lastIndexOf(from[1] ?? ''))
  t.ok(last.includes('USER node'))
  t.ok(last.some((line) => line.startsWith('HEALTHCHECK')))
  t.ok(
    last.some((line) => line.startsWith('ENTRYPOINT ["node", "/app/dist/cli/main.js"]')),
    'no shell before it',
  )
})

t.test('what the image copies is there, and not kept out of its context', async (t) => {
  const sent = read('.dockerignore')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
  const copied = lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
  t.ok(copied.length > 5)
  for (const path of copied) {
    t.ok(existsSync(join(ROOT, path)), path)
    t.ok(sent.includes(path), `${path} is sent to the engine`)
  }
  // What the build and the program read at run time.
  for (const path of ['src', 'scripts', 'tsconfig.json', 'package.json', 'bin']) t.ok(copied.includes(path), path)
})

t.test('the health check of the image says whether oplens is ready', async (t) => {
  const [, script = '', ...rest] = JSON.parse(/CMD (\["node", "-e".*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]
  t.equal(script, '-e')
  let status = 200
  const asked: (string | undefined)[] = []
  const server = createServer(({ url }, response) => {
    asked.push(url)
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const check = () => exitOf(spawn(process.execPath, ['-e', (rest[0] ?? '').replace('9901', String(port))]))
  t.equal(await check(), 0)
  status = 503
  t.equal(await check(), 1, 'while it drains')
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  t.equal(await check(), 1, 'when nobody listens')
  t.same(asked, ['/ready', '/ready'])
})

t.test('the workload works where its variable says, until it is stopped', async (t) => {
  const server = await startDemoServer()
  t.teardown(() => server.close())
  const child = spawn(process.execPath, [join(ROOT, 'deploy/compose/workload.mjs')], {
    env: { ...process.env, MONGODB_URI: server.uri, RATE: '500' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  while ((server.commandsSeen().find ?? 0) < 20) await new Promise((resolve) => setImmediate(resolve))
  child.kill('SIGTERM')
  t.equal(await exitOf(child), 0)
  t.match(output, /closed after \d{2,} commands/)
})

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close')
  return code
}
