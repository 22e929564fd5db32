import type { Rewrite } from '../../core/codec.js'
import { BSON_ARRAY, BSON_BOOL } from './bson.js'
import { documentOf, type Element, elementsOf, stringArrayElement, stringElement, textOf } from './bson-patch.js'
import { type Failed, type Patched, patchReply } from './reply-document.js'

/** Why a reply does not go on as it is, or does. */
type NotPatched =
  /** Nothing in it leads away: an error, a standalone, a mongos. */
  | { readonly kind: 'unchanged' }
  /** The node says that it is another member than this listener's. Not to be sent: it would lead the driver astray. */
  | { readonly kind: 'identity_mismatch'; readonly me: string }
  /** None of the members that it lists can be reached through the proxy: a driver that believed it would forget the whole set. */
  | { readonly kind: 'no_member_known' }
  /** Where only a primary may be told of: not to be sent, so that the driver looks for it anew. */
  | { readonly kind: 'not_primary' }

export type HelloRewrite =
  /** The whole message to send instead. */
  | { readonly kind: 'rewritten'; readonly message: Buffer }
  | NotPatched
  /** It can't be understood, so it can't be made safe either. */
  | Failed

const DEFAULT_PORT = 27_017
const UNCHANGED: NotPatched = { kind: 'unchanged' }
/** Of an array without elements. */
const EMPTY_BYTES = 5
/** Fields that hold member names; nothing else of a hello reply is touched. (Server Discovery and Monitoring) */
const LISTS: ReadonlySet<string> = new Set(['hosts', 'passives', 'arbiters'])

/** What clients may compress with: anything else would make their messages unreadable here. (OP_COMPRESSED specification) */
const COMPRESSORS: ReadonlySet<string> = new Set(['noop', 'snappy', 'zlib', 'zstd'])

/** Names are compared in lower case, with their port. */
export function normalizeMember(name: string): string {
  const lower = name.toLowerCase()
  const hasPort = lower.startsWith('[') ? /\]:\d+$/.test(lower) : /^[^:]*:\d+$/.test(lower)
  if (hasPort) return lower
  const isBareV6 = !lower.startsWith('[') && lower.includes(':')
  return `${isBareV6 ? `[${lower}]` : lower}:${DEFAULT_PORT}`
}

/**
 * A reply of the hello family (`message`: whole, header included) with `hosts`, `passives`, `arbiters`, `primary` and `me` led
 * through the proxy, in any form it may have: OP_MSG (checksum made anew), OP_REPLY, OP_COMPRESSED (sent uncompressed, which
 * every client must take). Every other byte stays as it is.
 */
export function rewriteHelloReply(message: Buffer, map: Rewrite): HelloRewrite {
  return patchReply<NotPatched>(message, (bytes, at) => patchHello(bytes, at, map))
}

function patchHello(message: Buffer, at: number, map: Rewrite): Patched<NotPatched> {
  const elements = elementsOf(message, at)
  if (elements === undefined) return { kind: 'failed', reason: 'bson_length' }
  if (map.onlyPrimary === true) return saysNotPrimary(message, elements) ? { kind: 'not_primary' } : UNCHANGED
  const touched = elements.filter((element) => isTouched(message, element))
  if (touched.length === 0) return UNCHANGED
  const me = touched.find(({ name }) => name === 'me')
  const meText = me === undefined ? undefined : textOf(message, me)
  if (map.member !== '' && meText !== undefined && normalizeMember(meText) !== map.member) {
    return { kind: 'identity_mismatch', me: meText }
  }
  const parts = elements.map((element) => rewriteElement(message, element, map))
  if (parts.includes(undefined)) return { kind: 'failed', reason: 'bson_type' }
  const lists = elements.map((element, index) => ({ element, led: parts[index]?.length ?? 0 })).filter(isList)
  const isForgetful = lists.every(({ element, led }) => isEmptyList(element, led))
  if (isForgetful && !lists.every(({ element }) => isEmptyList(element, element.end - element.start))) {
    return { kind: 'no_member_known' }
  }
  return { kind: 'patched', document: documentOf(parts.filter((part) => part !== undefined)) }
}

/** The value of a boolean is its one byte. */
function saysNotPrimary(message: Buffer, elements: readonly Element[]): boolean {
  const flag = elements.find(({ name }) => name === 'isWritablePrimary' || name === 'ismaster')
  return flag !== undefined && flag.type === BSON_BOOL && message[flag.valueStart] === 0
}

function isTouched(message: Buffer, element: Element): boolean {
  const { name } = element
  if (name === 'compression') return namesUnknownCompressor(message, element)
  return LISTS.has(name) || name === 'primary' || name === 'me'
}

const isList = ({ element }: { readonly element: Element }): boolean => LISTS.has(element.name)

/** @param bytes of the whole element: type, name, NUL, array */
const isEmptyList = ({ name }: Element, bytes: number): boolean => bytes === name.length + 2 + EMPTY_BYTES

function namesUnknownCompressor(message: Buffer, element: Element): boolean {
  const entries = element.type === BSON_ARRAY ? elementsOf(message, element.valueStart) : undefined
  return entries?.some((entry) => !COMPRESSORS.has(textOf(message, entry) ?? '')) ?? true
}

/** @returns the element's new bytes; empty when it is left out; undefined when it has not the type it must have */
function rewriteElement(message: Buffer, element: Element, map: Rewrite): Uint8Array | undefined {
  const { name } = element
  if (!isTouched(message, element)) return message.subarray(element.start, element.end)
  if (name === 'compression' || LISTS.has(name)) {
    if (element.type !== BSON_ARRAY) return undefined
    const entries = elementsOf(message, element.valueStart)?.map((entry) => textOf(message, entry))
    if (entries === undefined) return undefined
    const texts = entries.filter((entry) => entry !== undefined)
    if (name === 'compression')
      return stringArrayElement(
        name,
        texts.filter((text) => COMPRESSORS.has(text)),
      )
    const advertised = texts.map((text) => map.advertise(normalizeMember(text)))
    return stringArrayElement(
      name,
      advertised.filter((entry) => entry !== undefined),
    )
  }
  const text = textOf(message, element)
  if (text === undefined) return undefined
  const advertised = map.advertise(normalizeMember(text))
  // A hint that leads nowhere is better left out: the driver asks the members themselves.
  return advertised === undefined ? new Uint8Array(0) : stringElement(name, advertised)
}
