import type { OperationRow } from '../../../core/reports.js'
import { Charts } from '../charts/charts.js'
import { count, duration, load, namespaceOf, perSecond, visible } from '../data/format.js'
import type { State } from '../data/store.js'
import { usePartHistory, useStore } from '../data/use-store.js'
import { DataTable, sortingOf, sortText } from '../parts/data-table.js'
import { COMMAND, keyOf, numberColumns } from '../parts/operation-columns.js'
import { SHAPE, SHAPE_NUMBERS, SLOW_COLUMNS, shapeKey, slowKey } from '../parts/shape-columns.js'
import { Facts, Loading, Off, Section, Title } from '../parts/small.js'

/** One collection: its commands, its shapes, its slow operations, its last hour. */
export function Collection({ state: { frame, route } }: { readonly state: State }) {
  const store = useStore()
  const { shown, database, collection, cluster } = route
  const all = frame?.all?.[0]
  const command = shown.get('command') ?? ''
  const of = { cluster: cluster || (all?.cluster ?? ''), database, collection, command }
  const history = usePartHistory(of.cluster === '' ? '' : `?${new URLSearchParams(of)}`)
  const rows = frame?.rows ?? []
  const name = namespaceOf({ protocol: all?.protocol ?? '', database, collection, tables: all?.tables ?? [] })
  const onSort = (sorting: { by: string; isDescending: boolean }) => store.show({ sort: sortText(sorting) })
  return (
    <>
      <Title sub={all === undefined ? undefined : `${visible(all.protocol)}, cluster ${visible(of.cluster)}`}>
        {name}
      </Title>
      {frame === undefined && <Loading />}
      {frame !== undefined && all === undefined && <p class="nothing">Nothing was asked of it yet.</p>}
      {all !== undefined && <Numbers row={all} />}
      {history !== undefined &&
        (history.operations.length > 0 ? (
          <Charts history={history} route={route} lead={<CommandChoice rows={rows} command={command} />} />
        ) : (
          <p class="note">
            {history.isKept
              ? 'Its charts begin half a minute after its first operation.'
              : 'No charts: its first half minute is not over, or others had the room before it.'}
          </p>
        ))}
      <Section title="Commands">
        <DataTable
          caption={`Commands on ${name}`}
          columns={[COMMAND, ...numberColumns(rows.some(({ calls }) => calls !== null))]}
          rows={rows}
          keyOf={keyOf}
          sorting={sortingOf(shown, { by: 'load', isDescending: true })}
          onSort={onSort}
        />
      </Section>
      <Section title="Query shapes">
        {frame?.digests?.isEnabled === false ? (
          <Off what="Query shapes are" setting="observe.digests.enabled: true" />
        ) : (
          <DataTable
            caption={`Query shapes on ${name}`}
            columns={[SHAPE, ...SHAPE_NUMBERS]}
            rows={frame?.digests?.rows ?? []}
            keyOf={shapeKey}
            firstRows={20}
          />
        )}
      </Section>
      <Section title="Slow operations">
        {frame?.slow?.isEnabled === false ? (
          <Off what="The log of slow operations is" setting="observe.slow_log.enabled: true" />
        ) : (
          <DataTable
            caption={`Slow operations on ${name}`}
            columns={SLOW_COLUMNS.filter(({ id }) => id !== 'namespace')}
            rows={frame?.slow?.operations ?? []}
            keyOf={slowKey}
            empty="None of those kept is its."
          />
        )}
      </Section>
    </>
  )
}

function CommandChoice({ rows, command }: { readonly rows: readonly OperationRow[]; readonly command: string }) {
  const store = useStore()
  return (
    <label class="tools">
      Charts of{' '}
      <select value={command} onChange={(event) => store.show({ command: event.currentTarget.value })}>
        <option value="">all commands</option>
        {rows.map((row) => (
          <option key={row.command} value={row.command}>
            {visible(row.command)}
          </option>
        ))}
      </select>
    </label>
  )
}

function Numbers({ row }: { readonly row: OperationRow }) {
  return (
    <Facts
      facts={[
        { term: 'Load', value: load(row.timeRate), hint: 'Operations in progress on average' },
        { term: 'Operations/s', value: perSecond(row.rate) },
        { term: 'Errors/s', value: perSecond(row.errorRate), isBad: row.errorRate > 0 },
        { term: 'p50', value: duration(row.p50Ms) },
        { term: 'p95', value: duration(row.p95Ms) },
        { term: 'p99', value: duration(row.p99Ms) },
        { term: 'Documents/s', value: perSecond(row.documentsRate) },
        { term: 'Operations', value: count(row.operations), hint: 'Since the start' },
        { term: 'Errors', value: count(row.errors), hint: 'Since the start', isBad: row.errors > 0 },
      ]}
    />
  )
}
