// @ts-check
// The tables of databases that name them in each operation, and what they cost: shown once there is one.

import { count, element, perSecond, setText, units, visible, whole } from './format.js'

/**
 * @typedef {{protocol: string, cluster: string, table: string, rate: number, errorRate: number, operations: number,
 *   errors: number, readUnitsRate: number, writeUnitsRate: number, throttledRate: number, readUnits: number,
 *   writeUnits: number, throttled: number, retries: number, unprocessed: number}} Table
 * @typedef {{title: string, explain: string, shown: string, number: (table: Table) => number, text: (value: number) => string,
 *   isBad?: boolean, more?: (table: Table) => string}} Column
 */

/** @type {Column[]} */
const COLUMNS = [
  {
    title: 'Ops/s',
    explain: 'Operations per second that name the table; one over several tables counts for each',
    shown: '',
    number: (table) => table.rate,
    text: perSecond,
    more: (table) => `${whole.format(table.operations)} so far`,
  },
  {
    title: 'Errors/s',
    explain: 'Failed operations per second over the last five seconds',
    shown: '',
    number: (table) => table.errorRate,
    text: perSecond,
    isBad: true,
    more: (table) => `${whole.format(table.errors)} so far`,
  },
  {
    title: 'Read units/s',
    explain: 'Read capacity per second, of operations that ask for ReturnConsumedCapacity',
    shown: '',
    number: (table) => table.readUnitsRate,
    text: perSecond,
  },
  {
    title: 'Write units/s',
    explain: 'Write capacity per second, of operations that ask for ReturnConsumedCapacity',
    shown: '',
    number: (table) => table.writeUnitsRate,
    text: perSecond,
  },
  {
    title: 'Read units',
    explain: 'Read capacity since the start',
    shown: 'midonly',
    number: (table) => table.readUnits,
    text: units,
  },
  {
    title: 'Write units',
    explain: 'Write capacity since the start',
    shown: 'midonly',
    number: (table) => table.writeUnits,
    text: units,
  },
  {
    title: 'Throttled',
    explain: 'Operations refused as too many since the start',
    shown: '',
    number: (table) => table.throttled,
    text: count,
    isBad: true,
    more: (table) => `${perSecond(table.throttledRate)} per second`,
  },
  {
    title: 'Retries',
    explain: 'Second and later tries of clients since the start',
    shown: 'midonly',
    number: (table) => table.retries,
    text: count,
  },
  {
    title: 'Unprocessed',
    explain: 'Keys and items of batches that came back undone since the start',
    shown: 'midonly',
    number: (table) => table.unprocessed,
    text: count,
    isBad: true,
  },
]

const body = element('tables-body')
/** Rows by key, so that text under the pointer stays selected while numbers change. @type {Map<string, HTMLTableRowElement>} */
const shownRows = new Map()

/** @param {string} title @param {string} explain @param {string} shown */
function headCell(title, explain, shown) {
  const cell = document.createElement('th')
  cell.scope = 'col'
  cell.className = `plain ${shown}`
  cell.title = explain
  cell.textContent = title
  return cell
}

function buildHead() {
  const name = headCell('Table', 'As operations name it, or as the ARN does that they have', 'text')
  element('tables-head').append(name, ...COLUMNS.map(({ title, explain, shown }) => headCell(title, explain, shown)))
}

/** @param {Table} table */
const keyOf = ({ protocol, cluster, table }) => [protocol, cluster, table].join('\0')

/** @param {string} key */
function rowFor(key) {
  const known = shownRows.get(key)
  if (known !== undefined) return known
  const made = document.createElement('tr')
  const name = document.createElement('th')
  name.scope = 'row'
  name.className = 'text'
  made.append(name)
  for (const { shown } of COLUMNS) {
    const cell = document.createElement('td')
    cell.className = shown
    made.append(cell)
  }
  shownRows.set(key, made)
  return made
}

/** @param {HTMLTableRowElement} row @param {Table} table @param {boolean} hasClusters */
function fill(row, table, hasClusters) {
  const [name, ...cells] = /** @type {HTMLElement[]} */ ([...row.children])
  const text = hasClusters ? `${visible(table.cluster)} / ${visible(table.table)}` : visible(table.table)
  if (name !== undefined) {
    setText(name, text)
    name.title = text
  }
  cells.forEach((cell, i) => {
    const column = COLUMNS[i]
    if (column === undefined) return
    const value = column.number(table)
    setText(cell, column.text(value))
    cell.classList.toggle('zero', value === 0)
    cell.classList.toggle('bad', column.isBad === true && value > 0)
    cell.title = column.more?.(table) ?? ''
  })
}

/** @param {Table[]} tables @param {number} total */
export function showTables(tables, total) {
  element('tables').hidden = tables.length === 0
  if (tables.length === 0) return
  if (element('tables-head').childElementCount === 0) buildHead()
  const keys = new Set(tables.map(keyOf))
  for (const [key, node] of shownRows) {
    if (keys.has(key)) continue
    node.remove()
    shownRows.delete(key)
  }
  const hasClusters = new Set(tables.map(({ cluster }) => cluster)).size > 1
  tables.forEach((table, at) => {
    const row = rowFor(keyOf(table))
    fill(row, table, hasClusters)
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null)
  })
  const note = total > tables.length ? `The ${tables.length} busiest of ${whole.format(total)} tables.` : ''
  setText(element('tables-note'), note)
}
