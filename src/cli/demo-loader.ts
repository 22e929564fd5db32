import { systemClock, systemRandom } from '../core/clock.js'
import { CARTS } from '../demo/dynamo/bazaar.js'
import { dynamoLatency, hotTable } from '../demo/dynamo/latency.js'
import { startDynamoServer } from '../demo/dynamo/server.js'
import { runDynamoWorkload } from '../demo/dynamo/workload.js'
import { startDemoSet } from '../demo/mongod/set/set.js'
import { shopLatency } from '../demo/shop/latency.js'
import { runWorkload } from '../demo/workload.js'
import type { DemoBackend, WorkloadOptions } from './demo-backend.js'

const SET_NAME = 'demo'

const optionsOf = ({ seconds, rate, signal }: WorkloadOptions) => ({
  seconds,
  signal,
  ratePerSecond: rate,
  clock: systemClock,
  random: systemRandom,
})

/** The one place that loads the embedded servers, the driver, the SDK and the workloads: nothing but `oplens demo` pays for them. */
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
  async startDynamo() {
    const isThrottled = hotTable(CARTS, systemRandom)
    const server = await startDynamoServer({ clock: systemClock, latency: dynamoLatency(systemRandom), isThrottled })
    return { address: `${server.host}:${server.port}`, close: () => server.close() }
  },
  async runMongo(uri, options) {
    const { collector } = options
    const { rows } = await runWorkload({ uri, collector, ...optionsOf(options) })
    return rows.map((row) => ({ protocol: 'mongodb', tables: [], ...row }))
  },
  async runDynamo(endpoint, options) {
    const { rows } = await runDynamoWorkload({ endpoint, ...optionsOf(options) })
    return rows.map(({ operation, tables, outcome, count }) => {
      const collection = tables.length === 1 ? (tables[0] ?? '') : ''
      return { protocol: 'aws.dynamodb', command: operation, database: '', collection, tables, outcome, count }
    })
  },
}
