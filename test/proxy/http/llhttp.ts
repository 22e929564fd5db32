import { createRequire } from 'node:module'
import type { Message, Requests, Side, Transcript } from './play.js'

/** What this file uses of Node's binding to llhttp, which has no types and no promise to stay. */
interface Parser {
  initialize(type: number, resource: object, maxHeaderBytes: number, lenientFlags: number): void
  execute(chunk: Buffer): number | Error
  finish(): number | Error | undefined
  [callback: number]: ((...values: never[]) => unknown) | undefined
}

interface ParserClass {
  new (): Parser
  readonly REQUEST: number
  readonly RESPONSE: number
  readonly kOnMessageBegin: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

const common = createRequire(import.meta.url)('_http_common') as {
  readonly HTTPParser: ParserClass
  readonly methods: readonly string[]
}
const { HTTPParser } = common
/** As large as our own limit. */
const MAX_HEADER_BYTES = 65_536

/** Ours refused means a reason, theirs a code; the rest is equal. */
export interface Oracle extends Transcript {
  readonly isRefused: boolean
}

/**
 * What Node's llhttp makes of the bytes, in strict mode, one byte at a time: so that it tells where each message ends.
 * What Node's server does on top (Host, Expect) is not in it.
 */
export function playLlhttp(side: Side, bytes: Buffer, requests: Requests): Oracle {
  const oracle = {
    messages: [] as Message[],
    verdict: '',
    refusedAt: -1,
    forwarded: bytes,
    maxHeld: 0,
    heldAtEnd: 0,
    isRefused: false,
  }
  let pending: string[] = []
  let url = ''
  let at = 0
  let replies = 0
  /** It offers another protocol, and llhttp leaves it to its user what the bytes behind are. */
  let isUpgrade = false
  const parser = new HTTPParser()
  parser.initialize(side === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, MAX_HEADER_BYTES, 0)
  parser[HTTPParser.kOnMessageBegin] = () => {
    pending = []
    url = ''
  }
  parser[HTTPParser.kOnHeaders] = (headers: string[], more: string) => {
    pending.push(...headers)
    url += more
  }
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    headers: string[] | undefined,
    method: number | undefined,
    target: string | undefined,
    status: number | undefined,
    _phrase: string | undefined,
    upgrade: boolean,
    keepAlive: boolean,
  ) => {
    oracle.messages.push({
      line: side === 'reply' ? `${status}` : `${methodName(method ?? -1)} ${target ?? url}`,
      fields: pairs(headers ?? pending),
      framing: '',
      keepAlive,
      payload: '',
      trailers: [],
      end: -1,
    })
    pending = []
    isUpgrade = upgrade
    const request = requests[replies]?.split('/')[0]
    if (side === 'reply' && (status ?? 0) >= 200) replies++
    return side === 'reply' && request === 'HEAD' ? 1 : 0
  }
  parser[HTTPParser.kOnBody] = (body: Buffer) => {
    const message = oracle.messages.at(-1)
    if (message !== undefined) message.payload += body.toString('latin1')
  }
  parser[HTTPParser.kOnMessageComplete] = () => {
    const message = oracle.messages.at(-1)
    if (message === undefined) return
    message.end = at + 1
    message.trailers = pairs(pending)
    pending = []
  }
  const refuse = (verdict: string) => Object.assign(oracle, { isRefused: true, verdict, refusedAt: at })
  for (; at < bytes.length; at++) {
    if (isUpgrade && (oracle.messages.at(-1)?.end ?? -1) >= 0) return refuse('PAUSED_UPGRADE')
    const result = parser.execute(bytes.subarray(at, at + 1))
    if (result instanceof Error) return refuse((result as Error & { code: string }).code)
  }
  const open = oracle.messages.at(-1)
  const wasOpen = open !== undefined && open.end < 0
  at--
  oracle.verdict = parser.finish() instanceof Error ? 'truncated_message' : wasOpen ? 'complete' : 'idle'
  return oracle
}

/** llhttp knows one method that this list has not. */
function methodName(index: number): string {
  return common.methods[index] ?? 'QUERY'
}

function pairs(flat: readonly string[]): [string, string][] {
  const fields: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([(flat[i] ?? '').toLowerCase(), flat[i + 1] ?? ''])
  return fields
}
