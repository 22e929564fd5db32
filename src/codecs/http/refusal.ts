import type { HttpRefusal, HttpReply } from '../../core/http.js'

/** RFC 6585, 4 and RFC 9110, 15.5.4, 15.6.4 and 15.6.5. */
const STATUS: Readonly<Record<HttpRefusal['kind'], number>> = {
  throttled: 429,
  denied: 403,
  unavailable: 503,
  timeout: 504,
}

export function refusalReply({ kind, message }: HttpRefusal): HttpReply {
  return {
    status: STATUS[kind],
    headers: [['content-type', 'text/plain; charset=utf-8']],
    body: Buffer.from(`${message}\n`),
  }
}
