// The one question of tier 2: does oplens count exactly what the driver says it did?
import { MongoClient } from 'mongodb'
import { runWorkload } from './drivers.mjs'
import { countedBy, countedOperations, isQuiet, scrapeUntil } from './oplens.mjs'
import { countOperations } from './truth.mjs'

const UNKNOWN_COMMANDS = new Set(['noSuchCommand'])
const FAILURES = new Set(['command_error', 'write_error', 'write_concern_error'])

/**
 * Runs one scenario through oplens and compares operations by (command, database, collection, outcome), error codes, and
 * documents both ways with the driver's own command-monitoring events.
 * @param {import('tap').Test} t
 * @param {{driver: import('./drivers.mjs').Driver, scenario: string, uri: string, controlUri?: string, oplens: object}} options
 *   `uri` leads through oplens, `controlUri` past it: with it, what earlier scenarios left is dropped first
 * @returns what the driver did, with its `heartbeats` and the `members` it met
 */
export async function agrees(t, { driver, scenario, uri, controlUri, oplens }) {
  if (controlUri !== undefined) await dropShop(controlUri)
  const before = await scrapeUntil(oplens, isQuiet)
  const { operations, heartbeats, members } = await runWorkload(driver, { uri, scenario, controlUri })
  const after = await scrapeUntil(oplens, isQuiet)
  t.ok(isQuiet(after), 'every connection of the driver is over')
  t.ok(operations.length > 0, 'the driver did something')

  const truth = operations.map((operation) =>
    UNKNOWN_COMMANDS.has(operation.command) ? { ...operation, command: '__other__' } : operation,
  )
  const since = (count, ...args) => difference(count(after, ...args), count(before, ...args))
  t.same(since(countedOperations), sorted(countOperations(truth)), 'operations by command, namespace and outcome')
  const failures = truth.filter(({ outcome }) => FAILURES.has(outcome))
  t.same(
    keep(since(countedBy, 'oplens_operation_errors_total'), (key) => !key.includes(' aborted ')),
    sums(
      failures,
      (o) => `${keyOf(o)} ${o.outcome} ${o.code}`,
      () => 1,
    ),
    'errors by code',
  )
  t.same(
    since(countedBy, 'oplens_operation_documents_returned_total'),
    sums(truth, keyOf, (o) => o.documents ?? 0),
    'documents returned',
  )
  t.same(
    since(countedBy, 'oplens_operation_documents_sent_total'),
    sums(truth, keyOf, (o) => o.batchSize ?? 0),
    'documents sent',
  )
  t.same(since(decodeErrors), {}, 'nothing was undecodable')
  return Object.assign(truth, { heartbeats, members })
}

export async function dropShop(uri) {
  const client = new MongoClient(uri)
  await client.db('shop').dropDatabase()
  await client.close()
}

const keyOf = ({ command, database, collection }) => `${command} ${database} ${collection}`

function decodeErrors(metrics) {
  const samples = metrics.get('oplens_decode_errors_total') ?? []
  return new Map(samples.map(({ labels, value }) => [JSON.stringify(labels), value]))
}

function sums(operations, key, value) {
  const totals = new Map()
  for (const operation of operations) totals.set(key(operation), (totals.get(key(operation)) ?? 0) + value(operation))
  return sorted(totals)
}

const difference = (after, before) => sorted(new Map([...after].map(([key, n]) => [key, n - (before.get(key) ?? 0)])))

/** As an object in order of its keys, zeros left out: what a failing comparison prints well. */
const sorted = (map) => Object.fromEntries([...map].filter(([, n]) => n !== 0).sort(([a], [b]) => (a < b ? -1 : 1)))

const keep = (record, isWanted) => Object.fromEntries(Object.entries(record).filter(([key]) => isWanted(key)))
