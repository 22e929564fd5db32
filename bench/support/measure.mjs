// The measuring itself: every target stands at the same time, and each round visits all of them, in a turning order.
import { setTimeout as sleep } from 'node:timers/promises'
import { holdIdle, load, probeRequest, serve } from './load.mjs'
import { spread } from './numbers.mjs'
import { freePort, memoryOf, start, stop, untilAnswered } from './process.mjs'
import { CACHE } from './tools.mjs'

const nodeFlags = (name, { node, prof }) =>
  prof ? [node, '--cpu-prof', `--cpu-prof-dir=${CACHE}`, `--cpu-prof-name=${name}.cpuprofile`] : [node]

async function startTarget(bench, target, upstream) {
  const ports = { listen: await freePort(), admin: await freePort(), upstream }
  const argv = await target.argv(ports, nodeFlags(target.name, bench))
  const started = start(argv, { logFile: `${CACHE}${target.name}.log` })
  const readyMs = await untilAnswered(ports.listen, probeRequest(bench.wire), started)
  return {
    name: target.name,
    target,
    ports,
    port: ports.listen,
    started,
    readyMs,
    pid: started.pid,
    sent: target.probes ?? 0,
  }
}

async function startServer(bench) {
  const port = await freePort()
  const server = serve(bench.loadgen, port, bench.wire)
  await untilAnswered(port, probeRequest(bench.wire), server)
  return { server, port }
}

/** Starts the server and every target, and warms each up until its code is compiled. */
export async function startAll(bench, chosen, { withDirect }) {
  const { server, port } = await startServer(bench)
  const all = []
  // No process between the two ends: what the load generator and the server can do at most.
  if (withDirect) all.push({ name: 'direct', port, pid: 0, sent: 0 })
  for (const target of chosen) all.push(await startTarget(bench, target, port))
  for (const one of all) await loadOnce(bench, one, 16, bench.firstWarmupMs, 100)
  const stopThem = async () => {
    for (const one of all) if (one.started !== undefined) await stop(one.started)
    await stop(server)
  }
  return { all, stop: stopThem }
}

async function loadOnce(bench, one, connections, warmupMs, measureMs) {
  const result = await load(bench.loadgen, {
    port: one.port,
    connections,
    warmupMs,
    measureMs,
    watch: one.pid,
    wire: bench.wire,
  })
  one.sent += result.sent
  return result
}

/** @returns one entry per round, connection count and target */
export async function measureLoad(bench, { all }) {
  const loads = []
  for (let round = 0; round < bench.rounds; round++) {
    for (const connections of bench.connections) {
      for (let i = 0; i < all.length; i++) {
        const one = all[(i + round) % all.length]
        const result = await loadOnce(bench, one, connections, bench.warmupMs, bench.measureMs)
        loads.push({ target: one.name, round, connections, ...result })
        console.error(
          `round ${round + 1}/${bench.rounds}, ${connections} connections, ${one.name}: ${Math.round(result.perSecond)}/s`,
        )
      }
    }
  }
  const decoded = new Map()
  for (const one of all) {
    if (one.target?.decoded !== undefined) decoded.set(one.name, await decodedShare(one))
  }
  return loads.map((entry) => ({ ...entry, decoded: decoded.get(entry.target) ?? null }))
}

/** The part of the find operations sent through a proxy that it knows of. A proxy that skips work would look fast. */
async function decodedShare({ name, target, ports, sent }) {
  const seen = await target.decoded(ports)
  if (target.mustDecode && seen !== sent) throw new Error(`${name} counted ${seen} of ${sent} operations`)
  return seen / sent
}

/** RSS at rest and per idle connection, each time in a fresh process; medians over the rounds. */
export async function measureMemory(bench, chosen) {
  const { server, port } = await startServer(bench)
  const samples = new Map(chosen.map(({ name }) => [name, []]))
  for (let round = 0; round < bench.memoryRounds; round++) {
    for (const target of chosen) {
      samples.get(target.name).push(await memoryOnce(bench, target, port))
      console.error(`memory ${round + 1}/${bench.memoryRounds}, ${target.name}`)
    }
  }
  await stop(server)
  return [...samples].map(([name, all]) => ({
    target: name,
    readyMs: spread(all.map(({ readyMs }) => readyMs)),
    restBytes: spread(all.map(({ restBytes }) => restBytes)),
    perConnectionBytes: spread(all.map(({ perConnectionBytes }) => perConnectionBytes)),
    perConnectionAgainBytes: spread(all.map(({ perConnectionAgainBytes }) => perConnectionAgainBytes)),
  }))
}

async function memoryOnce(bench, target, upstream) {
  const one = await startTarget({ ...bench, prof: false }, target, upstream)
  await sleep(bench.settleMs)
  const restBytes = memoryOf(one.pid, 'VmRSS')
  const first = await idleBytes(bench, one)
  await sleep(bench.settleMs)
  // A second time in the same process: what is more than the first did not come back.
  const again = await idleBytes(bench, one)
  await stop(one.started)
  const perConnection = (bytes) => (bytes - restBytes) / bench.idle
  return {
    readyMs: one.readyMs,
    restBytes,
    perConnectionBytes: perConnection(first),
    perConnectionAgainBytes: perConnection(again),
  }
}

async function idleBytes(bench, one) {
  const idle = holdIdle(bench.loadgen, one.port, bench.idle)
  await idle.connected
  await sleep(bench.settleMs)
  const bytes = memoryOf(one.pid, 'VmRSS')
  await idle.check()
  return bytes
}
