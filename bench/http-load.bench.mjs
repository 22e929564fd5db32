// What does a DynamoDB request cost through oplens, beside a bare pipe, node:http with undici, HAProxy and Envoy? docs/performance.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { httpTargets } from './support/http-targets.mjs'
import { describeMachine, describeTree } from './support/machine.mjs'
import { measureLoad, startAll } from './support/measure.mjs'
import { stopAll, stopAllOnSignals } from './support/process.mjs'
import { summarizeProfile } from './support/profile.mjs'
import { loadTable, summarize } from './support/report.mjs'
import { CACHE, envoy, haproxy, loadGenerator, OPLENS, ROOT } from './support/tools.mjs'

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    only: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    oplens: { type: 'string', default: OPLENS },
    base: { type: 'string' },
    prof: { type: 'boolean', default: false },
    'install-peers': { type: 'boolean', default: false },
  },
})
const { smoke, prof } = values

async function main() {
  mkdirSync(CACHE, { recursive: true })
  const generator = await loadGenerator()
  const install = values['install-peers']
  const peers = { haproxy: await haproxy({ install }), envoy: await envoy({ install }) }
  const only = values.only?.split(',')
  const wanted = httpTargets(peers, values.oplens, values.base).filter(
    ({ name }) => only === undefined || only.includes(name),
  )
  for (const { name, missing } of wanted) if (missing !== undefined) console.log(`SKIPPED ${name}: ${missing}`)
  const bench = {
    wire: 'http',
    loadgen: generator.path,
    node: values.node,
    prof,
    connections: values.connections.split(',').map(Number),
    rounds: smoke || prof ? 1 : Number(values.rounds),
    measureMs: smoke ? 300 : Number(values.seconds) * 1_000,
    warmupMs: smoke ? 100 : 400,
    firstWarmupMs: smoke ? 200 : 2_000,
  }
  const machine = describeMachine()
  const running = await startAll(
    bench,
    wanted.filter(({ missing }) => missing === undefined),
    { withDirect: only === undefined },
  )
  const rounds = await measureLoad(bench, running)
  await running.stop()
  const loads = summarize(rounds)
  for (const connections of bench.connections) {
    console.log(`\nHTTP, ${connections} connections\n`)
    console.log(loadTable(loads.filter((load) => load.connections === connections)))
  }
  if (prof) {
    for (const { name, pid, sent } of running.all.filter((one) => one.pid !== 0)) {
      console.log(`\n${name} (${pid})\n\n${summarizeProfile(`${CACHE}${name}.cpuprofile`, sent)}`)
    }
  }
  if (!smoke) save({ date: new Date().toISOString(), ...describeTree(), machine, loads, rounds })
}

function save(report) {
  const file = `${ROOT}bench/results/http-${report.date.replaceAll(':', '-').slice(0, 19)}.json`
  mkdirSync(`${ROOT}bench/results`, { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`)
  console.log(`\nWritten to ${file}`)
}

stopAllOnSignals()
try {
  await main()
} finally {
  await stopAll()
}
