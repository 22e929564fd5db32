import type { MessageHead } from '../../../src/proxy/http/head/heads.js'
import type { HttpLimits } from '../../../src/proxy/http/limits.js'
import type { HttpPiece } from '../../../src/proxy/http/piece.js'
import { ReplyParser } from '../../../src/proxy/http/reply-parser.js'
import { RequestParser } from '../../../src/proxy/http/request-parser.js'

export type Side = 'request' | 'reply'

/** One message as the parser told it. */
export interface Message {
  /** `POST /path`, or the status. */
  readonly line: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly framing: string
  readonly keepAlive: boolean
  payload: string
  trailers: readonly (readonly [name: string, value: string])[]
  /** Where in the whole input it ends; -1 while it has not. */
  end: number
}

export interface Transcript {
  readonly messages: Message[]
  /** The end of the input: `idle`, `complete`, `truncated_message`, or why it was refused. */
  verdict: string
  /** Of a refusal: which byte of the input. */
  refusedAt: number
  /** All raw bytes that the parser gave to be forwarded. */
  forwarded: Buffer
  maxHeld: number
  /** Of a head or of trailers that the input's end cut. */
  heldAtEnd: number
}

/** Whom the replies of an input answer: methods, in order. A minor version behind a slash: `GET/0`. */
export type Requests = readonly string[]

export function newParser(side: Side, requests: Requests, limits?: HttpLimits): RequestParser | ReplyParser {
  if (side === 'request') return new RequestParser(limits)
  const parser = new ReplyParser(limits)
  for (const request of requests) {
    const [method = '', minor = '1'] = request.split('/')
    parser.expect({ method, facts: { minorVersion: Number(minor) } })
  }
  return parser
}

/** Feeds the chunks as a socket would, stopping nowhere, and says the end. */
export function play(parser: RequestParser | ReplyParser, chunks: readonly Buffer[]): Transcript {
  const transcript: Transcript = {
    messages: [],
    verdict: '',
    refusedAt: -1,
    forwarded: Buffer.alloc(0),
    maxHeld: 0,
    heldAtEnd: 0,
  }
  const raw: Buffer[] = []
  let before = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece: HttpPiece<MessageHead> = parser.next(chunk, at)
      if (piece.kind === 'refused') {
        transcript.verdict = String(piece.reason)
        transcript.refusedAt = before + piece.next
        transcript.forwarded = Buffer.concat(raw)
        return transcript
      }
      if (piece.next <= at) throw new Error(`A ${piece.kind} piece made no progress at ${before + at}`)
      raw.push(Buffer.from(piece.bytes.subarray(piece.start, piece.end)))
      take(transcript, piece, chunk, before + piece.next)
      transcript.maxHeld = Math.max(transcript.maxHeld, parser.heldBytes)
      at = piece.next
    }
    before += chunk.length
  }
  transcript.heldAtEnd = parser.heldBytes
  transcript.verdict = parser.end()
  const last = transcript.messages.at(-1)
  if (transcript.verdict === 'complete' && last !== undefined) last.end = before
  transcript.forwarded = Buffer.concat(raw)
  return transcript
}

function take(transcript: Transcript, piece: HttpPiece<MessageHead>, chunk: Buffer, next: number): void {
  if (piece.head !== undefined) transcript.messages.push(messageOf(piece.head))
  const message = transcript.messages.at(-1)
  if (message === undefined) return
  for (let i = 0; i < piece.payload.count; i++) {
    message.payload += chunk.toString('latin1', piece.payload.start(i), piece.payload.end(i))
  }
  if (piece.trailers !== undefined) message.trailers = fieldsOf(piece.trailers)
  const isInterim = (piece.head as { isInterim?: boolean } | undefined)?.isInterim === true
  if (piece.last || isInterim) message.end = next
}

function messageOf(head: MessageHead): Message {
  const any = head as { method?: string; target?: string; status?: number }
  return {
    line: any.status === undefined ? `${any.method} ${any.target}` : `${any.status}`,
    fields: fieldsOf(head.headers),
    framing: head.facts.framing,
    keepAlive: head.facts.keepAlive,
    payload: '',
    trailers: [],
    end: -1,
  }
}

function fieldsOf(list: MessageHead['headers']): [string, string][] {
  return Array.from({ length: list.count }, (_, i) => [list.name(i), list.value(i)])
}

export function bytewise(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
}

/** Cuts of `[1, max]` bytes. */
export function cutAt(bytes: Buffer, random: () => number, max: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() * max))
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return chunks
}
