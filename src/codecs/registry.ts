import type { Protocol } from '../core/codec.js'
import { mongodb } from './mongodb/index.js'

/** Every protocol that a listener can name, apart from `tcp` (which has no codec). */
export const protocols: readonly Protocol[] = [mongodb]
