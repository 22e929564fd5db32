// How fast, and how small, is oplens beside a bare pipe, HAProxy and Envoy? One run answers for all of them: docs/performance.md.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, describeTree } from './support/machine.mjs'
import { measureLoad, measureMemory, startAll } from './support/measure.mjs'
import { run, stopAll, stopAllOnSignals } from './support/process.mjs'
import { summarizeProfile } from './support/profile.mjs'
import { loadTable, memoryTable, summarize } from './support/report.mjs'
import { targets } from './support/targets.mjs'
import { CACHE, envoy, haproxy, loadGenerator, OPLENS, ROOT } from './support/tools.mjs'

const USAGE = `usage: npm run bench -- [options]
  --smoke              everything once and short: does it work? Its numbers mean nothing
  --seconds N          measured seconds of one load (default 2)
  --rounds N           interleaved rounds; the table shows their median (default 5)
  --connections N,N    (default 1,16,64)
  --idle N             idle connections for the memory table (default 2000; 0 leaves it out)
  --only NAME,NAME     some targets: direct pipe oplens-tcp oplens-mongodb oplens-transparent
                       oplens-metrics oplens-traced haproxy envoy-tcp envoy-mongo
  --install-peers      get HAProxy with apt-get (as root) and Envoy with pip (into .cache/) when they are missing
  --node PATH          another Node binary for the pipe and oplens
  --oplens PATH        another tree's dist/cli/main.js instead of this one's
  --base PATH          a second one, measured in the same rounds as base-mongodb
  --prof               one round of the Node targets under --cpu-prof; prints where the time goes, writes .cache/bench/*.cpuprofile`

function readOptions() {
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      idle: { type: 'string' },
      only: { type: 'string' },
      node: { type: 'string', default: process.execPath },
      oplens: { type: 'string', default: OPLENS },
      base: { type: 'string' },
      prof: { type: 'boolean', default: false },
      'install-peers': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { smoke, prof } = values
  const short = smoke || prof
  return {
    ...values,
    installPeers: values['install-peers'],
    measureMs: Number(values.seconds ?? (smoke ? 0.3 : prof ? 5 : 2)) * 1000,
    warmupMs: smoke ? 100 : 400,
    firstWarmupMs: smoke ? 200 : 2_000,
    rounds: Number(values.rounds ?? (short ? 1 : 5)),
    memoryRounds: smoke ? 1 : 3,
    settleMs: smoke ? 100 : 1_500,
    connections: (values.connections ?? (short ? '16' : '1,16,64')).split(',').map(Number),
    idle: Number(values.idle ?? (smoke ? 200 : prof ? 0 : 2000)),
    only: values.only?.split(',') ?? (prof ? ['pipe', 'oplens-tcp', 'oplens-mongodb'] : undefined),
  }
}

function choose(all, only) {
  const unknown = (only ?? []).filter((name) => name !== 'direct' && !all.some((target) => target.name === name))
  if (unknown.length > 0) throw new Error(`no target is named ${unknown.join(', ')}\n${USAGE}`)
  const wanted = all.filter((target) => only === undefined || only.includes(target.name))
  for (const { name, missing } of wanted) if (missing !== undefined) console.error(`SKIPPED ${name}: ${missing}`)
  return wanted.filter(({ missing }) => missing === undefined)
}

/** The other questions' programs, each once and short: a smoke run says whether all of bench/ works. */
async function smokeOthers({ oplens }) {
  const dist = dirname(dirname(oplens))
  const programs = [
    ['bench/codec.bench.mjs', '--smoke', '--dist', dist],
    ['bench/dynamodb.bench.mjs', '--smoke', '--dist', dist],
    ['bench/digests.bench.mjs', '--smoke', '--dist', dist],
    ['bench/http.bench.mjs', '--smoke', '--dist', dist],
    ['bench/http-load.bench.mjs', '--smoke', '--oplens', oplens],
    ['bench/scrape.bench.mjs', '--smoke', '--dist', dist],
    ['bench/page.bench.mjs', '--smoke', '--dist', dist],
    ['bench/tracing.bench.mjs', '--smoke', '--dist', dist],
    ['bench/large-reply.mjs', '--smoke', '--oplens', oplens],
    ['bench/failover.bench.mjs', '--smoke', '--oplens', oplens],
  ]
  for (const [file, ...args] of programs) {
    console.log(`\n${file}\n\n${(await run(process.execPath, [`${ROOT}${file}`, ...args])).trim()}`)
  }
}

async function main() {
  const options = readOptions()
  if (options.help) return console.log(USAGE)
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc and uses epoll: Linux only')
  const machine = describeMachine()
  mkdirSync(CACHE, { recursive: true })
  const generator = await loadGenerator()
  const install = options.installPeers
  const peers = { haproxy: await haproxy({ install }), envoy: await envoy({ install }) }
  const all = targets(peers, options.oplens, options.base)
  const chosen = choose(all, options.only)
  const withDirect = options.only === undefined || options.only.includes('direct')

  const bench = { ...options, loadgen: generator.path }
  const running = await startAll(bench, chosen, { withDirect })
  const loads = await measureLoad(bench, running)
  await running.stop()
  const memory = options.idle > 0 ? await measureMemory(bench, chosen) : []

  const report = { ...describeRun(options, machine, peers, generator, all), loads: summarize(loads), memory }
  const file = save(report, loads)
  print(report, options)
  if (options.prof) for (const { name, sent } of running.all.filter(({ pid }) => pid !== 0)) printProfile(name, sent)
  if (options.smoke && options.only === undefined) await smokeOthers(options)
  for (const { name, reason } of report.skipped) console.log(`\nSKIPPED ${name}: ${reason}`)
  console.log(`\nWritten to ${file}`)
}

function describeRun(options, machine, peers, generator, all) {
  const skipped = all.filter(({ missing }) => missing !== undefined)
  return {
    date: new Date().toISOString(),
    ...describeTree(),
    machine,
    node: execFileSync(options.node, ['--version'], { encoding: 'utf8' }).trim(),
    haproxy: peers.haproxy.version ?? null,
    envoy: peers.envoy.version ?? null,
    loadGenerator: `Go program (${generator.version}), one thread, epoll, a process of its own; the canned server likewise`,
    settings: { smoke: options.smoke, measureMs: options.measureMs, rounds: options.rounds, idle: options.idle },
    skipped: skipped.map(({ name, missing }) => ({ name, reason: missing })),
  }
}

function save(report, rounds) {
  const stamp = report.date.replaceAll(':', '-').slice(0, 19)
  const file = `${ROOT}bench/results/${stamp}${report.settings.smoke ? '-smoke' : ''}.json`
  mkdirSync(`${ROOT}bench/results`, { recursive: true })
  writeFileSync(file, `${JSON.stringify({ ...report, rounds }, undefined, 1)}\n`)
  return file
}

function print(report, options) {
  const { machine } = report
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, load before ${machine.loadAverage}`,
  )
  console.log(
    `Node ${report.node}, HAProxy ${report.haproxy ?? '-'}, Envoy ${report.envoy ?? '-'}, commit ${report.commit}`,
  )
  console.log(`Load generator: ${report.loadGenerator}`)
  for (const connections of options.connections) {
    console.log(`\n${connections} connection${connections === 1 ? '' : 's'}\n`)
    console.log(loadTable(report.loads.filter((load) => load.connections === connections)))
  }
  if (report.memory.length > 0)
    console.log(`\nMemory with ${options.idle} idle connections\n\n${memoryTable(report.memory)}`)
}

function printProfile(name, sent) {
  const profile = `${CACHE}${name}.cpuprofile`
  console.log(`\n${name}: ${profile}\n${summarizeProfile(profile, sent)}`)
}

stopAllOnSignals()
main()
  .catch((error) => {
    console.error(`bench: ${error.message}`)
    process.exitCode = 1
  })
  .finally(stopAll)
