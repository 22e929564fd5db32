import { driverAgrees } from './support/matrix.mjs'

driverAgrees('pymongo', [
  'crud',
  'errors',
  'failpoints',
  'unacknowledged',
  'transactions',
  'retries',
  'changeStream',
  'exhaust',
  'tailable',
  'stableApi',
  'crowd',
  'monitor',
])
