// @ts-check
// The live page: asks /operations each second and shows it. Names come from whoever speaks to the database, so every text
// goes through textContent, and characters that hide or turn text are written out.

import { bytes, count, duration, element, perSecond, setText, visible, whole } from './format.js'
import { showHosts } from './hosts.js'
import { showSets } from './sets.js'

/**
 * @typedef {{cluster: string, database: string, collection: string, command: string, isControl: boolean, rate: number,
 *   errorRate: number, awaitedRate: number, documentsRate: number, bytesRate: number, p50Ms: number | null,
 *   p95Ms: number | null, p99Ms: number | null, isRecent: boolean, operations: number, errors: number, awaited: number,
 *   documentsReturned: number, documentsSent: number, requestBytes: number, replyBytes: number}} Row
 * @typedef {{product: {name: string, version: string}, readiness: {ready: boolean, reason: string},
 *   listeners: {name: string, protocol: string, cluster: string, address: string, uri: string}[],
 *   live: {connections: number, active: number, awaitedActive: number},
 *   topologies: import('./sets.js').Topology[], checked: import('./hosts.js').Checked[],
 *   totals: {rate: number, errorRate: number, operations: number, errors: number, awaited: number},
 *   rows: Row[], rowsTotal: number}} Report
 * @typedef {{id: string, title: string, explain: string, shown: string, value: (row: Row) => number | string,
 *   fill: (cell: HTMLElement, row: Row) => void}} Column
 */

const POLL_MS = 1_000
const TIMEOUT_MS = 4_000
const HISTORY = 60

const body = element('body')
const head = element('head')
const filter = /** @type {HTMLInputElement} */ (element('filter'))
const control = /** @type {HTMLInputElement} */ (element('control'))
const tools = /** @type {HTMLFormElement} */ (element('tools'))

/** @type {Report | undefined} */
let report
/** @type {Date | undefined} */
let unreachableSince
let sortBy = 'rate'
let isDescending = true
let maxRate = 0
/** @type {number[]} */
const rates = []
/** Rows by key, so that text under the pointer stays selected while numbers change. @type {Map<string, HTMLTableRowElement>} */
const shownRows = new Map()

/** @param {Row} row */
function namespaceOf(row) {
  const name = row.collection === '' ? row.database : `${row.database}.${row.collection}`
  return name === '' ? '(none)' : visible(name)
}

/** @param {Row} row */
function keyOf(row) {
  return [row.cluster, row.database, row.collection, row.command].join('\0')
}

/** @returns {Column} @param {'p50Ms' | 'p95Ms' | 'p99Ms'} id @param {string} title @param {string} shown */
function percentile(id, title, shown) {
  return {
    id,
    title,
    shown,
    explain: `${title} of the time from request to reply, over the last minute`,
    value: (row) => row[id] ?? -1,
    fill: (cell, row) => {
      setText(cell, duration(row[id]))
      cell.classList.toggle('old', row[id] !== null && !row.isRecent)
      cell.title = row[id] !== null && !row.isRecent ? 'Since the start: nothing ended in the last minute' : ''
    },
  }
}

/** @type {Column[]} */
const COLUMNS = [
  {
    id: 'namespace',
    title: 'Collection',
    explain: 'Database and collection',
    shown: '',
    value: namespaceOf,
    fill: (cell, row) => {
      const hasClusters = new Set(report?.rows.map((r) => r.cluster)).size > 1
      const name = hasClusters ? `${visible(row.cluster)} / ${namespaceOf(row)}` : namespaceOf(row)
      setText(cell, name)
      cell.title = name
    },
  },
  {
    id: 'command',
    title: 'Command',
    explain: 'What the application asked for',
    shown: '',
    value: (row) => row.command,
    fill: (cell, row) => setText(cell, row.command === '' ? 'all' : visible(row.command)),
  },
  {
    id: 'rate',
    title: 'Ops/s',
    explain: 'Operations per second over the last five seconds',
    shown: '',
    value: (row) => row.rate,
    fill: (cell, row) => {
      setText(cell, perSecond(row.rate))
      cell.classList.add('rate')
      cell.classList.toggle('zero', row.rate === 0)
      cell.style.setProperty('--share', String(maxRate > 0 ? row.rate / maxRate : 0))
    },
  },
  {
    id: 'errorRate',
    title: 'Errors/s',
    explain: 'Failed operations per second over the last five seconds',
    shown: '',
    value: (row) => row.errorRate,
    fill: (cell, row) => {
      setText(cell, perSecond(row.errorRate))
      cell.classList.toggle('zero', row.errorRate === 0)
      cell.classList.toggle('bad', row.errorRate > 0)
    },
  },
  percentile('p50Ms', 'p50', 'midonly'),
  percentile('p95Ms', 'p95', 'midonly'),
  percentile('p99Ms', 'p99', ''),
  {
    id: 'documents',
    title: 'Docs/s',
    explain: 'Documents returned and sent per second',
    shown: 'midonly',
    value: (row) => row.documentsRate,
    fill: (cell, row) => {
      setText(cell, perSecond(row.documentsRate))
      cell.classList.toggle('zero', row.documentsRate === 0)
      cell.title = `${whole.format(row.documentsReturned)} returned, ${whole.format(row.documentsSent)} sent so far`
    },
  },
  {
    id: 'bytes',
    title: 'Bytes/s',
    explain: 'Bytes of requests and replies per second',
    shown: 'wideonly',
    value: (row) => row.bytesRate,
    fill: (cell, row) => {
      setText(cell, bytes(row.bytesRate))
      cell.classList.toggle('zero', row.bytesRate === 0)
      cell.title = `${bytes(row.requestBytes)} of requests, ${bytes(row.replyBytes)} of replies so far`
    },
  },
  {
    id: 'operations',
    title: 'Total',
    explain: 'Operations since the start',
    shown: 'wideonly',
    value: (row) => row.operations,
    fill: (cell, row) => {
      setText(cell, count(row.operations))
      cell.title = row.awaited > 0 ? `and ${whole.format(row.awaited)} that waited on purpose` : ''
    },
  },
  {
    id: 'errors',
    title: 'Errors',
    explain: 'Failed operations since the start',
    shown: '',
    value: (row) => row.errors,
    fill: (cell, row) => {
      setText(cell, count(row.errors))
      cell.classList.toggle('zero', row.errors === 0)
      cell.classList.toggle('bad', row.errors > 0)
    },
  },
]
const TEXT_COLUMNS = 2

function buildHead() {
  COLUMNS.forEach((column, i) => {
    const cell = document.createElement('th')
    cell.scope = 'col'
    cell.id = `by-${column.id}`
    if (i < TEXT_COLUMNS) cell.classList.add('text')
    if (column.shown !== '') cell.classList.add(column.shown)
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = column.title
    button.title = column.explain
    button.addEventListener('click', () => {
      isDescending = sortBy === column.id ? !isDescending : i >= TEXT_COLUMNS
      sortBy = column.id
      show()
    })
    cell.append(button)
    head.append(cell)
  })
}

/** @param {string} key */
function rowFor(key) {
  const known = shownRows.get(key)
  if (known !== undefined) return known
  const made = document.createElement('tr')
  COLUMNS.forEach((column, i) => {
    const cell = document.createElement(i === 0 ? 'th' : 'td')
    if (i === 0) cell.setAttribute('scope', 'row')
    if (i < TEXT_COLUMNS) cell.classList.add('text')
    if (column.shown !== '') cell.classList.add(column.shown)
    made.append(cell)
  })
  shownRows.set(key, made)
  return made
}

/** @param {Row[]} rows */
function sorted(rows) {
  const column = COLUMNS.find((c) => c.id === sortBy)
  if (column === undefined) return rows
  const sign = isDescending ? -1 : 1
  return rows.slice().sort((a, b) => {
    const left = column.value(a)
    const right = column.value(b)
    if (left === right) return keyOf(a) < keyOf(b) ? -1 : 1
    return left < right ? -sign : sign
  })
}

/** @param {Report} current */
function wantedRows(current) {
  const words = filter.value
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return current.rows.filter((row) => {
    if (row.isControl && !control.checked) return false
    const text = `${row.cluster} ${namespaceOf(row)} ${row.command}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

/** @param {Report} current */
function showTable(current) {
  const rows = sorted(wantedRows(current))
  maxRate = Math.max(0, ...rows.map((row) => row.rate))
  const keys = new Set(rows.map(keyOf))
  for (const [key, node] of shownRows) {
    if (keys.has(key)) continue
    node.remove()
    shownRows.delete(key)
  }
  rows.forEach((row, at) => {
    const node = rowFor(keyOf(row))
    for (const [i, column] of COLUMNS.entries()) column.fill(/** @type {HTMLElement} */ (node.children[i]), row)
    if (body.children[at] !== node) body.insertBefore(node, body.children[at] ?? null)
  })
  for (const column of COLUMNS) {
    const cell = element(`by-${column.id}`)
    if (column.id === sortBy) cell.setAttribute('aria-sort', isDescending ? 'descending' : 'ascending')
    else cell.removeAttribute('aria-sort')
  }
  showEmpty(current, rows.length)
  showNote(current, rows.length)
}

/** @param {Report} current @param {number} shown */
function showEmpty(current, shown) {
  element('empty').hidden = shown > 0
  if (shown > 0) return
  const hasTraffic = current.totals.operations > 0
  const isFiltered = current.rows.length > 0 && filter.value.trim() !== ''
  const uris = hasTraffic || isFiltered ? [] : current.listeners.filter((listener) => listener.uri !== '')
  const hint =
    uris.length > 0
      ? 'Give this URI to your application in place of the database’s own:'
      : 'Point your application at the address that oplens listens on.'
  if (isFiltered) setText(element('empty-title'), 'Nothing matches the filter')
  else setText(element('empty-title'), hasTraffic ? 'Only the driver’s own commands so far' : 'No operations yet')
  setText(
    element('empty-hint'),
    isFiltered ? '' : hasTraffic ? 'Applications are connected; their first operation shows up here.' : hint,
  )
  const texts = uris.map((listener) => listener.uri)
  if (Array.from(element('uris').children, (item) => item.textContent).join() === texts.join()) return
  element('uris').replaceChildren(
    ...texts.map((uri) => {
      const item = document.createElement('li')
      const code = document.createElement('code')
      code.textContent = uri
      item.append(code)
      return item
    }),
  )
}

/** @param {Report} current @param {number} shown */
function showNote(current, shown) {
  const hidden = control.checked ? 0 : current.rows.filter((row) => row.isControl).length
  const parts = []
  if (current.rowsTotal > current.rows.length) {
    parts.push(`The ${current.rows.length} busiest of ${whole.format(current.rowsTotal)} rows.`)
  }
  if (hidden > 0 && shown > 0) {
    parts.push(`${hidden} row${hidden === 1 ? '' : 's'} of the driver’s own commands (hello, ping, …) not shown.`)
  }
  if (current.live.awaitedActive > 0) {
    parts.push(`${whole.format(current.live.awaitedActive)} more waiting on purpose (awaited hello, change streams).`)
  }
  setText(element('note'), parts.join(' '))
}

/** @param {Report} current */
function showTotals(current) {
  const { totals, live } = current
  setText(element('version'), current.product.version)
  setText(element('total-rate'), perSecond(totals.rate))
  setText(element('total-errors'), perSecond(totals.errorRate))
  element('total-errors').classList.toggle('bad', totals.errorRate > 0)
  setText(element('total-active'), count(live.active))
  setText(element('total-connections'), count(live.connections))
  setText(element('total-operations'), count(totals.operations))
  document.title = totals.rate > 0 ? `${perSecond(totals.rate)} ops/s – oplens` : 'oplens'
}

function showSpark() {
  const top = Math.max(1, ...rates)
  const step = 120 / (HISTORY - 1)
  const from = 120 - (rates.length - 1) * step
  const points = rates.map((rate, i) => `${(from + i * step).toFixed(1)},${(31 - (28 * rate) / top).toFixed(1)}`)
  element('spark-line').setAttribute('d', points.length < 2 ? '' : `M${points.join('L')}`)
  element('spark-fill').setAttribute('d', points.length < 2 ? '' : `M${from.toFixed(1)},32L${points.join('L')}L120,32Z`)
}

function showState() {
  const state = element('state')
  const banner = element('banner')
  const isDraining = report !== undefined && !report.readiness.ready
  state.className = `state ${unreachableSince !== undefined ? 'bad' : isDraining ? 'warn' : report === undefined ? '' : 'live'}`
  if (unreachableSince !== undefined) {
    setText(state, 'not reachable')
    const last = report === undefined ? '' : ' The numbers below are the last known.'
    setText(banner, `The proxy has not answered since ${unreachableSince.toLocaleTimeString()}.${last} Trying again.`)
  } else if (isDraining) {
    setText(state, visible(report?.readiness.reason ?? ''))
    setText(banner, `The proxy takes no new connections: ${visible(report?.readiness.reason ?? '')}.`)
  } else setText(state, report === undefined ? 'connecting' : 'live')
  banner.classList.toggle('warn', unreachableSince === undefined)
  banner.hidden = unreachableSince === undefined && !isDraining
}

function show() {
  showState()
  if (report === undefined) return
  showTotals(report)
  showSets(report.topologies)
  showHosts(report.checked)
  showTable(report)
}

async function poll() {
  try {
    const by = String(new FormData(tools).get('by') ?? 'command')
    const response = await fetch(`/operations?by=${encodeURIComponent(by)}`, {
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`status ${response.status}`)
    report = /** @type {Report} */ (await response.json())
    unreachableSince = undefined
    rates.push(report.totals.rate)
    if (rates.length > HISTORY) rates.shift()
    showSpark()
  } catch {
    // Shown below, with the time of the first miss.
    unreachableSince ??= new Date()
  }
  show()
}

async function pollForever() {
  for (;;) {
    if (!document.hidden) await poll()
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

buildHead()
filter.addEventListener('input', show)
control.addEventListener('change', show)
tools.addEventListener('submit', (event) => event.preventDefault())
for (const radio of tools.querySelectorAll('input[name=by]')) radio.addEventListener('change', () => void poll())
void pollForever()
