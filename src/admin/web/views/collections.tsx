import { whole } from '../data/format.js'
import type { State } from '../data/store.js'
import { useStore } from '../data/use-store.js'
import { DataTable, sortingOf, sortText } from '../parts/data-table.js'
import { COMMAND, collectionColumn, keyOf, numberColumns, textOf } from '../parts/operation-columns.js'
import { Filter, filtered, Loading, Title } from '../parts/small.js'

export function Collections({ state: { frame, route } }: { readonly state: State }) {
  const store = useStore()
  const { shown } = route
  const isByCommand = shown.get('by') === 'command'
  const hasControl = shown.get('control') === '1'
  const filter = shown.get('q') ?? ''
  const rows = frame?.rows ?? []
  const shownRows = hasControl ? rows : rows.filter(({ isControl }) => !isControl)
  const wanted = filtered(shownRows, filter, textOf)
  const hidden = rows.length - shownRows.length
  const hasClusters = new Set(rows.map(({ cluster }) => cluster)).size > 1
  const numbers = numberColumns(rows.some(({ calls }) => calls !== null))
  const columns = [collectionColumn(hasClusters), ...(isByCommand ? [COMMAND] : []), ...numbers]
  const notes = [
    (frame?.rowsTotal ?? 0) > rows.length ? `The ${rows.length} busiest of ${whole(frame?.rowsTotal ?? 0)} rows.` : '',
    hidden > 0 ? `${hidden} of the driver’s own commands (hello, ping, …) not shown.` : '',
    (frame?.live.awaitedActive ?? 0) > 0
      ? `${whole(frame?.live.awaitedActive ?? 0)} more in progress that wait on purpose (awaited hello, change streams).`
      : '',
  ]
  return (
    <>
      <Title>Collections</Title>
      <search class="tools">
        <Filter value={filter} label="Filter by collection or command" onInput={(q) => store.show({ q })} />
        <fieldset class="segments">
          <legend>One row per</legend>
          {['collection', 'command'].map((by) => (
            <label key={by}>
              <input
                type="radio"
                name="by"
                checked={isByCommand === (by === 'command')}
                onChange={() => store.show({ by: by === 'command' ? by : '' })}
              />
              <span>{by}</span>
            </label>
          ))}
        </fieldset>
        <label>
          <input
            type="checkbox"
            checked={hasControl}
            onChange={(event) => store.show({ control: event.currentTarget.checked ? '1' : '' })}
          />{' '}
          driver’s own commands
        </label>
      </search>
      {frame === undefined ? (
        <Loading />
      ) : (
        <DataTable
          caption="Operations by collection"
          columns={columns}
          rows={wanted}
          keyOf={keyOf}
          sorting={sortingOf(shown, { by: 'load', isDescending: true })}
          onSort={(sorting) => store.show({ sort: sortText(sorting) })}
          empty={filter === '' ? 'No operations yet.' : 'Nothing matches the filter.'}
        />
      )}
      <p class="note">{notes.filter((note) => note !== '').join(' ')}</p>
    </>
  )
}
