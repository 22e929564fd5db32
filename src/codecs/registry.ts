import type { TcpProtocol } from '../core/codec.js'
import { mongodb } from './mongodb/index.js'

/** Every protocol on TCP that a listener can name, apart from `tcp` (which has no codec). */
export const protocols: readonly TcpProtocol[] = [mongodb]
