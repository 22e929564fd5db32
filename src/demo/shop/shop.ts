import type { Collection, Db, MongoClient } from 'mongodb'
import type { Clock, Random } from '../../core/clock.js'
import type { AppTraces } from './app-traces.js'

export interface Order {
  readonly _id: number
  readonly customerId: number
  readonly status: string
  readonly items: readonly { readonly sku: string; readonly quantity: number; readonly price: number }[]
  readonly total: number
  readonly placedAtMs: number
}

export interface Customer {
  readonly _id: number
  readonly email: string
  readonly name: string
  readonly city: string
}

export interface Item {
  readonly _id: string
  readonly category: string
  readonly stock: number
  readonly price: number
}

export interface Session {
  readonly _id: string
  readonly customerId: number
  readonly views: number
  readonly seenAtMs: number
}

export interface Event {
  readonly kind: string
  readonly customerId: number
  readonly atMs: number
  readonly page: string
}

export interface Sale {
  readonly _id: string
  readonly day: number
  readonly category: string
  readonly revenue: number
}

/** The two databases of the demo's shop, and what its visitors know about them. */
export class Shop {
  readonly database: Db
  readonly reports: Db
  readonly orders: Collection<Order>
  readonly customers: Collection<Customer>
  readonly inventory: Collection<Item>
  readonly sessions: Collection<Session>
  readonly events: Collection<Event>
  readonly sales: Collection<Sale>
  readonly clock: Clock
  readonly random: Random
  readonly traces: AppTraces
  /** Orders kept are numbered `[oldestOrder, nextOrder)`. */
  oldestOrder = 0
  nextOrder = 0
  startedAtMs = 0

  constructor(client: MongoClient, clock: Clock, random: Random, traces: AppTraces) {
    this.database = client.db('shop')
    this.reports = client.db('reports')
    this.orders = this.database.collection('orders')
    this.customers = this.database.collection('customers')
    this.inventory = this.database.collection('inventory')
    this.sessions = this.database.collection('sessions')
    this.events = this.database.collection('events')
    this.sales = this.reports.collection('sales')
    this.clock = clock
    this.random = random
    this.traces = traces
    this.startedAtMs = clock.wall()
  }

  /** A whole number in `[0, below)`. */
  roll(below: number): number {
    return Math.floor(this.random() * below)
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[this.roll(values.length)] ?? values[0]
  }

  someOrder(): number {
    return this.oldestOrder + this.roll(this.nextOrder - this.oldestOrder)
  }
}

export const CUSTOMERS = 500
export const ITEMS = 200
export const SESSIONS = 300
export const STATUSES = ['new', 'paid', 'packed', 'shipped', 'returned'] as const
export const CATEGORIES = ['books', 'games', 'garden', 'kitchen', 'music'] as const
export const CITIES = ['Bergen', 'Graz', 'Lyon', 'Porto', 'Turku'] as const
export const PAGES = ['/', '/search', '/item', '/basket', '/checkout'] as const

export const skuOf = (item: number): string => `sku-${String(item).padStart(4, '0')}`
export const sessionOf = (customer: number): string => `session-${customer}`

export function newOrder(shop: Shop): Order {
  const items = Array.from({ length: 1 + shop.roll(4) }, () => ({
    sku: skuOf(shop.roll(ITEMS)),
    quantity: 1 + shop.roll(3),
    price: 5 + shop.roll(95),
  }))
  return {
    _id: shop.nextOrder++,
    customerId: shop.roll(CUSTOMERS),
    status: shop.pick(STATUSES),
    items,
    total: items.reduce((sum, { quantity, price }) => sum + quantity * price, 0),
    placedAtMs: shop.clock.wall(),
  }
}

export function newEvent(shop: Shop): Event {
  return {
    kind: 'view',
    customerId: shop.roll(CUSTOMERS),
    atMs: shop.clock.wall(),
    page: shop.pick(PAGES),
  }
}
