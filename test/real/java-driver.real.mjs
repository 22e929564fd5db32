import { driverAgrees } from './support/matrix.mjs'

driverAgrees('java', [
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
