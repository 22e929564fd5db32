import { systemClock, systemRandom } from '../core/clock.js'
import { startDemoServer } from '../demo/mongod/server.js'
import { shopLatency } from '../demo/shop/latency.js'
import { runWorkload } from '../demo/workload.js'
import type { DemoBackend } from './demo-backend.js'

/** The one place that loads the embedded server, the driver and the workload: nothing but `oplens demo` pays for them. */
export const demoBackend: DemoBackend = {
  startServer: () => startDemoServer({ clock: systemClock, latency: shopLatency(systemRandom) }),
  runWorkload: async ({ uri, seconds, rate, signal }) => {
    const options = { uri, seconds, signal, ratePerSecond: rate, clock: systemClock, random: systemRandom }
    const { rows } = await runWorkload(options)
    return rows
  },
}
