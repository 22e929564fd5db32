// Upstreams that die and come back under load: no reply may reach another request than its own, and nothing may be left over.
import t from 'tap'
import { skipWithout } from './support/matrix.mjs'
import { findLine, scrapeUntil, startOplensWithConfig } from './support/oplens.mjs'
import { runProcess, startProcess } from './support/process.mjs'
import { sumOf } from './support/prometheus-text.mjs'
import { ROOT, tool } from './support/tools.mjs'

const THREADS = 8
const SECONDS = 5

/** A program that is about to listen there. */
const startSpare = (port = 0) =>
  startProcess(process.execPath, [`${ROOT}test/real/servers/nonce-server.mjs`, String(port)], { ready: /^ready$/ })

/** @returns the port, once it listens */
async function listen(upstream) {
  process.kill(upstream.pid, 'SIGUSR2')
  return Number(await findLine(upstream, /^listening on port (\d+)$/))
}

/** Requests that are over. */
const ended = (metrics, outcome) =>
  sumOf(metrics, 'http_client_request_duration_seconds_count', outcome === undefined ? {} : { outcome })

t.test('no reply goes astray while upstreams are killed and started again', { skip: skipWithout('wrk') }, async (t) => {
  const upstreams = await Promise.all([startSpare(), startSpare()])
  const ports = await Promise.all(upstreams.map(listen))
  const spares = ports.map(startSpare)
  t.teardown(async () => {
    for (const upstream of [...upstreams, ...spares]) await (await upstream).stop('SIGKILL')
  })
  const oplens = await startOplensWithConfig(`
admin: { address: 127.0.0.1:0 }
listeners: [ { name: soak, address: 127.0.0.1:0, protocol: http, cluster: soak } ]
clusters: [ { name: soak, hosts: [ "127.0.0.1:${ports[0]}", "127.0.0.1:${ports[1]}" ] } ]
`)
  t.teardown(() => oplens.stop())

  let isOver = false
  const load = runProcess(
    tool('wrk').path,
    [`-t${THREADS}`, `-c${THREADS}`, `-d${SECONDS}s`, '-s', `${ROOT}test/real/drivers/soak.lua`, oplens.uri],
    { timeoutMs: (SECONDS + 20) * 1_000 },
  ).finally(() => {
    isOver = true
  })
  let kills = 0
  const hasMoved = async (count) => {
    const before = ended((await oplens.scrape()).metrics)
    await scrapeUntil(oplens, (metrics) => isOver || ended(metrics) >= before + count)
  }
  while (!isOver) {
    await hasMoved(40)
    const which = kills % 2
    await upstreams[which].stop('SIGKILL')
    kills++
    // The other one alone answers for a while.
    await hasMoved(20)
    upstreams[which] = await spares[which]
    await listen(upstreams[which])
    spares[which] = startSpare(ports[which])
  }
  const { code, stdout, stderr } = await load
  t.equal(code, 0, stderr)
  const told = JSON.parse(stdout.trim().split('\n').at(-1))
  t.comment(`${kills} kills: ${JSON.stringify(told)}`)
  t.equal(told.wrong, 0, `replies to another request: ${told.example}`)
  t.equal(told.other, 0, `neither 200 nor 503: ${told.example}`)
  t.equal(told.connect + told.write + told.timeout, 0, 'no client was kept out, or waiting')
  t.ok(told.same > 100, `${told.same} replies were their request's own`)
  t.ok(kills >= 2, `${kills} kills`)

  const isQuiet = (metrics) =>
    [
      'oplens_operations_active',
      'oplens_upstream_cluster_requests_active',
      'oplens_downstream_connections_active',
    ].every((name) => sumOf(metrics, name) === 0)
  const metrics = await scrapeUntil(oplens, isQuiet)
  t.ok(isQuiet(metrics), 'nothing is left over')
  t.equal(sumOf(metrics, 'oplens_upstream_cluster_request_retries_active'), 0)
  // When its time is over wrk leaves one reply per thread unread. It tells of a reply that breaks off as an error.
  const isAbout = (counted, read) => counted >= read && counted <= read + THREADS + told.read
  const ok = ended(metrics, 'ok')
  t.ok(isAbout(ok, told.same), `${ok} were counted as ok, ${told.same} read`)
  const failed = ended(metrics, 'refused') + ended(metrics, 'aborted')
  t.ok(isAbout(failed, told.unavailable), `${failed} were counted as failed, ${told.unavailable} read`)
  t.equal(ok + failed, ended(metrics), 'and none as anything else')
  t.equal(sumOf(metrics, 'oplens_decode_errors_total'), 0)
  t.same(
    oplens.lines.filter((line) => /uncaught|unhandled|"level":"fatal"/i.test(line)),
    [],
  )
  t.match(await oplens.stop(), { code: 0 })
})
