import { whole } from '../data/format.js'
import type { State } from '../data/store.js'
import { useStore } from '../data/use-store.js'
import { DataTable, sortingOf, sortText } from '../parts/data-table.js'
import { SHAPE, SHAPE_COLLECTION, SHAPE_NUMBERS, shapeKey, shapeTextOf } from '../parts/shape-columns.js'
import { Filter, fits, Loading, Off, Title } from '../parts/small.js'

export function Shapes({ state: { frame, route } }: { readonly state: State }) {
  const store = useStore()
  const { shown } = route
  const filter = shown.get('q') ?? ''
  if (frame === undefined) return <Loading />
  const { digests } = frame
  const all = digests?.rows ?? []
  const rows = all.filter((row) => fits(shapeTextOf(row), filter))
  const others = (digests?.other ?? []).reduce((sum, row) => sum + row.operations, 0)
  const notes = [
    (digests?.rowsTotal ?? 0) > all.length ? `${all.length} of ${whole(digests?.rowsTotal ?? 0)} shapes.` : '',
    others > 0 ? `${whole(others)} operations more have no row of their own.` : '',
  ]
  return (
    <>
      <Title>Query shapes</Title>
      {digests?.isEnabled === false ? (
        <Off what="Query shapes are" setting="observe.digests.enabled: true" />
      ) : (
        <>
          <search class="tools">
            <Filter value={filter} label="Filter by shape, collection or command" onInput={(q) => store.show({ q })} />
          </search>
          <DataTable
            caption="Query shapes"
            columns={[SHAPE, SHAPE_COLLECTION, ...SHAPE_NUMBERS]}
            rows={rows}
            keyOf={shapeKey}
            sorting={sortingOf(shown, { by: 'load', isDescending: true })}
            onSort={(sorting) => store.show({ sort: sortText(sorting) })}
            empty={filter === '' ? 'No shapes yet.' : 'Nothing matches the filter.'}
          />
          <p class="note">{notes.filter((note) => note !== '').join(' ')}</p>
        </>
      )}
    </>
  )
}
