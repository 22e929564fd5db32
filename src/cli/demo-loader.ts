import { systemClock, systemRandom } from '../core/clock.js'
import { startDemoSet } from '../demo/mongod/set/set.js'
import { shopLatency } from '../demo/shop/latency.js'
import { runWorkload } from '../demo/workload.js'
import type { DemoBackend } from './demo-backend.js'

const SET_NAME = 'demo'

/** The one place that loads the embedded server, the driver and the workload: nothing but `oplens demo` pays for them. */
export const demoBackend: DemoBackend = {
  async startSet() {
    const set = await startDemoSet({ clock: systemClock, latency: shopLatency(systemRandom), setName: SET_NAME })
    return {
      uri: set.uri,
      setName: SET_NAME,
      elect() {
        const { members, primary } = set
        const next = members[(members.findIndex(({ name }) => name === primary?.name) + 1) % members.length]
        if (next !== undefined) set.elect(next.name)
        return next?.name ?? ''
      },
      close: () => set.close(),
    }
  },
  runWorkload: async ({ uri, seconds, rate, signal }) => {
    const options = { uri, seconds, signal, ratePerSecond: rate, clock: systemClock, random: systemRandom }
    const { rows } = await runWorkload(options)
    return rows
  },
}
