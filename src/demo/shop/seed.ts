import {
  CATEGORIES,
  CITIES,
  CUSTOMERS,
  ITEMS,
  newEvent,
  newOrder,
  SESSIONS,
  type Shop,
  sessionOf,
  skuOf,
} from './shop.js'

const ORDERS = 2_000
const EVENTS = 500
const SALES_DAYS = 365

/** NotWritablePrimary, NotPrimaryNoSecondaryOk: another member was elected just now. Drivers try again what is safe; a drop is not. */
const ELECTION_CODES: ReadonlySet<unknown> = new Set([10_107, 13_435])
const MAX_ATTEMPTS = 5

/** Fill an empty shop, from the start again when an election comes between. What an earlier run left is dropped first. */
export async function seed(shop: Shop): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fillShop(shop)
      return
    } catch (error) {
      const isElection = error instanceof Error && 'code' in error && ELECTION_CODES.has(error.code)
      if (!isElection || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

async function fillShop(shop: Shop): Promise<void> {
  await shop.database.dropDatabase()
  await shop.reports.dropDatabase()
  await shop.customers.createIndex({ email: 1 }, { unique: true })
  await shop.customers.insertMany(
    fill(CUSTOMERS, (i) => ({ _id: i, email: emailOf(i), name: `Customer ${i}`, city: shop.pick(CITIES) })),
  )
  await shop.inventory.insertMany(
    fill(ITEMS, (i) => ({
      _id: skuOf(i),
      category: shop.pick(CATEGORIES),
      stock: 100 + shop.roll(900),
      price: 5 + shop.roll(95),
    })),
  )
  await shop.sessions.insertMany(
    fill(SESSIONS, (i) => ({ _id: sessionOf(i), customerId: i, views: 0, seenAtMs: shop.startedAtMs })),
  )
  await shop.orders.insertMany(fill(ORDERS, () => newOrder(shop)))
  await shop.events.insertMany(fill(EVENTS, () => newEvent(shop)))
  await shop.sales.insertMany(
    fill(SALES_DAYS, (day) => ({
      _id: `day-${day}`,
      day,
      category: shop.pick(CATEGORIES),
      revenue: shop.roll(10_000),
    })),
  )
}

export const emailOf = (customer: number): string => `customer${customer}@shop.example`

function fill<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
