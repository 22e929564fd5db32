import type { Rewrite } from '../../core/codec.js'
import { BSON_ARRAY, BSON_DOCUMENT, BSON_STRING } from './bson.js'
import { documentOf, type Element, elementsOf, stringElement, textOf } from './bson-patch.js'
import { normalizeMember } from './hello-rewrite.js'
import { type PatchedReply, patchReply } from './reply-document.js'

/** Where the replies of `replSetGetStatus` and `replSetGetConfig` hold member names; `*` is every element of an array. */
const PATHS: readonly (readonly string[])[] = [
  ['syncSourceHost'],
  ['members', '*', 'name'],
  ['members', '*', 'syncSourceHost'],
  ['config', 'members', '*', 'host'],
]

/**
 * A reply that shows the set to an administrator, with the names of members that clients are led to in place of their own; one
 * that has no listener keeps its own, for a status must not leave a member out. Horizons, tags and texts stay as they are.
 */
export function rewriteStatusReply(message: Buffer, map: Rewrite): PatchedReply<never> {
  return patchReply<never>(message, (bytes, at) => {
    const document = patched(bytes, at, PATHS, map)
    return document === undefined ? { kind: 'failed', reason: 'bson_length' } : { kind: 'patched', document }
  })
}

function patched(bytes: Buffer, at: number, paths: typeof PATHS, map: Rewrite): Buffer | undefined {
  const elements = elementsOf(bytes, at)
  if (elements === undefined) return undefined
  const parts: Uint8Array[] = []
  for (const element of elements) {
    const inside = paths.filter(([step]) => step === '*' || step === element.name).map((path) => path.slice(1))
    const part = inside.length === 0 ? whole(bytes, element) : patchedElement(bytes, element, inside, map)
    if (part === undefined) return undefined
    parts.push(part)
  }
  return documentOf(parts)
}

const whole = (bytes: Buffer, { start, end }: Element): Uint8Array => bytes.subarray(start, end)

function patchedElement(bytes: Buffer, element: Element, paths: typeof PATHS, map: Rewrite): Uint8Array | undefined {
  const { type, name, start, valueStart } = element
  if (type === BSON_STRING && paths.some((path) => path.length === 0)) {
    const text = textOf(bytes, element) ?? ''
    const advertised = text === '' ? undefined : map.advertise(normalizeMember(text))
    return advertised === undefined ? whole(bytes, element) : stringElement(name, advertised)
  }
  if (type !== BSON_DOCUMENT && type !== BSON_ARRAY) return whole(bytes, element)
  const value = patched(bytes, valueStart, paths, map)
  return value === undefined ? undefined : Buffer.concat([bytes.subarray(start, valueStart), value])
}
