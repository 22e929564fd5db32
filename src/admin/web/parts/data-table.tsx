// A table that is sorted by its heads and shows its first rows at first, so that a thousand cost no more than a hundred.

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { whole } from '../data/format.js'

export interface Column<Row> {
  readonly id: string
  readonly title: string
  readonly explain: string
  /** Left-aligned, sorted from a to z at first. */
  readonly isText?: boolean
  /** What it is sorted by; left out: it is not. */
  readonly value?: (row: Row) => number | string
  readonly cell: (row: Row) => ComponentChildren
  readonly className?: (row: Row) => string
  /** Takes the room that is left, in place of the first. */
  readonly isStretched?: boolean
  readonly hint?: (row: Row) => string
  /** Hidden where there is less room. */
  readonly from?: 'mid' | 'wide'
}

export interface Sorting {
  readonly by: string
  readonly isDescending: boolean
}

export interface DataTableProps<Row> {
  readonly caption: string
  /** The first names the row. */
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Left out: rows stay as they come. */
  readonly sorting?: Sorting
  readonly onSort?: (sorting: Sorting) => void
  readonly firstRows?: number
  readonly empty?: string
}

const FIRST_ROWS = 50

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, keyOf, sorting, onSort, firstRows = FIRST_ROWS, empty = 'Nothing yet.' } = props
  const [shown, setShown] = useState(firstRows)
  const listed = sorting === undefined ? rows : sorted(rows, columns, sorting, keyOf)
  const cut = listed.length > shown ? listed.slice(0, shown) : listed
  const widths = { '--all': width(columns, ''), '--mid': width(columns, 'wide'), '--few': width(columns, 'mid') }
  /** Made when it is wanted: a hint for each cell would cost more than all else. */
  const hint = (event: Event) => {
    const cell = event.target instanceof Element ? event.target.closest('td, tbody th') : null
    const row = cell?.closest('tr')
    if (!(cell instanceof HTMLTableCellElement) || row === null || row === undefined) return
    const of = cut[row.sectionRowIndex]
    cell.title = of === undefined ? '' : (columns[cell.cellIndex]?.hint?.(of) ?? '')
  }
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="scroll" aria-label={caption} tabIndex={0}>
        <table style={widths}>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head key={column.id} column={column} sorting={sorting} onSort={onSort} />
              ))}
            </tr>
          </thead>
          {/* biome-ignore lint/a11y/useKeyWithMouseEvents: a hint says nothing that is not said elsewhere */}
          <tbody onMouseOver={hint}>
            {cut.map((row) => (
              <tr key={keyOf(row)}>{cellsOf(row, columns)}</tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="nothing">{empty}</p>}
      </section>
      {listed.length > shown && (
        <p class="note">
          The first {whole(shown)} of {whole(listed.length)} rows.{' '}
          <button type="button" class="link" onClick={() => setShown(shown + 4 * FIRST_ROWS)}>
            Show more
          </button>{' '}
          <button type="button" class="link" onClick={() => setShown(Number.POSITIVE_INFINITY)}>
            Show all
          </button>
        </p>
      )}
    </>
  )
}

interface HeadProps<Row> {
  readonly column: Column<Row>
  readonly sorting: Sorting | undefined
  readonly onSort: ((sorting: Sorting) => void) | undefined
}

function Head<Row>({ column, sorting, onSort }: HeadProps<Row>) {
  const { id, title, explain, isText = false, from = '' } = column
  const className = `${isText ? 'text' : ''} ${from} ${column.isStretched === true ? 'stretch' : ''}`.trim()
  const style = isText || title.length < 7 ? {} : { style: { width: `${numberWidth(title)}rem` } }
  if (column.value === undefined || onSort === undefined || sorting === undefined) {
    return (
      <th scope="col" class={`plain ${className}`} title={explain} {...style}>
        {title}
      </th>
    )
  }
  const isSorted = sorting.by === id
  const isDescending = isSorted ? !sorting.isDescending : !isText
  return (
    <th
      scope="col"
      class={className}
      {...style}
      {...(isSorted ? { 'aria-sort': sorting.isDescending ? 'descending' : 'ascending' } : {})}
    >
      <button type="button" title={explain} onClick={() => onSort({ by: id, isDescending })}>
        {title}
      </button>
    </th>
  )
}

/** No component for each: a table of a thousand shapes has a myriad of cells. */
function cellsOf<Row>(row: Row, columns: readonly Column<Row>[]) {
  return columns.map(({ id, cell, className, isText = false, from = '' }, i) => {
    const more = className?.(row) ?? ''
    const name = `${isText ? 'text ' : ''}${from === '' ? '' : `${from} `}${more}`
    return i === 0 ? (
      <th key={id} scope="row" class={name}>
        {cell(row)}
      </th>
    ) : (
      <td key={id} class={name}>
        {cell(row)}
      </td>
    )
  })
}

/** Of a number, of a text, and the least of the name, in rem. */
const NUMBER_WIDTH = 4.8
const TEXT_WIDTH = 9.5
const NAME_WIDTH = 10

/** A long title wants more than its numbers. */
const numberWidth = (title: string): number => Math.max(NUMBER_WIDTH, title.length * 0.42 + 2.2)

/** What the columns want that are shown; columns have fixed widths, so that numbers that change move nothing. @param hidden from there on */
function width<Row>(columns: readonly Column<Row>[], hidden: '' | 'mid' | 'wide'): string {
  const shown = columns.filter(({ from }) => hidden === '' || (from !== 'wide' && from !== hidden))
  const rem = shown.reduce((sum, { isText, isStretched, title }, i) => {
    if (i === 0 || isStretched === true) return sum + NAME_WIDTH
    return sum + (isText === true ? TEXT_WIDTH : numberWidth(title))
  }, 0)
  return `${rem}rem`
}

function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { by, isDescending }: Sorting,
  keyOf: (row: Row) => string,
): readonly Row[] {
  const value = columns.find(({ id }) => id === by)?.value
  if (value === undefined) return rows
  const sign = isDescending ? -1 : 1
  const valued = rows.map((row) => ({ row, value: value(row) }))
  const byKey = (a: Row, b: Row) => (keyOf(a) < keyOf(b) ? -1 : 1)
  valued.sort((a, b) => (a.value === b.value ? byKey(a.row, b.row) : a.value < b.value ? -sign : sign))
  return valued.map(({ row }) => row)
}

/** From the address: `sort=p99` is descending, `sort=-p99` ascending; of text columns the other way round is rare and written out. */
export function sortingOf(shown: URLSearchParams, fallback: Sorting): Sorting {
  const text = shown.get('sort') ?? ''
  if (text === '') return fallback
  return text.startsWith('-') ? { by: text.slice(1), isDescending: false } : { by: text, isDescending: true }
}

export const sortText = ({ by, isDescending }: Sorting): string => (isDescending ? by : `-${by}`)
