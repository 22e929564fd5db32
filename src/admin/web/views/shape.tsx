import type { DigestRow } from '../../../core/reports.js'
import { bytes, count, dateOf, duration, load, namespaceOf, perSecond, visible } from '../data/format.js'
import { collectionHref } from '../data/route.js'
import { pretty } from '../data/shape-text.js'
import type { State } from '../data/store.js'
import { DataTable } from '../parts/data-table.js'
import { SHAPE_COLLECTION, SHAPE_SHORT, SLOW_COLUMNS, shapeKey, slowKey } from '../parts/shape-columns.js'
import { Copy, Facts, Loading, Off, Section, Title } from '../parts/small.js'

/** One query shape: what it asks, how it does, and operations that were slow. */
export function Shape({ state: { frame, route } }: { readonly state: State }) {
  if (frame === undefined) return <Loading />
  const { digests, slow } = frame
  const rows = digests?.rows ?? []
  const ns = route.shown.get('ns') ?? ''
  const row = rows.find((one) => `${one.database}.${one.collection}` === ns) ?? rows[0]
  if (digests?.isEnabled === false) return <Off what="Query shapes are" setting="observe.digests.enabled: true" />
  const examples = slow?.operations ?? []
  return (
    <>
      <Title
        sub={
          row === undefined ? undefined : (
            <>
              on <a href={collectionHref(row)}>{namespaceOf(row)}</a>, cluster {visible(row.cluster)}
            </>
          )
        }
      >
        {row === undefined ? 'Query shape' : visible(row.command)} <code class="id">{visible(route.id)}</code>
      </Title>
      {row === undefined ? (
        <p class="nothing">No row has this shape now: it was never seen here, or made room for others.</p>
      ) : (
        <>
          <ShapeText command={row.command} shape={row.shape} isTruncated={row.isTruncated} />
          <Numbers row={row} />
        </>
      )}
      {rows.length > 1 && (
        <Section title="Where else">
          <DataTable
            caption="Collections with this shape"
            columns={[SHAPE_COLLECTION, ...SHAPE_SHORT]}
            rows={rows}
            keyOf={shapeKey}
          />
        </Section>
      )}
      <Section title="Slow ones">
        {slow?.isEnabled === false ? (
          <Off what="The log of slow operations is" setting="observe.slow_log.enabled: true" />
        ) : (
          <DataTable
            caption="Slow operations of this shape"
            columns={SLOW_COLUMNS.filter(({ id }) => id !== 'shape')}
            rows={examples}
            keyOf={slowKey}
            empty="None of those kept has this shape."
          />
        )}
      </Section>
    </>
  )
}

interface ShapeTextProps {
  readonly command: string
  readonly shape: string
  readonly isTruncated: boolean
}

export function ShapeText({ command, shape, isTruncated }: ShapeTextProps) {
  if (shape === '') return <p class="note">A {visible(command)} has nothing more to say.</p>
  const text = pretty(shape)
  return (
    <div class="code">
      <Copy text={text} what="the query shape" />
      {/* Line by line: what hides or turns text is written out, line breaks are ours. */}
      <pre>
        <code>{text.split('\n').map(visible).join('\n')}</code>
      </pre>
      {isTruncated && <p class="note">It goes on: the request was larger than what is looked at.</p>}
    </div>
  )
}

function Numbers({ row }: { readonly row: DigestRow }) {
  const mean = row.operations === 0 ? null : row.totalMs / row.operations
  return (
    <Facts
      facts={[
        { term: 'Load', value: load(row.timeRate), hint: 'Operations in progress on average' },
        { term: 'Operations/s', value: perSecond(row.rate) },
        { term: 'Errors/s', value: perSecond(row.errorRate), isBad: row.errorRate > 0 },
        { term: 'p50', value: duration(row.p50Ms) },
        { term: 'p95', value: duration(row.p95Ms) },
        { term: 'p99', value: duration(row.p99Ms) },
        { term: 'Mean', value: duration(mean), hint: 'Since it was first seen' },
        { term: 'Slowest', value: duration(row.maxMs) },
        { term: 'Time', value: duration(row.totalMs), hint: 'Spent since it was first seen' },
        { term: 'Operations', value: count(row.operations) },
        { term: 'Further batches', value: count(row.getMores), hint: 'getMores of its cursors' },
        { term: 'Errors', value: count(row.errors), isBad: row.errors > 0 },
        { term: 'Documents returned', value: count(row.documentsReturned) },
        { term: 'Documents sent', value: count(row.documentsSent) },
        { term: 'Requests', value: bytes(row.requestBytes) },
        { term: 'Replies', value: bytes(row.replyBytes) },
        { term: 'First seen', value: dateOf(row.firstSeenAtMs) },
        { term: 'Last seen', value: dateOf(row.lastSeenAtMs) },
      ]}
    />
  )
}
