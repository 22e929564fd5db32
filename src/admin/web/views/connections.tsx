import type { ConnectionRow } from '../../frames.js'
import { bytes, count, duration, visible, whole } from '../data/format.js'
import type { State } from '../data/store.js'
import { useStore } from '../data/use-store.js'
import { type Column, DataTable, sortingOf, sortText } from '../parts/data-table.js'
import { Filter, fits, Loading, Section, Title } from '../parts/small.js'

const text = (
  id: string,
  title: string,
  explain: string,
  of: (row: ConnectionRow) => string,
  from?: 'mid' | 'wide',
): Column<ConnectionRow> => ({
  id,
  title,
  explain,
  isText: true,
  value: of,
  cell: (row) => visible(of(row) || '–'),
  hint: (row) => visible(of(row)),
  ...(from === undefined ? {} : { from }),
})

const number = (
  id: string,
  title: string,
  explain: string,
  of: (row: ConnectionRow) => number,
  written: (value: number) => string,
  from?: 'mid' | 'wide',
): Column<ConnectionRow> => ({
  id,
  title,
  explain,
  value: of,
  cell: (row) => written(of(row)),
  className: (row) => (of(row) === 0 ? 'zero' : ''),
  ...(from === undefined ? {} : { from }),
})

const driverOf = ({ driver, driverVersion }: ConnectionRow): string => `${driver} ${driverVersion}`.trim()

const COLUMNS: readonly Column<ConnectionRow>[] = [
  text('peer', 'Client', 'Where it comes from', (row) => row.peer),
  text('application', 'Application', 'As it says it is called', (row) => row.application),
  text('driver', 'Driver', 'As it says', driverOf, 'mid'),
  text('listener', 'Listener', 'Where it was accepted', (row) => row.listener, 'wide'),
  text('member', 'Member', 'What it is connected to', (row) => row.host, 'mid'),
  number('operations', 'Operations', 'Since it was opened', (row) => row.operations, count),
  number('received', 'Received', 'Bytes from the client', (row) => row.bytesReceived, bytes, 'wide'),
  number('sent', 'Sent', 'Bytes to the client', (row) => row.bytesSent, bytes, 'wide'),
  number('age', 'Age', 'How long it is open', (row) => row.ageMs, duration),
]

const textOf = (row: ConnectionRow): string =>
  [row.id, row.peer, row.application, driverOf(row), row.listener, row.cluster, row.host].join(' ')

export function Connections({ state: { frame, route } }: { readonly state: State }) {
  const store = useStore()
  if (frame === undefined) return <Loading />
  const { total = 0, connections = [] } = frame.open ?? {}
  const filter = route.shown.get('q') ?? ''
  return (
    <>
      <Title>Connections</Title>
      <search class="tools">
        <Filter value={filter} label="Filter by client, application, member" onInput={(q) => store.show({ q })} />
      </search>
      <DataTable
        caption="Client connections"
        columns={COLUMNS}
        rows={connections.filter((row) => fits(textOf(row), filter))}
        keyOf={(row) => String(row.id)}
        sorting={sortingOf(route.shown, { by: 'age', isDescending: true })}
        onSort={(sorting) => store.show({ sort: sortText(sorting) })}
        empty={filter === '' ? 'No client is connected.' : 'Nothing matches the filter.'}
      />
      <p class="note">
        {total > connections.length
          ? `The oldest ${whole(connections.length)} of ${whole(total)}.`
          : `${whole(total)} open.`}
      </p>
      <Section title="Where clients connect">
        <ul class="listeners">
          {(frame.listeners ?? []).map(({ name, protocol, cluster, address, uri }) => (
            <li key={`${name} ${address}`}>
              <b>{visible(name)}</b>{' '}
              <span class="dim">
                {visible(protocol)}, to {visible(cluster)}
              </span>{' '}
              <code>{visible(uri || address)}</code>
            </li>
          ))}
        </ul>
      </Section>
    </>
  )
}
