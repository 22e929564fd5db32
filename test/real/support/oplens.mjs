// The built oplens as its users start it, and what its /metrics says.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProcess } from './process.mjs'
import { parseMetrics, sumOf } from './prometheus-text.mjs'
import { ROOT } from './tools.mjs'
import { SET_ASIDE } from './truth.mjs'

const CLI = `${ROOT}dist/cli/main.js`

/**
 * `oplens run --to URI`, as in the README.
 * @param {string} to
 * @param {{node?: string}} [options] `node`: another Node.js binary to run it
 */
export function startOplens(to, { node } = {}) {
  return start(['run', '--to', to, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], node)
}

/** `oplens run -c FILE` with this text as the file, and `env` beside the environment that there is. */
export async function startOplensWithConfig(yaml, { env } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'oplens-config-'))
  writeFileSync(join(folder, 'oplens.yaml'), yaml)
  const oplens = await start(['run', '-c', join(folder, 'oplens.yaml')], process.execPath, env)
  return {
    ...oplens,
    async stop() {
      const result = await oplens.stop()
      rmSync(folder, { recursive: true, force: true })
      return result
    },
  }
}

async function start(args, node = process.execPath, env = {}) {
  const ready = /^(?:AWS_ENDPOINT_URL=)?((?:mongodb|https?):\/\/\S+)$/
  const child = await startProcess(node, [CLI, ...args], { ready, env })
  const uri = child.match[1]
  const admin = await findLine(child, /^Live page: (http:\/\/127\.0\.0\.1:\d+)/)
  return {
    /** What users give to applications: the first listener's. */
    uri,
    /** A line of the log or of the output, waited for. @returns {Promise<string>} its first group */
    findLine: (pattern) => findLine(child, pattern),
    port: Number(new URL(uri).port),
    admin,
    pid: child.pid,
    lines: child.lines,
    exited: child.exited,
    stop: () => child.stop('SIGTERM', 15_000),
    scrape: () => scrape(admin),
  }
}

/** A line of a child's output, waited for. @returns its first group */
export async function findLine(child, pattern, deadlineMs = 5_000) {
  const until = Date.now() + deadlineMs
  for (;;) {
    const found = child.lines.map((line) => pattern.exec(line)).find((match) => match !== null)
    if (found !== undefined) return found[1]
    if (Date.now() > until) throw new Error(`no line with ${pattern}:\n${child.lines.join('\n')}`)
    await sleep(20)
  }
}

async function scrape(admin) {
  const response = await fetch(`${admin}/metrics`)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`/metrics: ${response.status}: ${text}`)
  return { text, metrics: parseMetrics(text) }
}

/** Polls `/metrics` (another process: no event to wait for) until `isThere` or the deadline, and returns the last answer. */
export async function scrapeUntil(oplens, isThere, deadlineMs = 10_000) {
  const until = Date.now() + deadlineMs
  for (;;) {
    const { metrics } = await oplens.scrape()
    if (isThere(metrics) || Date.now() > until) return metrics
    await sleep(25)
  }
}

/** Every client connection is over, so everything was counted. */
export const isQuiet = (metrics) => sumOf(metrics, 'oplens_downstream_connections_active') === 0

const keyOf = (l) => `${l.db_operation_name} ${l.db_namespace} ${l.db_collection_name}`

/**
 * Operations by (command, database, collection, outcome), those set aside left out: awaited and unacknowledged ones included.
 * @returns {Map<string, number>} keys as in truth.mjs
 */
export function countedOperations(metrics) {
  const counts = new Map()
  const add = (labels, outcome, value) => {
    if (value === 0 || SET_ASIDE.has(labels.db_operation_name)) return
    const key = `${keyOf(labels)} ${outcome}`
    counts.set(key, (counts.get(key) ?? 0) + value)
  }
  for (const name of ['db_client_operation_duration_seconds', 'oplens_awaited_operation_duration_seconds']) {
    for (const { labels, value } of metrics.get(`${name}_count`) ?? []) add(labels, labels.outcome, value)
  }
  for (const { labels, value } of metrics.get('oplens_unacknowledged_operations_total') ?? []) {
    add(labels, 'unacknowledged', value)
  }
  return counts
}

/** A counter family summed by (command, database, collection), and by error code where it has one. */
export function countedBy(metrics, family) {
  const counts = new Map()
  for (const { labels, value } of metrics.get(family) ?? []) {
    if (value === 0 || SET_ASIDE.has(labels.db_operation_name)) continue
    const code = labels.db_response_status_code
    const key = code === undefined ? keyOf(labels) : `${keyOf(labels)} ${labels.outcome} ${code}`
    counts.set(key, (counts.get(key) ?? 0) + value)
  }
  return counts
}
