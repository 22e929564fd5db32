// The demo's shop, on any MongoDB: MONGODB_URI, and about RATE commands per second, until SIGTERM.
import { systemClock, systemRandom } from '../../dist/core/clock.js'
import { runWorkload } from '../../dist/demo/workload.js'

const { MONGODB_URI: uri, RATE = '100' } = process.env
if (uri === undefined) throw new Error('MONGODB_URI says where to work')

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort(signal))

console.log(`The shop is open, about ${RATE} commands per second`)
const { operations } = await runWorkload({
  uri,
  seconds: undefined,
  signal: stop.signal,
  clock: systemClock,
  random: systemRandom,
  ratePerSecond: Number(RATE),
  connectTimeoutMs: 30_000,
})
console.log(`The shop is closed after ${operations} commands`)
