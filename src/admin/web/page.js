// @ts-check
// The live page: asks /operations each second and shows it. Names come from whoever speaks to the database, so every text
// goes through textContent, and characters that hide or turn text are written out.

import { COLUMNS, keyOf, namespaceOf, TEXT_COLUMNS } from './columns.js'
import { count, element, perSecond, setText, visible, whole } from './format.js'
import { showHosts } from './hosts.js'
import { showSets } from './sets.js'
import { showTables } from './tables.js'

/**
 * @typedef {import('./columns.js').Row} Row
 * @typedef {{product: {name: string, version: string}, readiness: {ready: boolean, reason: string},
 *   listeners: {name: string, protocol: string, cluster: string, address: string, uri: string}[],
 *   live: {connections: number, active: number, awaitedActive: number},
 *   topologies: import('./sets.js').Topology[], checked: import('./hosts.js').Checked[],
 *   totals: {rate: number, errorRate: number, operations: number, errors: number, awaited: number},
 *   rows: Row[], rowsTotal: number, tables: import('./tables.js').Table[], tablesTotal: number}} Report
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
/** @type {number[]} */
const rates = []
/** Rows by key, so that text under the pointer stays selected while numbers change. @type {Map<string, HTMLTableRowElement>} */
const shownRows = new Map()

function buildHead() {
  COLUMNS.forEach((column, i) => {
    const cell = document.createElement('th')
    cell.scope = 'col'
    cell.id = `by-${column.id}`
    if (i < TEXT_COLUMNS) cell.classList.add('text')
    cell.classList.add(...column.shown)
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
    cell.classList.add(...column.shown)
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
  const view = {
    maxRate: Math.max(0, ...rows.map((row) => row.rate)),
    hasClusters: new Set(current.rows.map((row) => row.cluster)).size > 1,
  }
  body.closest('table')?.classList.toggle(
    'calls',
    current.rows.some((row) => row.calls !== null),
  )
  const keys = new Set(rows.map(keyOf))
  for (const [key, node] of shownRows) {
    if (keys.has(key)) continue
    node.remove()
    shownRows.delete(key)
  }
  rows.forEach((row, at) => {
    const node = rowFor(keyOf(row))
    for (const [i, column] of COLUMNS.entries()) column.fill(/** @type {HTMLElement} */ (node.children[i]), row, view)
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
  showTables(report.tables, report.tablesTotal)
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
