import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb'
import {
  type Bazaar,
  BY_CATEGORY,
  CARTS,
  categoryOf,
  PRODUCT_COUNT,
  PRODUCTS,
  PURCHASES,
  productKey,
} from './bazaar.js'

const key = (name: string, type: 'HASH' | 'RANGE' = 'HASH') => ({ AttributeName: name, KeyType: type })
const text = (name: string) => ({ AttributeName: name, AttributeType: 'S' as const })
const BILLING = { BillingMode: 'PAY_PER_REQUEST' } as const

const TABLES: readonly CreateTableCommandInput[] = [
  { ...BILLING, TableName: CARTS, AttributeDefinitions: [text('cart')], KeySchema: [key('cart')] },
  {
    ...BILLING,
    TableName: PRODUCTS,
    AttributeDefinitions: [text('sku'), text('category')],
    KeySchema: [key('sku')],
    GlobalSecondaryIndexes: [
      { IndexName: BY_CATEGORY, KeySchema: [key('category')], Projection: { ProjectionType: 'ALL' } },
    ],
  },
  {
    ...BILLING,
    TableName: PURCHASES,
    AttributeDefinitions: [text('customer'), { AttributeName: 'place', AttributeType: 'N' }],
    KeySchema: [key('customer'), key('place', 'RANGE')],
  },
]

const BATCH = 25
const MAX_WAITS = 100
const WAIT_MS = 20

/** Makes the tables, waits until they stand, and fills in the products. */
export async function seed(bazaar: Bazaar): Promise<void> {
  for (const table of TABLES) await bazaar.db.createTable(table)
  for (const { TableName } of TABLES) await untilActive(bazaar, TableName)
  for (let first = 0; first < PRODUCT_COUNT; first += BATCH) {
    const skus = Array.from({ length: Math.min(BATCH, PRODUCT_COUNT - first) }, (_, i) => first + i)
    const puts = skus.map((sku) => ({
      PutRequest: {
        Item: {
          ...productKey(sku),
          category: { S: categoryOf(sku) },
          price: { N: String(5 + bazaar.roll(95)) },
          stock: { N: String(100 + bazaar.roll(900)) },
        },
      },
    }))
    await bazaar.db.batchWriteItem({ RequestItems: { [PRODUCTS]: puts }, ReturnConsumedCapacity: 'TOTAL' })
  }
}

/** @throws when it takes longer than tables take here */
async function untilActive({ db, clock }: Bazaar, name: string | undefined): Promise<void> {
  for (let i = 0; i < MAX_WAITS; i++) {
    const { Table } = await db.describeTable({ TableName: name })
    if (Table?.TableStatus === 'ACTIVE') return
    await clock.sleep(WAIT_MS)
  }
  throw new Error(`The table ${name} was not there after ${(MAX_WAITS * WAIT_MS) / 1000} s`)
}
