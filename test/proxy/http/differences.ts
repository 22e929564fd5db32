import { createRequire } from 'node:module'
import type { HttpReason } from '../../../src/proxy/http/reasons.js'
import type { Oracle } from './llhttp.js'
import type { Message, Requests, Side, Transcript } from './play.js'

/**
 * Why we refuse what llhttp takes, for each reason under which that happens. A reason that is not here must never be
 * stricter than llhttp; one that is here must be so for a row at least.
 */
export const STRICTER: Partial<Record<HttpReason, string>> = {
  empty_line: 'RFC 9112, 2.2 asks for one to be passed over; a stream of them would be held up by nothing',
  bare_lf: 'llhttp passes over any CR and LF before a request; we take CRLF, once',
  bare_cr: 'llhttp passes over any CR and LF before a request; we take CRLF, once',
  invalid_target:
    'llhttp takes fragments, user information, other schemes, * for any method, and several spaces before a target',
  missing_version: 'llhttp reads HTTP/0.9',
  invalid_version: 'llhttp takes several spaces between target and version',
  unsupported_version: 'llhttp takes 0.9 and 2.0 as versions of the same syntax',
  connect_method: 'a tunnel has no operations to see; llhttp leaves the decision to its user',
  invalid_status_line: 'llhttp takes a status below 100, and empty lines before a reply',
  nul: 'llhttp takes any byte in a reason phrase',
  control_character: 'llhttp takes any byte in a reason phrase',
  head_too_large: 'limits differ',
  too_many_fields: 'llhttp does not count them (Node does, and drops what is too much)',
  tab_in_framing: 'llhttp takes tabs before such a value; other readers do not know the coding then',
  content_length_overflow: 'llhttp counts to 2^64, we to 2^53: no body is that long',
  invalid_content_length: 'zeros in front: octal for some; and no value at all, which llhttp reads as no field',
  multiple_transfer_encoding: 'llhttp looks at the last one alone',
  chunked_not_final:
    'RFC 9112, 6.1: llhttp takes empty elements, an empty value, and reads other codings of a reply up to its end',
  unsupported_coding: 'we could not read the payload; a server that does not know the coding answers 501',
  length_and_coding: 'llhttp passes over a Transfer-Encoding without a value; another reader may not',
  coding_in_http_1_0: 'RFC 9112, 6.1: framing is faulty, the connection ends',
  coding_for_http_1_0: 'RFC 9112, 6.1; llhttp knows nothing of the request',
  length_without_body: 'RFC 9110, 8.6; llhttp passes over the length',
  coding_without_body: 'RFC 9112, 6.1; llhttp passes over the coding',
  missing_host: 'RFC 9112, 3.2; in Node the server looks for it, not the parser',
  multiple_host: 'RFC 9112, 3.2; not the parser’s in Node',
  invalid_host: 'RFC 9112, 3.2; not the parser’s in Node',
  host_mismatch: 'RFC 9112, 3.2.2: the target would win, but the next hop gets both',
  invalid_connection: 'RFC 9110, 7.6.1: what is not a list can’t be taken out field by field; llhttp looks for words',
  protected_option: 'RFC 9110, 7.6.1; llhttp takes no field out',
  upgrade: 'we do not switch protocols; llhttp leaves the decision to its user',
  unknown_expectation: 'RFC 9110, 10.1.1: 417; in Node the server looks at it',
  after_close:
    'llhttp passes over empty lines behind the last message, and Connection: close beside keep-alive in HTTP/1.0',
  unsolicited_reply: 'llhttp knows nothing of requests',
  upgrade_reply: 'no request asked for it',
  tunnel_reply: 'CONNECT is never sent',
  invalid_chunk_extension: 'RFC 9112, 7.1.1: llhttp takes extensions without a name or a value',
  chunk_size_overflow: 'llhttp counts to 2^64 and takes any number of zeros in front',
  chunk_extension_too_large: 'llhttp leaves the bound to its user',
  trailers_too_large: 'limits differ',
  forbidden_trailer: 'RFC 9110, 6.5.1: a recipient that merges them must know better; llhttp merges nothing',
}

/** Where llhttp is the stricter one, or takes a message for something else: when it may be, and why we differ. */
export interface Known {
  readonly name: string
  readonly why: string
  /** What must be different: codes of llhttp, or aspects of a message. Any other difference is none of these. */
  readonly at: readonly string[]
  applies(all: Compared): boolean
}

export interface Compared {
  readonly side: Side
  readonly input: Buffer
  readonly requests: Requests
  readonly ours: Transcript
  readonly theirs: Oracle
  /** Of the message that differs, or of the last one that llhttp took. */
  readonly index: number
}

const METHODS = (createRequire(import.meta.url)('_http_common') as { readonly methods: readonly string[] }).methods

const valuesOf = (message: Message | undefined, name: string) =>
  (message?.fields ?? []).filter(([n]) => n === name).map(([, value]) => value.toLowerCase())
const KEEPING = ['keep-alive', 'HPE_CLOSED_CONNECTION']

export const KNOWN: readonly Known[] = [
  {
    name: 'a method that llhttp does not know',
    why: 'RFC 9110, 9.1: methods are an open set; the upstream answers 501 to those it does not know',
    at: ['HPE_INVALID_METHOD'],
    applies: ({ side, input, theirs }) => {
      if (side !== 'request') return false
      const from = Math.max(0, ...theirs.messages.map((message) => message.end))
      const [, method = '', end = ''] = /^(?:\r\n)?([^ ]*)( ?)/.exec(input.toString('latin1', from)) ?? []
      return !METHODS.some((known) => known === method || (end === '' && known.startsWith(method)))
    },
  },
  {
    name: 'HTTP/1.0 that says both keep-alive and close',
    why: 'RFC 9112, 9.3: close comes first in the list of rules',
    at: ['keep-alive'],
    applies: ({ ours, index }) => {
      const message = ours.messages[index]
      const options = valuesOf(message, 'connection').join().split(/[ ,]+/)
      return message?.keepAlive === false && options.includes('keep-alive') && options.includes('close')
    },
  },
  {
    name: 'a request that offers h2c',
    why: 'RFC 9110, 7.8: it may be passed over; llhttp stops behind it, and its user decides',
    at: ['PAUSED_UPGRADE'],
    applies: ({ ours, index }) => valuesOf(ours.messages[index], 'upgrade').includes('h2c'),
  },
  {
    name: 'Proxy-Connection that says close or keep-alive',
    why: 'RFC 9112, C.2.2: a mistake of old clients, not to be listened to; llhttp reads it like Connection',
    at: KEEPING,
    applies: ({ ours, index }) => /close|keep-alive/.test(valuesOf(ours.messages[index], 'proxy-connection').join()),
  },
  {
    name: 'a reply to HEAD without a length',
    why: 'RFC 9112, 6.3: it has no body, and ends with its head; llhttp asks whether to keep the connection before it is told',
    at: KEEPING,
    applies: ({ side, requests, ours, index }) => {
      const message = ours.messages[index]
      const finals = ours.messages.slice(0, index).filter(({ line }) => line >= '2').length
      const hasLength = [...valuesOf(message, 'content-length'), ...valuesOf(message, 'transfer-encoding')].length > 0
      return side === 'reply' && requests[finals] === 'HEAD' && message?.keepAlive === true && !hasLength
    },
  },
  {
    name: 'an interim reply that says close',
    why: 'RFC 9112, 9.6: the final reply is still to come; llhttp refuses it',
    at: KEEPING,
    applies: ({ side, ours, index }) => {
      const message = ours.messages[index]
      return side === 'reply' && message?.line.startsWith('1') === true && !message.keepAlive
    },
  },
]
