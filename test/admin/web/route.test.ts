import t from 'tap'
import {
  collectionHref,
  eventsUrl,
  parseRoute,
  shapeHref,
  slowHref,
  withShown,
} from '../../../src/admin/web/data/route.js'

t.test('each address leads to its view, and the server is asked for that', (t) => {
  const cases = [
    ['', 'overview', '/events?view=overview'],
    ['#/', 'overview', '/events?view=overview'],
    ['#/nonsense/x', 'overview', '/events?view=overview'],
    ['#/collections', 'collections', '/events?view=collections'],
    ['#/collections?by=command&q=x&sort=p99', 'collections', '/events?view=collections&by=command'],
    ['#/collection/shop.orders', 'collection', '/events?view=collection&database=shop&collection=orders'],
    ['#/collection/shop.a.b?cluster=c', 'collection', '/events?view=collection&cluster=c&database=shop&collection=a.b'],
    ['#/collection/.users?range=1h', 'collection', '/events?view=collection&collection=users'],
    ['#/collection/users', 'collection', '/events?view=collection&collection=users'],
    ['#/collection/shop.', 'collection', '/events?view=collection&database=shop'],
    ['#/collection/', 'collections', '/events?view=collections'],
    ['#/shapes?sort=p99', 'shapes', '/events?view=shapes'],
    ['#/shape/0123456789abcdef?cluster=c', 'shape', '/events?view=shape&shape=0123456789abcdef&cluster=c'],
    ['#/shape', 'shapes', '/events?view=shapes'],
    ['#/slow', 'slow', '/events?view=slow'],
    ['#/slow/42', 'operation', '/events?view=operation&id=42'],
    ['#/members', 'members', '/events?view=members'],
    ['#/tables', 'tables', '/events?view=tables'],
    ['#/connections', 'connections', '/events?view=connections'],
  ] as const
  for (const [hash, view, url] of cases) {
    const route = parseRoute(hash)
    t.equal(route.view, view, hash)
    t.equal(eventsUrl(route), url, hash)
  }
  t.end()
})

t.test('links lead back to what they were made of, whatever the names are', (t) => {
  const names = ['orders', 'a.b', 'x/y', 'ü?&#=+% ', '%zz', '\u202eevil', '']
  for (const collection of names) {
    for (const database of ['shop', '', 'a b']) {
      const of = { cluster: 'c&d', database, collection }
      const { view, ...route } = parseRoute(collectionHref(of))
      t.match({ view, ...route }, { view: 'collection', ...of })
    }
  }
  t.match(parseRoute(shapeHref('00ff', { cluster: 'c', database: 'shop', collection: 'a&b' })), {
    view: 'shape',
    id: '00ff',
  })
  t.match(parseRoute(slowHref(7)), { view: 'operation', id: '7' })
  t.equal(parseRoute('#/collection/100%').collection, '100%', 'a percent sign that stands for itself')
  t.end()
})

t.test('how a place is shown stands in its address, and leaves it again', (t) => {
  t.equal(withShown('', { range: '1h' }), '#/?range=1h')
  t.equal(withShown('#/shapes?q=a', { sort: '-p99' }), '#/shapes?q=a&sort=-p99')
  t.equal(withShown('#/collection/a.b?q=x&range=1h', { q: '' }), '#/collection/a.b?range=1h')
  t.equal(withShown('#/shapes?q=a', { q: '' }), '#/shapes')
  t.end()
})
