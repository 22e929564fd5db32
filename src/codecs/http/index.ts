import type { HttpProtocol } from '../../core/codec.js'
import type { HttpCodec } from '../../core/http.js'
import { type HttpConfig, httpConfigSchema } from './config.js'
import { PlainReader } from './reader.js'

const codec: HttpCodec = {
  matches: () => true,
  open: (head) => new PlainReader(head),
}

/** Any HTTP (RFC 9110), by method and status: what runs on a listener of protocol `http`, and what no other codec takes. */
export const http: HttpProtocol<HttpConfig> = {
  name: 'http',
  transport: 'http',
  config: httpConfigSchema,
  createCodec: () => codec,
}
