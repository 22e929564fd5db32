import type { Frame } from '../../frames.js'
import { Charts } from '../charts/charts.js'
import { namespaceOf } from '../data/format.js'
import type { State } from '../data/store.js'
import { DataTable } from '../parts/data-table.js'
import { collectionColumn, keyOf, SHORT } from '../parts/operation-columns.js'
import { SHAPE_SHORT, SHAPE_WITH_COLLECTION, SLOW_COLUMNS, shapeKey, slowKey } from '../parts/shape-columns.js'
import { Loading, Off, Section } from '../parts/small.js'
import { hasTrouble, hostsSummary, setSummary, titleOf } from './member-words.js'

/** Whether something is wrong, and where to look. */
export function Overview({ state }: { readonly state: State }) {
  const { frame, history, route } = state
  if (frame === undefined) return <Loading />
  if (frame.totals.operations === 0) return <Waiting frame={frame} />
  const { rows = [], rowsTotal = 0, digests, slow } = frame
  const hasClusters = new Set(rows.map(({ cluster }) => cluster)).size > 1
  return (
    <>
      <h2 id="view-title" class="unseen" tabIndex={-1}>
        Overview
      </h2>
      {history === undefined ? (
        <Health frame={frame} />
      ) : (
        <Charts history={history} route={route} lead={<Health frame={frame} />} />
      )}
      <div class="halves">
        <Section title="Where the time goes" more={<a href="#/collections?sort=load">all collections ({rowsTotal})</a>}>
          <DataTable
            caption="Collections that operations spend most time on now"
            columns={[collectionColumn(hasClusters), ...SHORT]}
            rows={rows}
            keyOf={keyOf}
            empty="Only the driver’s own commands so far."
          />
        </Section>
        <Section title="Which queries take it" more={<a href="#/shapes">all shapes</a>}>
          {digests?.isEnabled === false ? (
            <Off what="Query shapes are" setting="observe.digests.enabled: true" />
          ) : (
            <DataTable
              caption="Query shapes that most time is spent on now"
              columns={[SHAPE_WITH_COLLECTION, ...SHAPE_SHORT]}
              rows={digests?.rows ?? []}
              keyOf={shapeKey}
            />
          )}
        </Section>
      </div>
      <Section title="Newest slow operations" more={<a href="#/slow">all kept</a>}>
        {slow?.isEnabled === false ? (
          <Off what="The log of slow operations is" setting="observe.slow_log.enabled: true" />
        ) : (
          <DataTable
            caption="The newest slow operations"
            columns={SLOW_COLUMNS}
            rows={slow?.operations ?? []}
            keyOf={slowKey}
            empty="No operation was slow so far."
          />
        )}
      </Section>
    </>
  )
}

/** One line for each cluster whose members are watched or checked. */
function Health({ frame: { topologies = [], checked = [] } }: { readonly frame: Frame }) {
  if (topologies.length + checked.length === 0) return null
  return (
    <ul class="health-lines">
      {topologies.map((one) => (
        <li key={`set ${one.cluster}`} class={hasTrouble(one) ? 'trouble' : ''}>
          <a href="#/members">{titleOf(one)}</a> {setSummary(one)}
        </li>
      ))}
      {checked.map((one) => (
        <li key={`hosts ${one.name}`} class={one.isPanic || one.hosts.some(isUnhealthy) ? 'trouble' : ''}>
          <a href="#/members">Hosts of {namespaceOf({ protocol: '', database: '', collection: one.name })}</a>{' '}
          {hostsSummary(one)}
        </li>
      ))}
    </ul>
  )
}

const isUnhealthy = ({ health }: { readonly health: { readonly state: string } | null }): boolean =>
  health?.state === 'unhealthy'

/** What to do first. */
function Waiting({ frame }: { readonly frame: Frame }) {
  const uris = (frame.listeners ?? []).filter(({ uri }) => uri !== '')
  return (
    <>
      <Health frame={frame} />
      <section class="waiting" aria-labelledby="view-title">
        <h2 id="view-title" tabIndex={-1}>
          No operations yet
        </h2>
        <p>
          {uris.length > 0
            ? 'Give this URI to your application in place of the database’s own:'
            : 'Point your application at the address that oplens listens on.'}
        </p>
        <ul>
          {uris.map(({ name, uri }) => (
            <li key={name}>
              <code>{uri}</code>
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}
