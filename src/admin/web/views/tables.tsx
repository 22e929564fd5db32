import type { TableRow } from '../../../core/reports.js'
import { count, perSecond, units, visible, whole } from '../data/format.js'
import type { State } from '../data/store.js'
import { useStore } from '../data/use-store.js'
import { type Column, DataTable, sortingOf, sortText } from '../parts/data-table.js'
import { Loading, Title } from '../parts/small.js'

type Col = Column<TableRow>

const keyOf = ({ protocol, cluster, table }: TableRow): string => [protocol, cluster, table].join('\0')

interface Numbered {
  readonly id: string
  readonly title: string
  readonly explain: string
  readonly of: (row: TableRow) => number
  readonly text: (value: number) => string
  readonly isBad?: boolean
  readonly from?: 'mid' | 'wide'
  readonly hint?: (row: TableRow) => string
}

function numbered({ id, title, explain, of, text, isBad = false, from, hint }: Numbered): Col {
  return {
    id,
    title,
    explain,
    value: of,
    cell: (row) => text(of(row)),
    className: (row) => (of(row) === 0 ? 'zero' : isBad ? 'bad' : ''),
    ...(hint === undefined ? {} : { hint }),
    ...(from === undefined ? {} : { from }),
  }
}

const NUMBERS: readonly Col[] = [
  numbered({
    id: 'rate',
    title: 'Ops/s',
    explain: 'Operations per second that name the table; one over several tables counts for each',
    of: (row) => row.rate,
    text: perSecond,
    hint: (row) => `${whole(row.operations)} so far`,
  }),
  numbered({
    id: 'errorRate',
    title: 'Errors/s',
    explain: 'Failed operations per second over the last five seconds',
    of: (row) => row.errorRate,
    text: perSecond,
    isBad: true,
    hint: (row) => `${whole(row.errors)} so far`,
  }),
  numbered({
    id: 'readRate',
    title: 'Read units/s',
    explain: 'Read capacity per second, of operations that ask for ReturnConsumedCapacity',
    of: (row) => row.readUnitsRate,
    text: perSecond,
  }),
  numbered({
    id: 'writeRate',
    title: 'Write units/s',
    explain: 'Write capacity per second, of operations that ask for ReturnConsumedCapacity',
    of: (row) => row.writeUnitsRate,
    text: perSecond,
  }),
  numbered({
    id: 'readUnits',
    title: 'Read units',
    explain: 'Read capacity since the start',
    of: (row) => row.readUnits,
    text: units,
    from: 'mid',
  }),
  numbered({
    id: 'writeUnits',
    title: 'Write units',
    explain: 'Write capacity since the start',
    of: (row) => row.writeUnits,
    text: units,
    from: 'mid',
  }),
  numbered({
    id: 'throttled',
    title: 'Throttled',
    explain: 'Operations refused as too many since the start',
    of: (row) => row.throttled,
    text: count,
    isBad: true,
    hint: (row) => `${perSecond(row.throttledRate)} per second`,
  }),
  numbered({
    id: 'retries',
    title: 'Retries',
    explain: 'Second and later tries of clients since the start',
    of: (row) => row.retries,
    text: count,
    from: 'mid',
  }),
  numbered({
    id: 'unprocessed',
    title: 'Unprocessed',
    explain: 'Keys and items of batches that came back undone since the start',
    of: (row) => row.unprocessed,
    text: count,
    isBad: true,
    from: 'mid',
  }),
]

/** The tables of databases that name them in each operation, and what they cost. */
export function Tables({ state: { frame, route } }: { readonly state: State }) {
  const store = useStore()
  if (frame === undefined) return <Loading />
  const { rows = [], rowsTotal = 0 } = frame.tables ?? {}
  const hasClusters = new Set(rows.map(({ cluster }) => cluster)).size > 1
  const name: Col = {
    id: 'table',
    title: 'Table',
    explain: 'As operations name it, or as the ARN does that they have',
    isText: true,
    value: (row) => row.table,
    hint: (row) => `${visible(row.cluster)} / ${visible(row.table)}`,
    cell: (row) => (hasClusters ? `${visible(row.cluster)} / ${visible(row.table)}` : visible(row.table)),
  }
  return (
    <>
      <Title>Tables</Title>
      <DataTable
        caption="Tables and what they cost"
        columns={[name, ...NUMBERS]}
        rows={rows}
        keyOf={keyOf}
        sorting={sortingOf(route.shown, { by: 'rate', isDescending: true })}
        onSort={(sorting) => store.show({ sort: sortText(sorting) })}
        firstRows={200}
        empty="Nothing that names tables, as DynamoDB does, went by so far."
      />
      <p class="note">{rowsTotal > rows.length ? `The ${rows.length} busiest of ${whole(rowsTotal)} tables.` : ''}</p>
    </>
  )
}
