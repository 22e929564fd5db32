import { driverAgrees } from './support/matrix.mjs'

driverAgrees('node', [
  'crud',
  'admin',
  'errors',
  'failpoints',
  'unacknowledged',
  'transactions',
  'changeStream',
  'clientBulkWrite',
  'crowd',
  'monitor',
])
