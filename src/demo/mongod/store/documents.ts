import { types } from 'node:util'
import { Binary, type Document, deserialize, Long, ObjectId, onDemand, serialize } from 'bson'
import { parse } from '../bson-parse.js'
import { CommandError } from '../errors.js'
import { MAX_DOCUMENT_BYTES } from '../limits.js'

/**
 * One version of one stored document: its bytes as they came, which finds answer with, and the parsed form that the query
 * engine reads. Immutable, so that open cursors keep seeing what they selected. The parsed form must not be mutated:
 * take `fresh()` for that.
 */
export class StoredDocument {
  readonly idKey: string
  readonly bytes: Uint8Array
  #parsed: Document | undefined

  constructor(idKey: string, bytes: Uint8Array) {
    this.idKey = idKey
    this.bytes = bytes
  }

  get document(): Document {
    this.#parsed ??= parse(this.bytes)
    return this.#parsed
  }

  fresh(): Document {
    return parse(this.bytes)
  }
}

/** A map key for an `_id`, or any indexed value: equal exactly when MongoDB holds the values equal (1 and 1.0 are). */
export function valueKey(value: unknown): string {
  if (value instanceof ObjectId) return `o${value.toHexString()}`
  switch (typeof value) {
    case 'string':
      return `s${value}`
    case 'number':
    case 'bigint':
      return `n${value}`
    case 'boolean':
      return `b${value}`
    default:
      break
  }
  if (value === null || value === undefined) return 'null'
  if (types.isDate(value)) return `d${value.getTime()}`
  if (value instanceof Long) return `n${value.toString()}`
  if (value instanceof Binary) return `x${value.sub_type}:${value.toString('hex')}`
  return `v${Buffer.from(serialize({ value })).toString('latin1')}`
}

/**
 * What an insert stores: a copy of `bytes` with `_id` in first place, made when it is missing.
 * @throws CommandError BadValue for an `_id` of a type that none may have, or a document too large
 */
export function prepareInsert(bytes: Uint8Array): StoredDocument {
  if (bytes.length > MAX_DOCUMENT_BYTES) {
    const size = `size in bytes: ${bytes.length}, max size: ${MAX_DOCUMENT_BYTES}`
    throw new CommandError(2, `object to insert too large. ${size}`)
  }
  return fromBytes(isIdFirst(bytes) ? Buffer.from(bytes) : withIdFirst(bytes))
}

/** A document made here, by an update or a pipeline. @throws CommandError as prepareInsert, and for a document too large */
export function prepareDocument(document: Document): StoredDocument {
  const bytes = serialize(document, { ignoreUndefined: true })
  if (bytes.length > MAX_DOCUMENT_BYTES) {
    throw new CommandError(10334, `Resulting document is larger than ${MAX_DOCUMENT_BYTES}`)
  }
  return fromBytes(isIdFirst(bytes) ? bytes : withIdFirst(bytes))
}

function fromBytes(bytes: Uint8Array): StoredDocument {
  const id: unknown = idOf(bytes)
  if (Array.isArray(id)) throw new CommandError(2, "can't use an array for _id")
  if (id instanceof RegExp) throw new CommandError(2, "can't use a regex for _id")
  if (id === undefined) throw new CommandError(2, "can't use an undefined for _id")
  return new StoredDocument(valueKey(id), bytes)
}

/** type byte, then "_id\0", after the length. */
function isIdFirst(bytes: Uint8Array): boolean {
  return bytes[5] === 0x5f && bytes[6] === 0x69 && bytes[7] === 0x64 && bytes[8] === 0
}

/** Only the first element is parsed: an insert of a large document costs its copy, not its parsing. */
function idOf(bytes: Uint8Array): unknown {
  for (const [type, , , valueOffset, length] of onDemand.parseToElements(bytes)) {
    const element = Buffer.alloc(4 + 5 + length + 1)
    element.writeInt32LE(element.length, 0)
    element.writeUInt8(type, 4)
    element.write('_id\0', 5, 'latin1')
    element.set(bytes.subarray(valueOffset, valueOffset + length), 9)
    return deserialize(element)._id
  }
  return undefined
}

function withIdFirst(bytes: Uint8Array): Uint8Array {
  // Values stay in their BSON classes here, so that no int64 or double changes its type on the way.
  const document = deserialize(bytes, { promoteValues: false, bsonRegExp: true })
  const { _id, ...rest } = document
  return serialize({ _id: _id ?? new ObjectId(), ...rest })
}
