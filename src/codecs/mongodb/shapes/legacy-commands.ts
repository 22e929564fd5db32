import { BSON_ARRAY, BSON_BOOL, BSON_DOCUMENT, BSON_INT32, readInt32 } from '../bson.js'
import { equalBytes } from '../name-table.js'
import { OP_DELETE, OP_QUERY, OP_UPDATE } from '../opcodes.js'
import { documentEnd, nameEnd, valueEnd } from './element-ends.js'

// Servers stopped taking these opcodes with 5.1, so what is rare is made alike: the command that says the same, as BSON.
// (Wire protocol, "Legacy opcodes")

const CMD_SUFFIX = Buffer.from('.$cmd')
const UPSERT = 1
const MULTI = 2
const SINGLE_REMOVE = 1
/** What stands beside `$query`, and how `find` calls it. */
const MODIFIERS: readonly (readonly [name: Buffer, field: string])[] = [
  [Buffer.from('$query'), 'filter'],
  [Buffer.from('query'), 'filter'],
  [Buffer.from('$orderby'), 'sort'],
  [Buffer.from('orderby'), 'sort'],
  [Buffer.from('$hint'), 'hint'],
]

type Element = readonly [type: number, name: string, value: Uint8Array]

/** The command that the message at `start` asks for, without its collection; undefined when it isn't one that reads or writes. */
export function legacyCommand(opcode: number, bytes: Buffer, start: number, end: number): Buffer | undefined {
  const nsEnd = nameEnd(bytes, start + 4, end, end)
  if (nsEnd < 0) return undefined
  switch (opcode) {
    case OP_QUERY:
      return query(bytes, start + 4, nsEnd, end)
    case OP_UPDATE:
      return update(bytes, nsEnd + 1, end)
    case OP_DELETE:
      return remove(bytes, nsEnd + 1, end)
    default:
      return undefined
  }
}

function query(bytes: Buffer, nsStart: number, nsEnd: number, end: number): Buffer | undefined {
  const at = nsEnd + 9
  const queryEnd = documentEnd(bytes, at, end, end)
  if (queryEnd < 0) return undefined
  const found = bytes.subarray(at, queryEnd)
  const suffixAt = nsEnd - CMD_SUFFIX.length
  if (suffixAt > nsStart && equalBytes(CMD_SUFFIX, bytes, suffixAt, nsEnd)) return found
  const elements = modifiers(found) ?? [[BSON_DOCUMENT, 'filter', found] as const]
  const fieldsEnd = documentEnd(bytes, queryEnd, end, end)
  const projection = fieldsEnd < 0 ? [] : [[BSON_DOCUMENT, 'projection', bytes.subarray(queryEnd, fieldsEnd)] as const]
  return command([...elements, ...projection])
}

/** `{$query: …, $orderby: …}`; undefined when the document is the filter itself. */
function modifiers(found: Buffer): Element[] | undefined {
  const elements: Element[] = []
  const last = found.length - 1
  for (let at = 4; at < last; ) {
    const type = found[at] as number
    const named = nameEnd(found, at + 1, last, last)
    const end = named < 0 ? named : valueEnd(type, found, named + 1, last, last)
    if (end < 0) return undefined
    const modifier = MODIFIERS.find(([name]) => equalBytes(name, found, at + 1, named))
    const isQuery = modifier?.[1] === 'filter' && type === BSON_DOCUMENT
    if (at === 4 && !isQuery) return undefined
    if (modifier !== undefined) elements.push([type, modifier[1], found.subarray(named + 1, end)])
    at = end
  }
  return elements.length === 0 ? undefined : elements
}

function update(bytes: Buffer, at: number, end: number): Buffer | undefined {
  const queryEnd = documentEnd(bytes, at + 4, end, end)
  const updateEnd = queryEnd < 0 ? queryEnd : documentEnd(bytes, queryEnd, end, end)
  if (updateEnd < 0) return undefined
  const flags = readInt32(bytes, at)
  const statement: Element[] = [
    [BSON_DOCUMENT, 'q', bytes.subarray(at + 4, queryEnd)],
    [BSON_DOCUMENT, 'u', bytes.subarray(queryEnd, updateEnd)],
  ]
  if ((flags & UPSERT) !== 0) statement.push([BSON_BOOL, 'upsert', TRUE])
  if ((flags & MULTI) !== 0) statement.push([BSON_BOOL, 'multi', TRUE])
  return command([[BSON_ARRAY, 'updates', document([[BSON_DOCUMENT, '0', document(statement)]])]])
}

function remove(bytes: Buffer, at: number, end: number): Buffer | undefined {
  const queryEnd = documentEnd(bytes, at + 4, end, end)
  if (queryEnd < 0) return undefined
  const limit = Buffer.from([readInt32(bytes, at) & SINGLE_REMOVE, 0, 0, 0])
  const statement = document([
    [BSON_DOCUMENT, 'q', bytes.subarray(at + 4, queryEnd)],
    [BSON_INT32, 'limit', limit],
  ])
  return command([[BSON_ARRAY, 'deletes', document([[BSON_DOCUMENT, '0', statement]])]])
}

const TRUE = Buffer.from([1])

/** A command's first element is its name: any will do. */
function command(elements: readonly Element[]): Buffer {
  return document([[BSON_BOOL, 'command', TRUE], ...elements])
}

function document(elements: readonly Element[]): Buffer {
  const parts = elements.flatMap(([type, name, value]) => [Buffer.from([type]), Buffer.from(`${name}\0`), value])
  const length = Buffer.alloc(4)
  const body = Buffer.concat([length, ...parts, Buffer.from([0])])
  body.writeInt32LE(body.length, 0)
  return body
}
