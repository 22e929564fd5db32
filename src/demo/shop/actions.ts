import type { Action as VisitorAction } from '../visit.js'
import { emailOf } from './seed.js'
import {
  CATEGORIES,
  CUSTOMERS,
  ITEMS,
  newEvent,
  newOrder,
  SESSIONS,
  type Shop,
  STATUSES,
  sessionOf,
  skuOf,
} from './shop.js'

type Action = VisitorAction<Shop>

const MAX_ORDERS = 3_000
const EVENTS_KEPT_MS = 30_000

const reading: readonly Action[] = [
  { weight: 30, commands: 1, run: (shop) => shop.orders.findOne({ _id: shop.someOrder() }) },
  { weight: 12, commands: 1, run: (shop) => shop.customers.findOne({ _id: shop.roll(CUSTOMERS) }) },
  { weight: 10, commands: 1, run: (shop) => shop.inventory.findOne({ _id: skuOf(shop.roll(ITEMS)) }) },
  {
    weight: 5,
    commands: 1,
    run: (shop) =>
      shop.orders
        .find({ customerId: shop.roll(CUSTOMERS) })
        .sort({ placedAtMs: -1 })
        .limit(20)
        .toArray(),
  },
  {
    weight: 2,
    commands: 6,
    run: (shop) =>
      shop.orders
        .find({ status: shop.pick(STATUSES) })
        .limit(250)
        .batchSize(50)
        .toArray(),
  },
  {
    weight: 4,
    commands: 1,
    run: (shop) => shop.inventory.find({ category: shop.pick(CATEGORIES) }, { projection: { stock: 1 } }).toArray(),
  },
  { weight: 2, commands: 1, run: (shop) => shop.events.estimatedDocumentCount() },
  { weight: 2, commands: 1, run: (shop) => shop.orders.countDocuments({ status: 'new' }) },
  { weight: 1, commands: 1, run: (shop) => shop.inventory.distinct('category') },
]

const writing: readonly Action[] = [
  { weight: 8, commands: 2, run: placeOrder },
  {
    weight: 6,
    commands: 1,
    run: (shop) => shop.orders.updateOne({ _id: shop.someOrder() }, { $set: { status: shop.pick(STATUSES) } }),
  },
  { weight: 8, commands: 1, run: (shop) => shop.events.insertOne(newEvent(shop), { writeConcern: { w: 0 } }) },
  {
    weight: 2,
    commands: 1,
    run: (shop) => shop.events.insertMany(Array.from({ length: 20 }, () => newEvent(shop))),
  },
  { weight: 6, commands: 1, run: touchSession },
  { weight: 2, commands: 1, run: (shop) => shop.sessions.deleteOne({ _id: sessionOf(shop.roll(SESSIONS)) }) },
  { weight: 2, commands: 3, run: restock },
  {
    weight: 1,
    commands: 1,
    run: (shop) => shop.events.deleteMany({ atMs: { $lt: shop.clock.wall() - EVENTS_KEPT_MS } }),
  },
]

const reporting: readonly Action[] = [
  // No index helps with this one: the query that somebody should find.
  { weight: 1.5, commands: 1, run: whoBought },
  {
    weight: 2,
    commands: 1,
    run: (shop) =>
      shop.orders
        .aggregate([
          { $match: { status: 'paid' } },
          { $group: { _id: '$customerId', spent: { $sum: '$total' }, orders: { $sum: 1 } } },
          { $sort: { spent: -1 } },
          { $limit: 10 },
        ])
        .toArray(),
  },
  { weight: 1, commands: 1, run: revenueByCategory },
  {
    weight: 1,
    commands: 1,
    run: (shop) =>
      shop.sales.updateOne(
        { _id: `day-${shop.roll(365)}` },
        { $inc: { revenue: shop.roll(500) }, $setOnInsert: { category: 'books', day: 0 } },
        { upsert: true },
      ),
  },
]

/** Mistakes as real applications make them. */
const failing: readonly Action[] = [
  { weight: 1, commands: 1, run: registerTwice },
  { weight: 0.4, commands: 1, run: (shop) => refused(shop.database.command({ shopStatus: 1 })) },
  { weight: 0.4, commands: 1, run: (shop) => refused(shop.customers.find({ $nearby: 'me' }).toArray()) },
]

export const ACTIONS: readonly Action[] = [...reading, ...writing, ...reporting, ...failing]

/** Customer support looks for the orders that hold an item. */
function whoBought(shop: Shop): Promise<unknown> {
  const filter = { 'items.sku': skuOf(shop.roll(ITEMS)), status: { $in: ['paid', 'packed'] } }
  return shop.traces.request('GET /support/orders', (comment) =>
    shop.orders.find(filter, { comment }).sort({ placedAtMs: -1 }).limit(20).toArray(),
  )
}

function revenueByCategory(shop: Shop): Promise<unknown> {
  const stages = [{ $group: { _id: '$category', revenue: { $sum: '$revenue' } } }, { $sort: { revenue: -1 } }]
  return shop.traces.request('GET /reports/revenue', (comment) => shop.sales.aggregate(stages, { comment }).toArray())
}

async function placeOrder(shop: Shop): Promise<void> {
  const order = newOrder(shop)
  const sku = order.items[0]?.sku ?? skuOf(0)
  await shop.traces.request('POST /orders', async (comment) => {
    await shop.orders.insertOne(order, { comment })
    await shop.inventory.updateOne({ _id: sku }, { $inc: { stock: -1 } }, { comment })
  })
  if (shop.nextOrder - shop.oldestOrder <= MAX_ORDERS) return
  const oldest = Array.from({ length: 50 }, (_, i) => shop.oldestOrder + i)
  shop.oldestOrder += oldest.length
  await shop.orders.deleteMany({ _id: { $in: oldest } })
}

async function touchSession(shop: Shop): Promise<void> {
  const customerId = shop.roll(SESSIONS)
  await shop.sessions.findOneAndUpdate(
    { _id: sessionOf(customerId) },
    { $inc: { views: 1 }, $set: { seenAtMs: shop.clock.wall() }, $setOnInsert: { customerId } },
    { upsert: true, returnDocument: 'after' },
  )
}

async function restock(shop: Shop): Promise<void> {
  const sku = `sku-new-${shop.roll(20)}`
  await shop.inventory.bulkWrite([
    { updateMany: { filter: { stock: { $lt: 50 } }, update: { $inc: { stock: 500 } } } },
    { replaceOne: { filter: { _id: sku }, replacement: { category: 'games', stock: 10, price: 20 }, upsert: true } },
    { deleteOne: { filter: { _id: sku } } },
  ])
}

/** An e-mail address that is taken: a duplicate key. */
function registerTwice(shop: Shop): Promise<void> {
  const customer = shop.roll(CUSTOMERS)
  return refused(
    shop.customers.insertOne({ _id: CUSTOMERS + customer, email: emailOf(customer), name: 'Twice', city: 'Graz' }),
  )
}

/** The server's refusal is what is wanted; any other failure is one. */
async function refused(operation: Promise<unknown>): Promise<void> {
  await operation.then(
    () => {
      throw new Error('The server accepted what it should refuse')
    },
    (error: unknown) => {
      if (!isServerError(error)) throw error
    },
  )
}

/** The server answered, with an error that has a code. */
export function isServerError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
}
