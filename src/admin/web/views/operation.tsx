import { useRef } from 'preact/hooks'
import type { SlowOperation } from '../../../core/reports.js'
import { bytes, dateOf, duration, namespaceOf, visible, whole } from '../data/format.js'
import { collectionHref, shapeHref } from '../data/route.js'
import type { State } from '../data/store.js'
import { isFailed } from '../parts/shape-columns.js'
import { Copy, type Fact, Facts, Loading, Off, Section, Title } from '../parts/small.js'
import { ShapeText } from './shape.js'

/** One slow operation. It never changes, and stays in sight when the server keeps it no longer. */
export function Operation({ state: { frame, route } }: { readonly state: State }) {
  const known = useRef<SlowOperation | undefined>(undefined)
  if (frame === undefined) return <Loading />
  if (frame.slow?.isEnabled === false) {
    return <Off what="The log of slow operations is" setting="observe.slow_log.enabled: true" />
  }
  const kept = frame.slow?.operations[0]
  if (kept !== undefined) known.current = kept
  const one = String(known.current?.id) === route.id ? known.current : undefined
  if (one === undefined) {
    return (
      <>
        <Title>Slow operation</Title>
        <p class="nothing">
          It is not kept any more: <code>observe.slow_log.keep</code> says how many are.
        </p>
      </>
    )
  }
  return (
    <>
      <Title
        sub={
          <>
            {visible(one.command)} on <a href={collectionHref(one)}>{namespaceOf(one)}</a>, cluster{' '}
            {visible(one.cluster)}, {dateOf(one.atMs)}
          </>
        }
      >
        {duration(one.durationMs)} <span class={isFailed(one) ? 'bad' : 'dim'}>{outcomeOf(one)}</span>
      </Title>
      {kept === undefined && <p class="note">Shown from this browser: the server keeps it no longer.</p>}
      <TimeSplit one={one} />
      <Section
        title="Query shape"
        more={one.shapeId === '' ? undefined : <a href={shapeHref(one.shapeId, one)}>{visible(one.shapeId)}</a>}
      >
        <ShapeText command={one.command} shape={one.shape} isTruncated={false} />
      </Section>
      {one.values !== '' && (
        <Section title="With its values">
          <div class="code">
            <Copy text={one.values} what="the request" />
            <pre>
              <code>{visible(one.values)}</code>
            </pre>
          </div>
        </Section>
      )}
      <div class="halves">
        <Section title="Who and where">
          <Facts facts={whoAndWhere(one)} />
        </Section>
        <Section title="What came of it">
          <Facts facts={whatCame(one, frame.traceUrl)} />
        </Section>
      </div>
    </>
  )
}

function outcomeOf({ outcome, code, codeName }: SlowOperation): string {
  const name = codeName === '' ? '' : `, ${visible(codeName)}`
  return `${visible(outcome)}${name}${code === 0 ? '' : ` (${code})`}`
}

const said = (text: string): string => (text === '' ? '–' : visible(text))

function whoAndWhere(one: SlowOperation): readonly (Fact | undefined)[] {
  return [
    { term: 'Client', value: said(one.peer) },
    { term: 'Application', value: said(one.application) },
    { term: 'Driver', value: said(one.driver) },
    { term: 'Connection', value: <a href="#/connections">{one.connectionId}</a> },
    { term: 'Listener', value: said(one.listener) },
    { term: 'Member', value: said(one.host), hint: 'Who answered' },
  ]
}

function whatCame(one: SlowOperation, traceUrl: string): readonly (Fact | undefined)[] {
  const number = (term: string, value: number, hint?: string): Fact | undefined =>
    value < 0 ? undefined : { term, value: whole(value), ...(hint === undefined ? {} : { hint }) }
  return [
    { term: 'Outcome', value: outcomeOf(one), isBad: isFailed(one) },
    number('Documents returned', one.documents),
    number('Affected', one.affected, 'As the reply says'),
    number('Modified', one.modified),
    one.batchSize > 0 ? number('Documents sent', one.batchSize) : undefined,
    { term: 'Request', value: bytes(one.requestBytes) },
    { term: 'Reply', value: bytes(one.replyBytes) },
    one.cursorId === '' ? undefined : { term: 'Cursor', value: said(one.cursorId) },
    one.originatingCommand === '' ? undefined : { term: 'Cursor of', value: visible(one.originatingCommand) },
    { term: 'Slow from', value: duration(one.thresholdMs), hint: 'The threshold that it passed' },
    { term: 'Trace', value: <Trace one={one} traceUrl={traceUrl} /> },
  ]
}

function Trace({ one: { traceId }, traceUrl }: { readonly one: SlowOperation; readonly traceUrl: string }) {
  if (traceId === '') return <span class="dim">in none (observe.tracing)</span>
  const url = traceUrl === '' ? '' : traceUrl.replaceAll('{trace_id}', encodeURIComponent(traceId))
  return (
    <>
      {url === '' ? (
        <code>{visible(traceId)}</code>
      ) : (
        <a href={url} rel="noreferrer">
          <code>{visible(traceId)}</code>
        </a>
      )}{' '}
      <Copy text={traceId} what="the trace id" />
    </>
  )
}

/** Where the time went. */
function TimeSplit({ one }: { readonly one: SlowOperation }) {
  const { durationMs, firstReplyMs, connectMs } = one
  // A connection that was made before its first request came is no part of the duration.
  const connect = Math.min(Math.max(connectMs, 0), Math.max(firstReplyMs, durationMs))
  const waited = firstReplyMs < 0 ? durationMs : firstReplyMs
  const parts = [
    { id: 'connect', words: 'connecting to the database', ms: Math.min(connect, waited) },
    {
      id: 'wait',
      words: firstReplyMs < 0 ? 'without an answer' : 'until the first byte of the reply',
      ms: waited - Math.min(connect, waited),
    },
    { id: 'reply', words: 'until its last', ms: firstReplyMs < 0 ? 0 : durationMs - firstReplyMs },
  ].filter(({ ms }) => ms > 0)
  return (
    <figure class="split" aria-label="Where the time went">
      <div class="bar" aria-hidden="true">
        {parts.map(({ id, ms }) => (
          <span key={id} class={id} style={{ flexGrow: ms / Math.max(durationMs, 0.001) }} />
        ))}
      </div>
      <figcaption>
        {parts.map(({ id, words, ms }) => (
          <span key={id} class={`part ${id}`}>
            <b>{duration(ms)}</b> {words}
          </span>
        ))}
      </figcaption>
    </figure>
  )
}
