import { setAgrees } from './support/replica-set.mjs'

setAgrees('primary')
