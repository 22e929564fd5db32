import type { DynamoDB } from '@aws-sdk/client-dynamodb'
import type { Clock, Random } from '../../core/clock.js'

/** The tables of the demo's second shop. */
export const CARTS = 'carts'
export const PRODUCTS = 'products'
export const PURCHASES = 'purchases'
/** It has none: what asks for it gets ResourceNotFoundException. */
export const MISSING = 'wishlists'
export const BY_CATEGORY = 'by_category'

export const CART_COUNT = 300
export const PRODUCT_COUNT = 120
export const CUSTOMER_COUNT = 100
/** Purchases that are kept of each customer: the next one takes the place of the oldest. */
export const PURCHASES_KEPT = 40
export const CATEGORIES = ['books', 'games', 'garden', 'kitchen', 'music'] as const

export const cartKey = (cart: number) => ({ cart: { S: `cart-${cart}` } })
export const productKey = (product: number) => ({ sku: { S: `sku-${product}` } })
export const categoryOf = (product: number): string => CATEGORIES[product % CATEGORIES.length] ?? CATEGORIES[0]

/** The demo's shop on DynamoDB, and what its visitors know of it. */
export class Bazaar {
  readonly db: DynamoDB
  readonly clock: Clock
  readonly random: Random

  constructor(db: DynamoDB, clock: Clock, random: Random) {
    this.db = db
    this.clock = clock
    this.random = random
  }

  /** A whole number in `[0, below)`. */
  roll(below: number): number {
    return Math.floor(this.random() * below)
  }

  someCart() {
    return cartKey(this.roll(CART_COUNT))
  }

  someProduct() {
    return productKey(this.roll(PRODUCT_COUNT))
  }

  newCart() {
    return { ...this.someCart(), items: { N: String(1 + this.roll(5)) }, seenAtMs: { N: String(this.clock.wall()) } }
  }

  newPurchase() {
    return {
      customer: { S: `customer-${this.roll(CUSTOMER_COUNT)}` },
      place: { N: String(this.roll(PURCHASES_KEPT)) },
      total: { N: String(5 + this.roll(95)) },
      text: { S: 'x'.repeat(this.roll(1_500)) },
    }
  }
}
