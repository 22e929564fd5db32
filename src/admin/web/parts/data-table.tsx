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

const FIRST_ROWS = 100

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, keyOf, sorting, onSort, firstRows = FIRST_ROWS, empty = 'Nothing yet.' } = props
  const [shown, setShown] = useState(firstRows)
  const listed = sorting === undefined ? rows : sorted(rows, columns, sorting, keyOf)
  const cut = listed.length > shown ? listed.slice(0, shown) : listed
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="scroll" aria-label={caption} tabIndex={0}>
        <table>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head key={column.id} column={column} sorting={sorting} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {cut.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map((column, i) => (
                  <Cell key={column.id} column={column} row={row} isName={i === 0} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="nothing">{empty}</p>}
      </section>
      {listed.length > shown && (
        <p class="note">
          The first {whole(shown)} of {whole(listed.length)} rows.{' '}
          <button type="button" class="link" onClick={() => setShown(shown + 2 * FIRST_ROWS)}>
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
  const className = `${isText ? 'text' : ''} ${from}`.trim()
  if (column.value === undefined || onSort === undefined || sorting === undefined) {
    return (
      <th scope="col" class={`plain ${className}`} title={explain}>
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
      {...(isSorted ? { 'aria-sort': sorting.isDescending ? 'descending' : 'ascending' } : {})}
    >
      <button type="button" title={explain} onClick={() => onSort({ by: id, isDescending })}>
        {title}
      </button>
    </th>
  )
}

interface CellProps<Row> {
  readonly column: Column<Row>
  readonly row: Row
  readonly isName: boolean
}

function Cell<Row>({ column, row, isName }: CellProps<Row>) {
  const { cell, className, hint, isText = false, from = '' } = column
  const name = `${isText ? 'text' : ''} ${from} ${className?.(row) ?? ''}`.trim()
  const title = hint?.(row) ?? ''
  const more = title === '' ? {} : { title }
  if (isName) {
    return (
      <th scope="row" class={name} {...more}>
        {cell(row)}
      </th>
    )
  }
  return (
    <td class={name} {...more}>
      {cell(row)}
    </td>
  )
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
  const keyed = rows.map((row) => ({ row, value: value(row), key: keyOf(row) }))
  keyed.sort((a, b) => (a.value === b.value ? (a.key < b.key ? -1 : 1) : a.value < b.value ? -sign : sign))
  return keyed.map(({ row }) => row)
}

/** From the address: `sort=p99` is descending, `sort=-p99` ascending; of text columns the other way round is rare and written out. */
export function sortingOf(shown: URLSearchParams, fallback: Sorting): Sorting {
  const text = shown.get('sort') ?? ''
  if (text === '') return fallback
  return text.startsWith('-') ? { by: text.slice(1), isDescending: false } : { by: text, isDescending: true }
}

export const sortText = ({ by, isDescending }: Sorting): string => (isDescending ? by : `-${by}`)
