import type { Action as VisitorAction } from '../visit.js'
import {
  type Bazaar,
  BY_CATEGORY,
  CARTS,
  CUSTOMER_COUNT,
  categoryOf,
  MISSING,
  PRODUCT_COUNT,
  PRODUCTS,
  PURCHASES,
} from './bazaar.js'

type Action = VisitorAction<Bazaar>

/** Without it no reply tells what it cost. */
const TOLD = { ReturnConsumedCapacity: 'TOTAL' } as const
const BATCH = 4
const MORE_THAN_THERE_IS = 10_000

const reading: readonly Action[] = [
  { weight: 24, commands: 1, run: (b) => b.db.getItem({ ...TOLD, TableName: CARTS, Key: b.someCart() }) },
  { weight: 14, commands: 1, run: (b) => b.db.getItem({ ...TOLD, TableName: PRODUCTS, Key: b.someProduct() }) },
  { weight: 6, commands: 1, run: inCategory },
  { weight: 6, commands: 1, run: purchasesOf },
  { weight: 4, commands: 1, run: cartWithProducts },
  { weight: 1, commands: 1, run: (b) => b.db.scan({ ...TOLD, TableName: PURCHASES, Limit: 100 }) },
]

const writing: readonly Action[] = [
  { weight: 10, commands: 1, run: addToCart },
  { weight: 6, commands: 1, run: (b) => b.db.putItem({ ...TOLD, TableName: CARTS, Item: b.newCart() }) },
  { weight: 3, commands: 1, run: changePrice },
  { weight: 2, commands: 1, run: (b) => b.db.deleteItem({ ...TOLD, TableName: CARTS, Key: b.someCart() }) },
  { weight: 3, commands: 1, run: importCarts },
  { weight: 4, commands: 1, run: (b) => buy(b) },
]

/** Mistakes as real applications make them; each is refused, which ends the action. */
const failing: readonly Action[] = [
  { weight: 1, commands: 1, run: openTwice },
  { weight: 0.5, commands: 1, run: (b) => buy(b, MORE_THAN_THERE_IS) },
  { weight: 0.3, commands: 1, run: (b) => b.db.getItem({ TableName: CARTS, Key: { wrong: { S: 'key' } } }) },
  { weight: 0.3, commands: 1, run: (b) => b.db.getItem({ TableName: MISSING, Key: b.someCart() }) },
]

export const ACTIONS: readonly Action[] = [...reading, ...writing, ...failing]

function inCategory(bazaar: Bazaar) {
  return bazaar.db.query({
    ...TOLD,
    TableName: PRODUCTS,
    IndexName: BY_CATEGORY,
    KeyConditionExpression: 'category = :category',
    FilterExpression: 'price < :price',
    ExpressionAttributeValues: {
      ':category': { S: categoryOf(bazaar.roll(PRODUCT_COUNT)) },
      ':price': { N: '50' },
    },
  })
}

function purchasesOf(bazaar: Bazaar) {
  return bazaar.db.query({
    ...TOLD,
    TableName: PURCHASES,
    KeyConditionExpression: 'customer = :customer',
    ExpressionAttributeValues: { ':customer': { S: `customer-${bazaar.roll(CUSTOMER_COUNT)}` } },
    ScanIndexForward: false,
    Limit: 20,
  })
}

function cartWithProducts(bazaar: Bazaar) {
  const products = distinct(
    () => bazaar.someProduct(),
    ({ sku }) => sku.S,
  )
  return bazaar.db.batchGetItem({
    ...TOLD,
    RequestItems: { [CARTS]: { Keys: [bazaar.someCart()] }, [PRODUCTS]: { Keys: products } },
  })
}

function addToCart(bazaar: Bazaar) {
  return bazaar.db.updateItem({
    ...TOLD,
    TableName: CARTS,
    Key: bazaar.someCart(),
    UpdateExpression: 'ADD #items :one SET seenAtMs = :now',
    ExpressionAttributeNames: { '#items': 'items' },
    ExpressionAttributeValues: { ':one': { N: '1' }, ':now': { N: String(bazaar.clock.wall()) } },
  })
}

function changePrice(bazaar: Bazaar) {
  return bazaar.db.updateItem({
    ...TOLD,
    TableName: PRODUCTS,
    Key: bazaar.someProduct(),
    UpdateExpression: 'SET price = :price',
    ExpressionAttributeValues: { ':price': { N: String(5 + bazaar.roll(95)) } },
  })
}

function importCarts(bazaar: Bazaar) {
  const carts = distinct(
    () => bazaar.newCart(),
    ({ cart }) => cart.S,
  )
  return bazaar.db.batchWriteItem({
    ...TOLD,
    RequestItems: {
      [CARTS]: carts.map((Item) => ({ PutRequest: { Item } })),
      [PURCHASES]: [{ PutRequest: { Item: bazaar.newPurchase() } }],
    },
  })
}

/** With less than `least` in stock the whole transaction is cancelled. */
function buy(bazaar: Bazaar, least = 1) {
  const Update = {
    TableName: PRODUCTS,
    Key: bazaar.someProduct(),
    UpdateExpression: 'SET stock = stock - :count',
    ConditionExpression: 'stock >= :least',
    ExpressionAttributeValues: { ':count': { N: '1' }, ':least': { N: String(least) } },
  }
  return bazaar.db.transactWriteItems({
    ...TOLD,
    TransactItems: [{ Put: { TableName: PURCHASES, Item: bazaar.newPurchase() } }, { Update }],
  })
}

/** What is there already. */
function openTwice(bazaar: Bazaar) {
  return bazaar.db.putItem({
    TableName: PRODUCTS,
    Item: { ...bazaar.someProduct(), category: { S: 'books' } },
    ConditionExpression: 'attribute_not_exists(sku)',
  })
}

/** A batch refuses a key that is in it twice. */
function distinct<Item>(make: () => Item, keyOf: (item: Item) => string): Item[] {
  return [...new Map(Array.from({ length: BATCH }, make).map((item) => [keyOf(item), item])).values()]
}
