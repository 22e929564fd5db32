import { driverAgrees } from './support/matrix.mjs'

driverAgrees('node', [
  'crud',
  'admin',
  'errors',
  'failpoints',
  'unacknowledged',
  'transactions',
  'retries',
  'changeStream',
  'clientBulkWrite',
  'crowd',
  'monitor',
])
