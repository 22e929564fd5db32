import { mongodb } from '../../src/codecs/mongodb/index.js'
import type { TcpCodec } from '../../src/core/codec.js'
import type { Exchange } from '../../src/core/exchange.js'
import type { Shape } from '../../src/core/shape.js'
import { Recording } from './replay.js'
import { reply } from './wire.js'

export function shapingCodec(): TcpCodec {
  return mongodb.createCodec(mongodb.config.parse({}), { shapes: true, values: undefined })
}

/** The exchange of one request, pushed in these pieces and answered. */
export function exchangeOf(pieces: readonly Buffer[], codec = shapingCodec()): Exchange {
  const recording = new Recording(codec)
  for (const piece of pieces) recording.push('request', piece)
  if (recording.exchanges.length === 0) recording.push('reply', reply({ ok: 1 }))
  const exchange = recording.exchanges[0]
  if (exchange === undefined) throw new Error('Nothing was decoded')
  return exchange
}

export function shapeOf(message: Buffer, codec?: TcpCodec): Shape | undefined {
  return exchangeOf([message], codec).shape
}
