// Where the page is: everything that someone would want to send to a colleague stands in the address.

import type { ViewName } from '../../frames.js'

export interface Route {
  readonly view: ViewName
  /** Of a collection. '' as cluster fits any. */
  readonly cluster: string
  readonly database: string
  readonly collection: string
  /** Of a shape or of a slow operation. */
  readonly id: string
  /** How it is shown: filter, sort, range. */
  readonly shown: URLSearchParams
}

/** First parts of the address; `ofOne` is the view when a second part follows. */
const PLACES: readonly { readonly place: string; readonly view: ViewName; readonly ofOne?: ViewName }[] = [
  { place: '', view: 'overview' },
  { place: 'collections', view: 'collections' },
  { place: 'collection', view: 'collections', ofOne: 'collection' },
  { place: 'shapes', view: 'shapes' },
  { place: 'shape', view: 'shapes', ofOne: 'shape' },
  { place: 'slow', view: 'slow', ofOne: 'operation' },
  { place: 'members', view: 'members' },
  { place: 'tables', view: 'tables' },
  { place: 'connections', view: 'connections' },
]

/** @param hash of an address, with its `#`; what nobody knows is the overview */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const shown = new URLSearchParams(query)
  const [place = '', ...rest] = path.split('/')
  const known = PLACES.find((one) => one.place === place)
  const id = decoded(rest.join('/'))
  const isOne = known?.ofOne !== undefined && id !== ''
  const view = isOne ? (known.ofOne ?? known.view) : (known?.view ?? 'overview')
  const name = view === 'collection' ? nameOf(id) : { database: '', collection: '' }
  return { view, cluster: shown.get('cluster') ?? '', ...name, id: isOne ? id : '', shown }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Somebody's own percent sign.
    return text
  }
}

/** A database has no dot in its name, a collection may: `shop.orders`, `.users` of a table, `shop.` of no collection. */
function nameOf(text: string): { readonly database: string; readonly collection: string } {
  const dot = text.indexOf('.')
  return dot < 0
    ? { database: '', collection: text }
    : { database: text.slice(0, dot), collection: text.slice(dot + 1) }
}

interface Named {
  readonly cluster: string
  readonly database: string
  readonly collection: string
}

/** @param more kept of the address that is left, like the range of the charts */
export function collectionHref({ cluster, database, collection }: Named, more: Record<string, string> = {}): string {
  return href(`collection/${encodeURIComponent(`${database}.${collection}`)}`, { ...more, cluster })
}

export function shapeHref(id: string, { cluster, database, collection }: Named): string {
  return href(`shape/${encodeURIComponent(id)}`, { cluster, ns: `${database}.${collection}` })
}

export const slowHref = (id: number): string => href(`slow/${id}`, {})

export function href(path: string, params: Record<string, string>): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ''))
  return `#/${path}${query.size === 0 ? '' : `?${query}`}`
}

/** The same place, shown otherwise; '' takes a setting away. */
export function withShown(hash: string, changes: Record<string, string>): string {
  const [path = ''] = hash.replace(/^#\/?/, '').split('?')
  const shown = new URLSearchParams(hash.split('?')[1] ?? '')
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') shown.delete(name)
    else shown.set(name, value)
  }
  return `#/${path}${shown.size === 0 ? '' : `?${shown}`}`
}

/** What the server is asked to send for a route: routes that are only shown otherwise ask for the same. */
export function eventsUrl({ view, cluster, database, collection, id, shown }: Route): string {
  const query = new URLSearchParams({ view })
  const add = (name: string, value: string) => {
    if (value !== '') query.set(name, value)
  }
  if (view === 'collection') {
    add('cluster', cluster)
    add('database', database)
    add('collection', collection)
  }
  if (view === 'collections' && shown.get('by') === 'command') add('by', 'command')
  if (view === 'operation') add('id', id)
  if (view === 'shape') {
    add('shape', id)
    add('cluster', cluster)
  }
  return `/events?${query}`
}
