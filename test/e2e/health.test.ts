import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startConfigured, type TestProxy, total } from '../support/proxy.js'
import { dial, readAll, startStub } from '../support/stub-tcp.js'
import { createTempDirectory } from '../support/tls.js'

const server = (name: string, port = 0) => startStub((socket) => socket.end(name), '127.0.0.1', port)

/** Asks again until the admin address says what is waited for; tap's own limit ends a wait that is in vain. */
async function until(proxy: TestProxy, expected: RegExp): Promise<void> {
  while (!expected.test(await proxy.get('/clusters?format=text')));
}

/** Which servers answered so many clients. */
async function answers(proxy: TestProxy, count: number): Promise<string> {
  const names: string[] = []
  for (let i = 0; i < count; i++) {
    const socket = await dial({ port: proxy.port })
    names.push(await readAll(socket))
    socket.destroy()
  }
  return names.sort().join('')
}

t.test(
  'a server behind a file of hosts that dies is left out by its checks, and taken in again when it is back',
  async (t) => {
    const [a, b] = [await server('a'), await server('b')]
    t.teardown(() => Promise.all([a.close(), b.close()]))
    const directory = await createTempDirectory()
    t.teardown(() => directory.remove())
    const path = join(directory.path, 'hosts.yaml')
    await writeFile(path, `hosts:\n  - ${a.address}\n  - { address: "${b.address}" }\n`)
    const proxy = await startConfigured(`
admin: { address: 127.0.0.1:0 }
listeners:
  - { name: front, address: 127.0.0.1:0, protocol: tcp, cluster: db }
clusters:
  - name: db
    file: { path: "${path}" }
    health_checks: { kind: tcp, interval: 20ms }
`)
    t.teardown(() => proxy.close())
    const attempts = async () => total(await proxy.metrics(), 'oplens_upstream_connections_total', { host: b.address })
    await until(proxy, /healthy(.|\n)* healthy/)
    t.equal(await answers(proxy, 4), 'aabb')

    await b.close()
    await until(proxy, /no +unhealthy .*ECONNREFUSED/)
    const before = await attempts()
    t.equal(await answers(proxy, 4), 'aaaa')
    t.equal(await attempts(), before, 'no client was led there first')

    const again = await server('b', b.port)
    t.teardown(() => again.close())
    await until(proxy, /yes +healthy(.|\n)*yes +healthy/)
    t.equal(await answers(proxy, 4), 'aabb')
    const samples = await proxy.metrics()
    const turned = (to: string) => total(samples, 'oplens_upstream_health_transitions_total', { host: b.address, to })
    t.strictSame(['healthy', 'unhealthy'].map(turned), [2, 1])
    t.equal(total(samples, 'oplens_upstream_host_healthy'), 2)
    t.ok(total(samples, 'oplens_upstream_health_checks_total', { host: b.address, result: 'network_failure' }) > 0)
    t.equal(total(samples, 'oplens_upstream_panic_total'), 0)
    t.match(proxy.logs.filter(({ message }) => message === 'Health of a host changed').at(-1), {
      level: 'info',
      fields: { cluster: 'db', host: b.address, from: 'unhealthy', to: 'healthy', reason: '' },
    })
  },
)
