// One driver's scenarios, all through one oplens in front of one SecantusDB.
import t from 'tap'
import { agrees } from './agreement.mjs'
import { startOplens } from './oplens.mjs'
import { sumOf } from './prometheus-text.mjs'
import { startSecantus } from './secantus.mjs'
import { tool } from './tools.mjs'

/**
 * @param {string[]} needed tools without which everything here is skipped, with the reason
 * @returns {false | string} what tap takes as `skip`
 */
export function skipWithout(...needed) {
  const missing = needed.map((name) => tool(name).missing).filter((reason) => reason !== '')
  return missing.length === 0 ? false : missing.join('; ')
}

/** What a driver's workload needs, the server included. */
export const NEEDS = {
  node: ['python'],
  pymongo: ['python'],
  go: ['python', 'go'],
  java: ['python', 'java'],
}

/** @param {keyof typeof NEEDS} driver @param {string[]} scenarios */
export function driverAgrees(driver, scenarios) {
  const skip = skipWithout(...NEEDS[driver])
  let server
  let oplens
  t.before(async () => {
    if (skip !== false) return
    server = await startSecantus()
    oplens = await startOplens(`mongodb://127.0.0.1:${server.port}/`)
  })
  t.after(async () => {
    await oplens?.stop()
    await server?.stop()
  })
  for (const scenario of scenarios) {
    t.test(`${driver}: ${scenario}: oplens counts what the driver did`, { skip }, async (t) => {
      const controlUri = `mongodb://127.0.0.1:${server.port}/?directConnection=true`
      await agrees(t, { driver, scenario, uri: oplens.uri, controlUri, oplens })
    })
  }
  t.test(`${driver}: monitoring waits in a series of its own, never in the latency histogram`, { skip }, async (t) => {
    // The scenario `monitor` ran: heartbeats of 500 ms, answered late on purpose.
    const { metrics } = await oplens.scrape()
    const hellos = { db_operation_name: 'hello' }
    t.ok(sumOf(metrics, 'oplens_awaited_operation_duration_seconds_count', hellos) >= 2, 'streaming hellos are awaited')
    t.equal(
      sumOf(metrics, 'db_client_operation_duration_seconds_bucket', { ...hellos, le: '0.25' }),
      sumOf(metrics, 'db_client_operation_duration_seconds_count', hellos),
      'plain hellos are quick',
    )
  })
  // Without it tap waits for the servers' processes before it runs what would stop them.
  t.end()
}
