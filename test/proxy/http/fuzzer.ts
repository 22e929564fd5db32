import type { Requests, Side } from './play.js'
import { ROWS } from './rows/index.js'

export interface FuzzInput {
  readonly side: Side
  readonly input: Buffer
  readonly requests: Requests
}

/** Bytes at which readers differ. */
const BYTES = '\r\n\r\n \t\0\x01\x0b\x0c\x7f\x80\xff:;,=0123456789aAfFxX"\\/#%@-+'
const LINES = [
  ...[
    'Content-Length: 3',
    'Content-Length: 0',
    'content-length: 5',
    'Content-Length: 03',
    'Content-Length: 3, 3',
    'Content-Length:',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'transfer-encoding: Chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: identity',
  ],
  ...[
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding:',
    'Transfer-Encoding: ,chunked',
    'Transfer-Encoding : chunked',
  ],
  ...[
    'Connection: close',
    'Connection: keep-alive',
    'Connection: close, te',
    'Connection: x-a',
    'Proxy-Connection: close',
    'Connection:',
  ],
  ...[
    'Host: a',
    'Host: b',
    'Host:',
    'Expect: 100-continue',
    'Upgrade: websocket',
    'Upgrade: h2c',
    'TE: trailers',
    'Trailer: X-Sum',
  ],
  ...[
    ' folded: x',
    '\tfolded',
    'X-A: b',
    'X-B:',
    ': x',
    'X',
    'X-Amz-Target: DynamoDB_20120810.GetItem',
    'Keep-Alive: timeout=5',
  ],
]
const STARTS = [
  'GET / HTTP/1.1',
  'POST / HTTP/1.1',
  'POST /a?b=c HTTP/1.1',
  'HEAD / HTTP/1.1',
  'PUT /x HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'POST / HTTP/1.0',
]
const STATUSES = [
  '200 OK',
  '200 OK',
  '204 No Content',
  '304 Not Modified',
  '100 Continue',
  '103 Early Hints',
  '400 Bad Request',
  '500 ',
]
const SIZES = [
  '0',
  '3',
  '5',
  '05',
  'a',
  'A',
  '1',
  '00',
  'ff',
  '3;a=b',
  '3;a="x"',
  '3;',
  '3 ',
  '0x3',
  '-1',
  'fffffffffffffffff',
  '',
]
const PAYLOADS = [
  'abc',
  'abcde',
  '',
  '0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '{"TableName":"orders"}',
  '\r\n',
  '3\r\nabc\r\n',
]

/** Makes inputs from the grammar and from the rows of the tables, and then hurts most of them. */
export class Fuzzer {
  readonly #random: () => number
  readonly #rows = Object.values(ROWS)
    .flat()
    .filter((row) => row.input.length < 1_000)

  constructor(random: () => number) {
    this.#random = random
  }

  next(): FuzzInput {
    const side = this.#chance(0.6) ? 'request' : 'reply'
    const requests = Array.from({ length: 4 }, () => this.#one(['GET', 'GET', 'POST', 'HEAD', 'GET/0']))
    let text = ''
    for (let n = 1 + this.#below(3); n > 0; n--) text += this.#chance(0.8) ? this.#message(side) : this.#row(side)
    for (let n = this.#chance(0.3) ? 0 : 1 + this.#below(this.#chance(0.7) ? 1 : 3); n > 0; n--)
      text = this.#mutate(text)
    return { side, input: Buffer.from(text.slice(0, 2_000), 'latin1'), requests }
  }

  #row(side: Side): string {
    const row = this.#one(this.#rows)
    return row.side === side ? row.input.toString('latin1') : this.#message(side)
  }

  #message(side: Side): string {
    const start =
      side === 'request'
        ? `${this.#one(STARTS)}\r\nHost: a`
        : `HTTP/1.${this.#chance(0.9) ? 1 : 0} ${this.#one(STATUSES)}`
    const lines = [start]
    for (let n = this.#below(3); n > 0; n--)
      lines.push(this.#chance(0.7) ? `X-${n}: ${this.#one(PAYLOADS).replaceAll('\r\n', ' ')}` : this.#one(LINES))
    const payload = this.#one(PAYLOADS)
    // Most of those that can have no body get none: they would all be refused.
    const kind = /^HTTP\/1\.. (1|204)/.test(start) && this.#chance(0.9) ? 0 : this.#random()
    if (kind < 0.35) return `${lines.join('\r\n')}\r\n\r\n`
    if (kind < 0.65) {
      lines.push(`Content-Length: ${payload.length}`)
      return `${lines.join('\r\n')}\r\n\r\n${payload}`
    }
    lines.push('Transfer-Encoding: chunked')
    let body = ''
    for (let n = this.#below(3); n > 0; n--) {
      const part = this.#one(PAYLOADS)
      if (part !== '') body += `${part.length.toString(16)}${this.#chance(0.2) ? ';x=y' : ''}\r\n${part}\r\n`
    }
    const trailer = this.#chance(0.2) ? `${this.#chance(0.7) ? 'X-Sum: 1' : this.#one(LINES)}\r\n` : ''
    return `${lines.join('\r\n')}\r\n\r\n${body}0\r\n${trailer}\r\n`
  }

  #mutate(text: string): string {
    const at = this.#below(text.length + 1)
    const byte = this.#chance(0.8) ? this.#one([...BYTES]) : String.fromCharCode(this.#below(256))
    switch (this.#below(12)) {
      case 0:
        return text.slice(0, at) + byte + text.slice(at + 1)
      case 1:
        return text.slice(0, at) + byte + text.slice(at)
      case 2:
        return text.slice(0, at) + text.slice(at + 1 + this.#below(4))
      case 3:
        return text.slice(0, at)
      case 4:
        return this.#atLine(text, (line) => `${this.#one(LINES)}\r\n${line}`)
      case 5:
        return this.#atLine(text, (line) => `${line}\r\n${line}`)
      case 6:
        return this.#atLine(text, () => this.#one(SIZES))
      case 7:
        return this.#atLine(text, (line) =>
          line.replace(/:\s*/, this.#one([' :', ':\t', ': ', ':  ', '\t: ', ':', ' : ', ':\x0b'])),
        )
      case 8:
        return this.#atLine(
          text,
          (line) => line + this.#one([' ', '\t', '\r', '\n', '\r\r', ' x', ';x', ',', '\x00', '\x0c']),
        )
      case 9: {
        // One line end of another kind.
        const ends = [...text.matchAll(/\r\n/g)].map((match) => match.index)
        if (ends.length === 0) return text
        const end = this.#one(ends)
        return (
          text.slice(0, end) + this.#one(['\n', '\r', '\n\r', '\r\r\n', '\r\n\r\n', '', ' \r\n']) + text.slice(end + 2)
        )
      }
      case 10:
        return text.slice(0, at) + text.slice(this.#below(text.length + 1))
      default:
        return this.#atLine(text, (line) => (this.#chance(0.5) ? line.toUpperCase() : this.#one(STARTS)))
    }
  }

  #atLine(text: string, change: (line: string) => string): string {
    const lines = text.split('\r\n')
    const i = this.#below(lines.length)
    lines[i] = change(lines[i] ?? '')
    return lines.join('\r\n')
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  #chance(p: number): boolean {
    return this.#random() < p
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T
  }
}
