// How long after a new primary says so does a client that knows one address only reach it? oplens in mode `primary`, and Envoy with
// a health check that asks for the primary. docs/performance.md has the numbers.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { countLost, startDriver, startPlain } from './support/failover/clients.mjs'
import { encode } from './support/failover/message.mjs'
import { failoverTable, summarizeElections, verdict } from './support/failover/report.mjs'
import { startSet } from './support/failover/set.mjs'
import { nowMs, watchPort } from './support/failover/sockets.mjs'
import { failoverTargets } from './support/failover/targets.mjs'
import { describeMachine, describeTree } from './support/machine.mjs'
import { freePort, start, stop, stopAll, stopAllOnSignals, untilAnswered } from './support/process.mjs'
import { CACHE, envoy, OPLENS, ROOT } from './support/tools.mjs'

const USAGE = `usage: node bench/failover.bench.mjs [options]
  --smoke              one election of each target: does it work? Its numbers mean nothing
  --rounds N           elections of each kind and target (default 15)
  --only NAME,NAME     some targets: oplens-streaming oplens-polling envoy
  --kinds NAME,NAME    some kinds of elections: handover gap
  --install-peers      get Envoy with pip (into .cache/) when it is missing
  --oplens PATH        another tree's dist/cli/main.js instead of this one's`

const PLAIN_CONNECTIONS = 8
const DRIVER_LOOPS = 4
/** Longer than any target's probing cycle, so that elections come at any moment of it. */
const PHASE_MS = 800
/** How long a set has no primary in elections of the kind `gap`. */
const GAP_MS = 700
/** What leads to the old primary after so long is left out: the table then has this for it. */
const DEADLINE_MS = 10_000
/** After all was over: late failures. */
const AFTERMATH_MS = 300

function readOptions() {
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      kinds: { type: 'string' },
      oplens: { type: 'string', default: OPLENS },
      'install-peers': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { smoke } = values
  return {
    ...values,
    install: values['install-peers'],
    rounds: Number(values.rounds ?? (smoke ? 1 : 15)),
    kinds: (values.kinds ?? (smoke ? 'handover' : 'handover,gap')).split(','),
    only: values.only?.split(','),
    phaseMs: smoke ? 0 : PHASE_MS,
    warmWrites: smoke ? 5 : 50,
  }
}

async function startTarget(target, dist) {
  const set = await startSet(dist, target.set)
  const listen = await freePort()
  const proxy = start(target.argv({ listen, uri: set.uri }), { logFile: `${CACHE}failover-${target.id}.log` })
  await untilAnswered(listen, encode({ hello: 1, $db: 'admin' }), proxy)
  const end = async () => {
    await stop(proxy)
    await set.stop()
  }
  return { name: target.name, set, port: listen, end }
}

async function until(claim, deadlineMs) {
  while (!claim()) {
    if (nowMs() > deadlineMs) return false
    await sleep(5)
  }
  return true
}

/** One election, from clients that come to clients that go. */
async function electOnce({ name, set, port }, kind, { phaseMs, warmWrites }) {
  const watch = watchPort(port)
  const plain = startPlain(port, PLAIN_CONNECTIONS)
  const driver = startDriver(port, DRIVER_LOOPS)
  const isWarm = () =>
    plain.acks.length > warmWrites * PLAIN_CONNECTIONS && driver.acks.length > warmWrites * DRIVER_LOOPS
  if (!(await until(isWarm, nowMs() + DEADLINE_MS))) throw new Error(`${name}: nobody can write`)
  await sleep(Math.random() * phaseMs)

  const lostAtMs = kind === 'gap' ? (await set.stepDown()).atMs : undefined
  if (kind === 'gap') await sleep(GAP_MS + Math.random() * phaseMs)
  const election = await set.elect()
  const { to, atMs } = election
  const isStale = (link) => link.closedAtMs === undefined && link.member !== '' && link.member !== to
  const isNew = (ack) => ack.beganAtMs > atMs
  const isOver = () =>
    plain.acks.some((ack) => ack.member === to) && driver.acks.some(isNew) && !watch.links.some(isStale)
  const isInTime = await until(isOver, atMs + DEADLINE_MS)
  await sleep(AFTERMATH_MS)
  const measured = { target: name, kind, isInTime, ...tell({ plain, driver, links: watch.links }, election, lostAtMs) }

  plain.stop()
  await driver.stop()
  watch.stop()
  const lost = await countLost(set.uri, driver.ids)
  return { ...measured, lost }
}

/** Writes: milliseconds after the election. Connections that led to the old primary: after that one was none any more. */
function tell({ plain, driver, links }, { to, atMs }, lostAtMs = atMs) {
  const since = (times) => times.map((time) => time - atMs)
  const last = (some) => Math.max(0, ...some.map(({ closedAtMs = atMs + DEADLINE_MS }) => closedAtMs - lostAtMs))
  const stale = links.filter(({ member, closedAtMs }) => member !== to && member !== '' && !(closedAtMs < lostAtMs))
  const after = (list) => list.filter((event) => (event.atMs ?? event) > lostAtMs)
  return {
    firstWriteMs: Math.min(...since(plain.acks.filter(({ member }) => member === to).map((ack) => ack.atMs))),
    driverFirstWriteMs: Math.min(...since(driver.acks.filter((ack) => ack.beganAtMs > atMs).map((ack) => ack.atMs))),
    lastLeftMs: last(stale.filter(({ isMonitor }) => !isMonitor)),
    monitorsLeftMs: last(stale.filter(({ isMonitor }) => isMonitor)),
    refused: after(plain.refused).length,
    cut: after(plain.cut).length,
    attemptsFailed: after(driver.retried).length,
    failed: after(driver.failed).map(({ atMs: when, reason }) => ({ atMs: when - atMs, reason })),
    longestWaitMs: Math.max(...after(driver.waits).map((wait) => wait.atMs - wait.beganAtMs)),
  }
}

async function main() {
  const options = readOptions()
  if (options.help) return console.log(USAGE)
  if (process.platform !== 'linux') throw new Error('the benchmark compares the clocks of processes: Linux only')
  const machine = describeMachine()
  const tree = describeTree()
  mkdirSync(CACHE, { recursive: true })
  const peer = await envoy({ install: options.install })
  const wanted = failoverTargets(options.oplens, peer)
    .map((target) => ({ ...target, id: target.name.replace(', ', '-') }))
    .filter(({ id }) => options.only === undefined || options.only.includes(id))
  const skipped = wanted.filter(({ missing }) => missing !== undefined)
  const chosen = wanted.filter(({ missing }) => missing === undefined)
  if (chosen.length === 0) throw new Error(`nothing to measure\n${USAGE}`)

  const dist = dirname(dirname(options.oplens))
  const running = []
  const elections = []
  try {
    running.push(...(await Promise.all(chosen.map((target) => startTarget(target, dist)))))
    // What is compiled by then and what not: the first election of each is not counted.
    if (!options.smoke) for (const one of running) await electOnce(one, 'handover', options)
    for (let round = 0; round < options.rounds; round++) {
      for (const kind of options.kinds) {
        for (let i = 0; i < running.length; i++) {
          const one = await electOnce(running[(i + round) % running.length], kind, options)
          elections.push({ round, ...one })
          console.error(
            `round ${round + 1}/${options.rounds}, ${kind}, ${one.target}: ${one.firstWriteMs.toFixed(1)} ms`,
          )
        }
      }
    }
  } finally {
    await Promise.all(running.map(({ end }) => end()))
  }
  finish({ options, machine, tree, peer, skipped, elections })
}

function finish({ options, machine, tree, peer, skipped, elections }) {
  const { kinds, rounds, smoke } = options
  const summary = summarizeElections(elections)
  const date = new Date().toISOString()
  const settings = { smoke, rounds, plainConnections: PLAIN_CONNECTIONS, driverLoops: DRIVER_LOOPS }
  const report = { date, ...tree, machine, node: process.version, envoy: peer.version ?? null, settings }
  const file = `${ROOT}bench/results/failover-${date.replaceAll(':', '-').slice(0, 19)}${smoke ? '-smoke' : ''}.json`
  mkdirSync(`${ROOT}bench/results`, { recursive: true })
  writeFileSync(file, `${JSON.stringify({ ...report, summary, elections }, undefined, 1)}\n`)
  console.log(`\n${machine.cpu}, ${machine.cores} cores, load before ${machine.loadAverage}`)
  console.log(`Node ${process.version}, Envoy ${peer.version ?? '-'}, commit ${tree.commit}, ${rounds} elections each`)
  for (const kind of kinds) console.log(`\n${kind}\n\n${failoverTable(summary.filter((one) => one.kind === kind))}`)
  console.log(`\n${verdict(summary)}`)
  for (const { name, missing } of skipped) console.log(`\nSKIPPED ${name}: ${missing}`)
  console.log(`\nWritten to ${file}`)
  const late = elections.filter(({ isInTime }) => !isInTime)
  for (const { round, kind, target } of late) {
    console.log(`\nNot over after ${DEADLINE_MS / 1000} s: ${target}, ${kind}, round ${round + 1}`)
  }
  if (late.some(({ target }) => target.startsWith('oplens'))) process.exitCode = 1
}

stopAllOnSignals()
main()
  .catch((error) => {
    console.error(`failover: ${error.message}`)
    process.exitCode = 1
  })
  .finally(stopAll)
