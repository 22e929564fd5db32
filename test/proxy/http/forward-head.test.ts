import t from 'tap'
import { type ConnectionField, forwardHead } from '../../../src/proxy/http/forward-head.js'
import type { ReplyHead, RequestHead } from '../../../src/proxy/http/head/heads.js'
import { ReplyParser } from '../../../src/proxy/http/reply-parser.js'
import { RequestParser } from '../../../src/proxy/http/request-parser.js'

function requestHead(text: string): RequestHead {
  const piece = new RequestParser().next(Buffer.from(text, 'latin1'), 0)
  if (piece.head === undefined) throw new Error(`${piece.kind}: ${piece.reason}`)
  return piece.head
}

function replyHead(text: string): ReplyHead {
  const parser = new ReplyParser()
  parser.expect({ method: 'GET', facts: { minorVersion: 1 } })
  const piece = parser.next(Buffer.from(text, 'latin1'), 0)
  if (piece.head === undefined) throw new Error(`${piece.kind}: ${piece.reason}`)
  return piece.head
}

const START = 'POST /a HTTP/1.1\r\nhOST: a\r\n'
const SIGNED = 'X-Amz-Target:  DynamoDB_20120810.GetItem \r\nauthorization:\tAWS4-HMAC-SHA256 \xff\r\n'

/** name, lines of the head, lines that go on. */
const ROWS: readonly (readonly [name: string, lines: string, kept: string])[] = [
  ['nothing to take out', SIGNED, SIGNED],
  ['Connection', `${SIGNED}Connection: close\r\n`, SIGNED],
  ['Connection, first', `Connection: close\r\n${SIGNED}`, SIGNED],
  ['Connection in two fields', `CONNECTION: close\r\n${SIGNED}connection: keep-alive\r\n`, SIGNED],
  [
    'all of a kind, between others',
    `A: 1\r\nKeep-Alive: x\r\nB: 2\r\nProxy-Connection: y\r\nTE: trailers\r\nC: 3\r\n`,
    'A: 1\r\nB: 2\r\nC: 3\r\n',
  ],
  ['a field that Connection names', `Connection: x-a\r\nX-A: 1\r\nX-AB: 2\r\nx-a: 3\r\n`, 'X-AB: 2\r\n'],
  ['a field named by the second Connection', `Connection: close\r\nX-B: 2\r\nConnection: ,X-b\r\n`, ''],
  ['an option that names no field', `Connection: foo\r\n${SIGNED}`, SIGNED],
  ['h2c', `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n${SIGNED}`, SIGNED],
  [
    'the framing stays',
    `Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n`,
    'Transfer-Encoding: chunked\r\nTrailer: X\r\n',
  ],
  ['the length stays', `Connection: te\r\nTE: x\r\nContent-Length: 3\r\n`, 'Content-Length: 3\r\n'],
  [
    'what is about the origin stays',
    'Via: 1.1 x\r\nProxy-Authorization: x\r\nExpect: 100-continue\r\n',
    'Via: 1.1 x\r\nProxy-Authorization: x\r\nExpect: 100-continue\r\n',
  ],
]

t.test('fields about the connection are taken out and all other bytes stay', async (t) => {
  for (const [name, lines, kept] of ROWS) {
    const head = requestHead(`${START}${lines}\r\nbody`)
    t.equal(forwardHead(head).toString('latin1'), `${START}${kept}\r\n`, name)
    for (const connection of ['close', 'keep-alive'] satisfies ConnectionField[]) {
      const expected = `${START}${kept}Connection: ${connection}\r\n\r\n`
      t.equal(forwardHead(head, connection).toString('latin1'), expected, `${name}, with ${connection}`)
    }
  }
})

t.test('a reply head is treated alike', async (t) => {
  const head = replyHead('HTTP/1.1 200 \xffK\r\nConnection: close, x-a\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n')
  t.equal(forwardHead(head).toString('latin1'), 'HTTP/1.1 200 \xffK\r\nContent-Length: 0\r\n\r\n')
  t.equal(
    forwardHead(head, 'close').toString('latin1'),
    'HTTP/1.1 200 \xffK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  )
})

t.test('a head that stays as it is is not copied', async (t) => {
  const chunk = Buffer.from(`${START}\r\n`)
  const head = new RequestParser().next(chunk, 0).head as RequestHead
  t.equal(forwardHead(head), chunk, 'it is the chunk itself')
  const longer = Buffer.from(`${START}\r\nGET`)
  const view = forwardHead(new RequestParser().next(longer, 0).head as RequestHead)
  t.equal(view.buffer, longer.buffer, 'or a view of it')
})

t.test('what goes on is a head again, with nothing left to take out', async (t) => {
  for (const [name, lines] of ROWS) {
    const again = requestHead(forwardHead(requestHead(`${START}${lines}\r\n`)).toString('latin1'))
    t.equal(again.facts.hasHopByHop, false, name)
    t.equal(forwardHead(again).toString('latin1'), forwardHead(requestHead(`${START}${lines}\r\n`)).toString('latin1'))
  }
})
