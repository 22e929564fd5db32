// Does oplens count what three AWS SDKs say they did? `oplens run --to dynamodb://…`, and clients with its AWS_ENDPOINT_URL.
import t from 'tap'
import { parseSamples, total } from '../support/proxy.js'
import { comparisons, SdkTruth } from '../support/sdk-truth.js'
import { CLIENTS, runDynamodbClient, SERVERS } from './support/dynamodb.mjs'
import { skipWithout } from './support/matrix.mjs'
import { isQuiet, scrapeUntil, startOplens } from './support/oplens.mjs'

/** Seen by every client of every server, or the comparison would be of nothing. */
const SEEN = [
  'operations',
  'operations by table',
  'errors',
  'capacity',
  'documents returned',
  'documents sent',
  'statuses',
]
const RARE = [
  'TransactWriteItems',
  'TransactGetItems',
  'ExecuteStatement',
  'BatchExecuteStatement',
  'ExecuteTransaction',
]

for (const [serverName, server] of Object.entries(SERVERS)) {
  for (const [clientName, client] of Object.entries(CLIENTS)) {
    const skip = skipWithout(...server.needs, ...client.needs)
    t.test(`${clientName} on ${serverName}: oplens counts what the SDK did`, { skip }, async (t) => {
      const database = await server.start()
      t.teardown(() => database.stop('SIGKILL'))
      const oplens = await startOplens(`dynamodb://127.0.0.1:${database.match[1]}`)
      t.teardown(() => oplens.stop())
      t.ok(oplens.lines.includes(`AWS_ENDPOINT_URL=${oplens.uri}`), 'it prints what applications need')

      const truth = new SdkTruth()
      for (const told of await runDynamodbClient(clientName, oplens.uri)) truth.add(told)
      t.ok(isQuiet(await scrapeUntil(oplens, isQuiet)), 'every connection of the client is over')
      const samples = parseSamples((await oplens.scrape()).text)
      const all = comparisons(samples, truth)
      for (const [title, [counted, told]] of Object.entries(all)) t.same(counted, told, title)
      for (const title of SEEN) t.ok(all[title][1].length > 0, `${title}: there are some`)
      for (const operation of RARE) {
        const outcome = serverName === 'moto' ? / ok = / : / command_error = /
        t.match(all.operations[1].filter((line) => line.startsWith(`${operation} `)).join(), outcome, operation)
      }
      t.equal(total(samples, 'oplens_decode_errors_total'), 0, 'nothing was undecodable')
      for (const gauge of ['oplens_operations_active', 'oplens_upstream_cluster_requests_active'])
        t.equal(total(samples, gauge), 0, gauge)
    })
  }
}
t.end()
