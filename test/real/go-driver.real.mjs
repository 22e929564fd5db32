import { driverAgrees } from './support/matrix.mjs'

driverAgrees('go', [
  'crud',
  'errors',
  'failpoints',
  'unacknowledged',
  'transactions',
  'retries',
  'changeStream',
  'crowd',
  'monitor',
])
