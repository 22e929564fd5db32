// A replica set whose member calls itself by a name that only oplens can dial, with oplens before it in both modes at once.
import t from 'tap'
import { agrees } from './agreement.mjs'
import { NEEDS, skipWithout } from './matrix.mjs'
import { startOplensWithConfig } from './oplens.mjs'
import { sumOf } from './prometheus-text.mjs'
import { startNamedSecantus } from './secantus.mjs'

/** Nothing resolves it (RFC 2606), so a driver that was told it would fail. */
export const MEMBER = 'secantus.rs.invalid:27017'
const SET = 'secantus'

/**
 * @param {{advertise?: string, listenerTls?: string, clusterTls?: string, serverTls?: object, isReachable?: boolean}} [options]
 *   the `…Tls` as YAML in one line, `serverTls` as for the server; without `isReachable` the member is not waited for
 */
export async function startSet({
  advertise = '127.0.0.1',
  listenerTls,
  clusterTls,
  serverTls,
  isReachable = true,
} = {}) {
  const server = await startNamedSecantus({ name: MEMBER, tls: serverTls })
  const tls = listenerTls === undefined ? '' : `, tls: ${listenerTls}`
  const oplens = await startOplensWithConfig(`
admin: { address: 127.0.0.1:0 }
listeners:
  - name: seed
    address: 127.0.0.1:0
    protocol: mongodb
    cluster: shop
    mode: members
    advertise: ${advertise}
    members: { "${MEMBER}": { port: 0, dial: "127.0.0.1:${server.port}" } }
    ${listenerTls === undefined ? '' : `tls: ${listenerTls}`}
  - { name: writer, address: "127.0.0.1:0", protocol: mongodb, cluster: shop, mode: primary${tls} }
clusters:
  - name: shop
    uri: mongodb://${MEMBER}/?replicaSet=${SET}
    ${clusterTls === undefined ? '' : `tls: ${clusterTls}`}
`).catch(async (error) => {
    await server.stop()
    throw error
  })
  const portOf = (name) => oplens.findLine(new RegExp(`"listeners":\\[.*"${name} 127\\.0\\.0\\.1:(\\d+)"`))
  const [seedPort, writerPort] = [await portOf('seed'), await portOf('writer')]
  const reached = /"address":"([^"]+)".*"msg":"A member can be reached"/
  const memberAddress = isReachable ? await oplens.findLine(reached) : ''
  return {
    oplens,
    serverPort: server.port,
    seedPort,
    seed: `${advertise}:${seedPort}`,
    writer: `127.0.0.1:${writerPort}`,
    /** What drivers are told to use. */
    memberAddress,
    uris: {
      members: `mongodb://${advertise}:${seedPort}/?replicaSet=${SET}`,
      primary: `mongodb://127.0.0.1:${writerPort}/?directConnection=true`,
    },
    /** Past the proxy. */
    controlUri: `mongodb://127.0.0.1:${server.port}/?directConnection=true`,
    async stop() {
      await oplens.stop()
      await server.stop()
    },
  }
}

const SCENARIOS = ['mixed', 'transactions', 'retries', 'changeStream', 'monitor']

/**
 * Every driver's scenarios in one mode: oplens counts what the driver did, and the driver met the proxy alone.
 * @param {'members' | 'primary'} mode
 */
export function setAgrees(mode) {
  const skipAny = skipWithout('python')
  let set
  t.before(async () => {
    if (skipAny === false) set = await startSet()
  })
  t.after(() => set?.stop())
  for (const [driver, needed] of Object.entries(NEEDS)) {
    const skip = skipWithout(...needed)
    for (const scenario of SCENARIOS) {
      t.test(`${mode} mode, ${driver}: ${scenario}: counted, and the proxy alone was met`, { skip }, async (t) => {
        const { uris, controlUri, oplens } = set
        const truth = await agrees(t, { driver, scenario, uri: uris[mode], controlUri, oplens })
        metOnlyTheProxy(t, set, mode, truth.members)
        if (scenario === 'monitor') t.ok(truth.heartbeats.awaited > 0, 'hellos were streamed')
        if (scenario === 'retries') t.ok(retriesOf(truth) >= 3, 'the driver sent again what had failed')
      })
    }
  }
  t.test(`${mode} mode: streamed hellos have the series of awaited operations`, { skip: skipAny }, async (t) => {
    const { metrics } = await set.oplens.scrape()
    const hellos = { db_operation_name: 'hello' }
    t.ok(sumOf(metrics, 'oplens_awaited_operation_duration_seconds_count', hellos) > 0)
  })
  t.end()
}

/** What a driver met of the set, held against where the proxy is. */
export function metOnlyTheProxy(t, { seed, writer, memberAddress }, mode, { dialled, told, listed, servers }) {
  const allowed = mode === 'members' ? [seed, memberAddress] : [writer]
  const strange = (addresses) => [...addresses].filter((address) => !allowed.includes(address))
  t.ok(dialled.size > 0, 'the driver said where it went')
  t.same(strange(dialled), [], 'no connection to a real address')
  t.same(strange(listed), [], 'nor any in its description of the topology')
  t.same(servers, mode === 'members' ? [memberAddress] : [writer], 'which ends with the proxy alone')
  // In primary mode hellos are passed as they are: `directConnection=true` keeps drivers from following them.
  if (mode === 'members') t.same([...told], [memberAddress], 'and hellos named no other')
}

const retriesOf = (operations) =>
  operations.filter(({ outcome }) => ['aborted', 'command_error'].includes(outcome)).length
