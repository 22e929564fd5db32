import { useEffect, useState } from 'preact/hooks'
import type { HistoryReport } from '../../core/reports.js'
import type { Frame, ViewName } from '../frames.js'
import { count, duration, perSecond, timeOf, visible } from './data/format.js'
import { seriesOf } from './data/series.js'
import type { State, Store } from './data/store.js'
import { applyTheme, nextTheme, storedTheme } from './data/theme.js'
import { StoreContext, useStoreState } from './data/use-store.js'
import { Spark } from './parts/small.js'
import { Collection } from './views/collection.js'
import { Collections } from './views/collections.js'
import { Connections } from './views/connections.js'
import { hostsSummary, setSummary, titleOf } from './views/member-words.js'
import { Members } from './views/members.js'
import { Operation } from './views/operation.js'
import { Overview } from './views/overview.js'
import { Shape } from './views/shape.js'
import { Shapes } from './views/shapes.js'
import { Slow } from './views/slow.js'
import { Tables } from './views/tables.js'

const VIEWS: Readonly<Record<ViewName, (props: { readonly state: State }) => unknown>> = {
  overview: Overview,
  collections: Collections,
  collection: Collection,
  shapes: Shapes,
  shape: Shape,
  slow: Slow,
  operation: Operation,
  members: Members,
  tables: Tables,
  connections: Connections,
}

export function App({ store }: { readonly store: Store }) {
  const state = useStoreState(store)
  const { route, newest } = state
  const View = VIEWS[route.view] as (props: { readonly state: State }) => preact.JSX.Element
  const place = `${route.view} ${route.cluster} ${route.database} ${route.collection} ${route.id}`
  useKeys(store)
  useFocusOfView(place)
  useDocumentTitle(newest)
  return (
    <StoreContext.Provider value={store}>
      <Header store={store} state={state} />
      <Banner state={state} />
      <Navigation view={route.view} newest={newest} />
      <main id="main">
        {newest !== undefined && route.view === 'overview' && <Totals frame={newest} history={state.history} />}
        <View key={place} state={state} />
      </main>
      <Footer />
      <News newest={newest} />
    </StoreContext.Provider>
  )
}

/** `p` pauses, `/` goes to the filter: nowhere where somebody types. */
function useKeys(store: Store): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : undefined
      if (event.ctrlKey || event.metaKey || event.altKey || target?.closest('input, select, textarea') !== null) return
      if (event.key === 'p') store.togglePause()
      if (event.key !== '/') return
      event.preventDefault()
      document.getElementById('filter')?.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [store])
}

let isFirstView = true

/** After a step to another view its heading has the focus: keys and ears go on from there. */
function useFocusOfView(place: string): void {
  useEffect(() => {
    if (!isFirstView) {
      scrollTo(0, 0)
      document.getElementById('view-title')?.focus()
    }
    isFirstView = false
  }, [place])
}

function useDocumentTitle(newest: Frame | undefined): void {
  const rate = newest?.totals.rate ?? 0
  const title = rate > 0 ? `${perSecond(rate)} ops/s – oplens` : 'oplens'
  useEffect(() => {
    document.title = title
  }, [title])
}

function Header({ store, state: { link, newest } }: { readonly store: Store; readonly state: State }) {
  const [theme, setTheme] = useState(storedTheme())
  const isPaused = link.kind === 'paused'
  const isDraining = newest !== undefined && !newest.readiness.ready
  const mood = { connecting: '', lost: 'bad', paused: 'warn', live: isDraining ? 'warn' : 'live' }[link.kind]
  const words = {
    connecting: 'connecting',
    lost: 'not reachable',
    paused: 'paused',
    live: isDraining ? visible(newest.readiness.reason) : 'live',
  }[link.kind]
  const change = () => {
    const next = nextTheme(theme)
    applyTheme(next)
    setTheme(next)
  }
  return (
    <header>
      <button type="button" class="skip" onClick={skipToMain}>
        Skip to what is shown
      </button>
      <h1>
        <a href="#/">
          <img src="/favicon.svg" alt="" width="24" height="24" /> oplens
        </a>{' '}
        <small>{newest?.product.version ?? ''}</small>
      </h1>
      <p class={`state ${mood}`} role="status">
        {words}
      </p>
      <button
        type="button"
        class="tool"
        aria-pressed={isPaused}
        aria-keyshortcuts="p"
        title="Stop the numbers to read them (p)"
        onClick={() => store.togglePause()}
      >
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <button type="button" class="tool" title="Dark, light, or as the system has it" onClick={change}>
        <span aria-hidden="true">◐</span> <span class="unseen">Theme: </span>
        {theme}
      </button>
    </header>
  )
}

function skipToMain(): void {
  document.getElementById('view-title')?.focus()
}

function Banner({ state: { link, newest } }: { readonly state: State }) {
  if (link.kind === 'lost') {
    return (
      <p class="banner" role="alert">
        The proxy has not answered since {timeOf(link.sinceMs)}.
        {newest === undefined ? '' : ' The numbers below are the last known.'} Trying again.
      </p>
    )
  }
  if (link.kind === 'paused') return <p class="banner warn">Paused at {timeOf(link.sinceMs)}. Press p to go on.</p>
  if (newest !== undefined && !newest.readiness.ready) {
    return (
      <p class="banner warn" role="alert">
        The proxy takes no new connections: {visible(newest.readiness.reason)}.
      </p>
    )
  }
  return null
}

const TABS: readonly { readonly href: string; readonly title: string; readonly views: readonly ViewName[] }[] = [
  { href: '#/', title: 'Overview', views: ['overview'] },
  { href: '#/collections', title: 'Collections', views: ['collections', 'collection'] },
  { href: '#/shapes', title: 'Shapes', views: ['shapes', 'shape'] },
  { href: '#/slow', title: 'Slow', views: ['slow', 'operation'] },
  { href: '#/members', title: 'Members', views: ['members'] },
  { href: '#/tables', title: 'Tables', views: ['tables'] },
  { href: '#/connections', title: 'Connections', views: ['connections'] },
]

function Navigation({ view, newest }: { readonly view: ViewName; readonly newest: Frame | undefined }) {
  // Only where something names tables, or somebody came by a link.
  const hasTables = (newest?.tablesTotal ?? 0) > 0 || view === 'tables'
  return (
    <nav class="tabs" aria-label="Views">
      <ul>
        {TABS.filter(({ title }) => hasTables || title !== 'Tables').map(({ href, title, views }) => (
          <li key={href}>
            <a href={href} {...(views.includes(view) ? { 'aria-current': 'page' as const } : {})}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

const SPARK_MS = 300_000

function Totals({ frame, history }: { readonly frame: Frame; readonly history: HistoryReport | undefined }) {
  const { totals, live, slowTotal } = frame
  const recent = history === undefined ? undefined : seriesOf(history, SPARK_MS, 1)
  const p99 = recent?.p99.at(-1) ?? null
  return (
    <dl class="totals">
      <div>
        <dt>Operations per second</dt>
        <dd id="total-rate">{perSecond(totals.rate)}</dd>
        <Spark values={recent?.rate ?? []} />
      </div>
      <div>
        <dt>Errors per second</dt>
        <dd id="total-errors" class={totals.errorRate > 0 ? 'bad' : ''}>
          {perSecond(totals.errorRate)}
        </dd>
        <Spark values={recent?.errors ?? []} />
      </div>
      <div title="99 of 100 answers took no longer, over five seconds">
        <dt>Latency p99</dt>
        <dd>{duration(p99)}</dd>
        <Spark values={recent?.p99 ?? []} />
      </div>
      <div>
        <dt>In progress</dt>
        <dd>{count(live.active)}</dd>
      </div>
      <div>
        <dt>Connections</dt>
        <dd>{count(live.connections)}</dd>
      </div>
      <div>
        <dt>Slow so far</dt>
        <dd>{count(slowTotal)}</dd>
      </div>
      <div>
        <dt>Operations so far</dt>
        <dd id="total-operations">{count(totals.operations)}</dd>
      </div>
    </dl>
  )
}

const LINKS = [
  '/metrics',
  '/operations?format=text',
  '/digests?format=text',
  '/slow?format=text',
  '/connections',
  '/clusters',
  '/stats',
  '/config_dump',
  '/ready',
]

const Footer = () => (
  <footer>
    <nav aria-label="The same for programs">
      {LINKS.map((link) => (
        <a key={link} href={link}>
          {link.split('?')[0]}
        </a>
      ))}
    </nav>
  </footer>
)

/** Read out when it changes: an election, a member that is down. It holds no number that moves by itself. */
function News({ newest }: { readonly newest: Frame | undefined }) {
  const words = [
    ...(newest?.topologies ?? []).map((one) => `${titleOf(one)}: ${setSummary(one)}`),
    ...(newest?.checked ?? []).map((one) => `Cluster ${visible(one.name)}: ${hostsSummary(one)}`),
  ]
  return (
    <p class="unseen" role="status">
      {words.join(' ')}
    </p>
  )
}
