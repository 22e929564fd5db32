import { whole } from '../data/format.js'
import type { State } from '../data/store.js'
import { useStore } from '../data/use-store.js'
import { DataTable, sortingOf, sortText } from '../parts/data-table.js'
import { SLOW_COLUMNS, slowKey, slowTextOf } from '../parts/shape-columns.js'
import { Filter, fits, Loading, Off, Title } from '../parts/small.js'

export function Slow({ state: { frame, route } }: { readonly state: State }) {
  const store = useStore()
  if (frame === undefined) return <Loading />
  const { slow } = frame
  const filter = route.shown.get('q') ?? ''
  const rows = (slow?.operations ?? []).filter((one) => fits(slowTextOf(one), filter))
  return (
    <>
      <Title>Slow operations</Title>
      {slow?.isEnabled === false ? (
        <Off what="The log of slow operations is" setting="observe.slow_log.enabled: true" />
      ) : (
        <>
          <search class="tools">
            <Filter value={filter} label="Filter by any of it" onInput={(q) => store.show({ q })} />
          </search>
          <DataTable
            caption="Slow operations"
            columns={SLOW_COLUMNS}
            rows={rows}
            keyOf={slowKey}
            sorting={sortingOf(route.shown, { by: 'at', isDescending: true })}
            onSort={(sorting) => store.show({ sort: sortText(sorting) })}
            empty={filter === '' ? 'No operation was slow so far.' : 'Nothing matches the filter.'}
          />
          <p class="note">
            The newest {whole(slow?.operations.length ?? 0)} of {whole(slow?.total ?? 0)} since the start.
          </p>
        </>
      )}
    </>
  )
}
