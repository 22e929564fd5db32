import type { Protocol } from '../core/codec.js'
import { dynamodb } from './dynamodb/index.js'
import { http } from './http/index.js'
import { mongodb } from './mongodb/index.js'

/** Every protocol that a listener can name, apart from `tcp` (which has no codec). */
export const protocols: readonly Protocol[] = [mongodb, dynamodb, http]

/** Takes what no other codec on HTTP does. */
export const plainHttp = http
