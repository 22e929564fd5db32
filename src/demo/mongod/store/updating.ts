import { type Document, ObjectId, Timestamp } from 'bson'
import { updateMany } from 'mingo'
import { updateMany as updateSelected } from 'mingo/updater'
import type { Clock } from '../../../core/clock.js'
import { type BsonDate, bsonDate } from '../bson-date.js'
import { CommandError } from '../errors.js'
import { prepareDocument, type StoredDocument, valueKey } from './documents.js'
import { asBadValue, type EngineOptions, mingoOptions } from './matching.js'

/** The `u` of an update statement, or the `update` of a findAndModify. */
export type Change =
  | { readonly kind: 'replacement'; readonly document: Document }
  | { readonly kind: 'operators'; readonly operators: Document; readonly arrayFilters: readonly Document[] }
  | { readonly kind: 'pipeline'; readonly stages: readonly Document[] }

export interface ChangeContext extends EngineOptions {
  readonly filter: Document
  readonly clock: Clock
}

/** @throws CommandError FailedToParse, when it is neither document nor pipeline, or mixes operators and fields */
export function parseChange(update: unknown, arrayFilters: unknown): Change {
  if (Array.isArray(update)) return { kind: 'pipeline', stages: update }
  if (typeof update !== 'object' || update === null) {
    throw new CommandError(9, 'Update argument must be either an object or an array')
  }
  const document: Document = update
  const keys = Object.keys(document)
  if (!keys[0]?.startsWith('$')) {
    const operator = keys.find((key) => key.startsWith('$'))
    if (operator === undefined) return { kind: 'replacement', document }
    throw new CommandError(52, `The dollar ($) prefixed field '${operator}' is not allowed in an update's replacement`)
  }
  const field = keys.find((key) => !key.startsWith('$'))
  if (field !== undefined) throw new CommandError(9, `Unknown modifier: ${field}. Expected a valid update modifier`)
  return { kind: 'operators', operators: document, arrayFilters: Array.isArray(arrayFilters) ? arrayFilters : [] }
}

/**
 * The next version of each document, in order; the same object where nothing changes. One run of the engine for all of them,
 * since starting it costs more than changing a document.
 * @throws CommandError, and then none is changed
 */
export function changed(
  before: readonly StoredDocument[],
  change: Change,
  context: ChangeContext,
): readonly StoredDocument[] {
  const fresh = before.map((stored) => stored.fresh())
  // Compared in the form that parsing gives it: the stored bytes may hold an int64 that a parsed number writes as int32.
  const same = fresh.map((document) => prepareDocument(document))
  const documents = apply(fresh, change, context)
  return before.map((stored, index) => {
    const after = prepareDocument({ _id: stored.document._id, ...documents[index] })
    if (after.idKey !== stored.idKey) throw immutableId()
    const unchanged = same[index] !== undefined && Buffer.compare(after.bytes, same[index].bytes) === 0
    return unchanged ? stored : after
  })
}

const immutableId = (): CommandError =>
  new CommandError(66, "Performing an update on the path '_id' would modify the immutable field '_id'")

/** The document that an upsert makes: the filter's equalities, then the change. @throws CommandError */
export function upserted(change: Change, context: ChangeContext): StoredDocument {
  const base = equalities(context.filter)
  if (change.kind === 'replacement') {
    return prepareDocument({ _id: base._id ?? change.document._id ?? new ObjectId(), ...change.document })
  }
  if (change.kind === 'pipeline') {
    const [document = base] = apply([base], change, { ...context, filter: {} })
    return prepareDocument({ _id: document._id ?? new ObjectId(), ...document })
  }
  const { $setOnInsert, ...operators } = change.operators
  const $set = { ...operators.$set, ...$setOnInsert }
  const wanted: unknown = $set._id
  if (wanted !== undefined && base._id === undefined) base._id = wanted
  const onInsert: Change = {
    ...change,
    operators: Object.keys($set).length === 0 ? operators : { ...operators, $set },
  }
  const [document = base] = apply([base], onInsert, { ...context, filter: {} })
  return prepareDocument({ _id: document._id ?? new ObjectId(), ...document })
}

/** Documents after the change; those given may be written into. */
function apply(documents: Document[], change: Change, context: ChangeContext): readonly Document[] {
  if (change.kind === 'replacement') return documents.map(({ _id }) => ({ _id, ...change.document }))
  if (change.kind === 'pipeline') {
    const stages = [...change.stages] as Parameters<typeof updateMany>[2]
    asBadValue(() => updateMany(documents, {}, stages, {}, mingoOptions(context)))
    return documents
  }
  const operators = executable(documents, change.operators, context.clock)
  if (Object.keys(operators).length === 0) return documents
  const config = { arrayFilters: [...change.arrayFilters] }
  // The documents are chosen already; only a positional `$` asks the filter again. Without it, the engine needs none of its
  // expressions, and loading them costs ten times an update.
  const run = hasPositional(operators)
    ? () => updateMany(documents, context.filter, operators, config, mingoOptions(context))
    : () => updateSelected(documents, {}, operators, config, { scriptEnabled: false })
  asBadValue(run, 9)
  return documents
}

function hasPositional(operators: Document): boolean {
  return Object.values(operators).some((paths) => Object.keys(paths).some((path) => /\.\$(\.|$)/.test(path)))
}

/**
 * What mingo is to run: `$setOnInsert` left out, `$currentDate` by our clock and in BSON's types, a `$set` of the same `_id`
 * dropped. What MongoDB refuses and mingo would silently skip is refused here.
 */
function executable(documents: readonly Document[], operators: Document, clock: Clock): Document {
  const { $setOnInsert: _, $currentDate, $set, ...rest } = operators
  const set: Document = { ...$set }
  for (const [path, spec] of Object.entries($currentDate ?? {})) set[path] = currentDate(spec, clock)
  if ('_id' in set) {
    const wanted = valueKey(set._id)
    if (documents.some((document) => valueKey(document._id) !== wanted)) throw immutableId()
    delete set._id
  }
  const result: Document = Object.keys(set).length === 0 ? rest : { ...rest, $set: set }
  for (const [operator, paths] of Object.entries(result)) {
    if (typeof paths !== 'object' || paths === null) {
      throw new CommandError(9, `Modifiers operate on fields but we found type ${typeof paths} instead: ${operator}`)
    }
    for (const path of Object.keys(paths)) {
      for (const document of documents) checkTarget(document, operator, path)
    }
  }
  return result
}

function currentDate(spec: unknown, clock: Clock): BsonDate | Timestamp {
  const wallMs = clock.wall()
  const isTimestamp = typeof spec === 'object' && spec !== null && '$type' in spec && spec.$type === 'timestamp'
  return isTimestamp ? new Timestamp({ t: Math.floor(wallMs / 1000), i: 1 }) : bsonDate(wallMs)
}

const NUMERIC = new Set(['$inc', '$mul'])
const ARRAY_APPENDING = new Set(['$push', '$addToSet'])
const ARRAY_REMOVING = new Set(['$pop', '$pull', '$pullAll'])
const REMOVING = new Set(['$unset', '$rename', ...ARRAY_REMOVING])

/** @throws CommandError TypeMismatch, BadValue or PathNotViable where the value at `path` does not suit the operator */
function checkTarget(document: Document, operator: string, path: string): void {
  if (path.includes('$')) return
  const parts = path.split('.')
  let value: unknown = document
  for (const [depth, part] of parts.entries()) {
    if (typeof value !== 'object' || value === null) {
      if (REMOVING.has(operator)) return
      throw new CommandError(28, `Cannot create field '${part}' in element '${parts.slice(0, depth).join('.')}'`)
    }
    value = Object.hasOwn(value, part) ? (value as Document)[part] : undefined
    if (value === undefined) return
  }
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  if (NUMERIC.has(operator) && type !== 'number') {
    throw new CommandError(14, `Cannot apply ${operator} to a value of non-numeric type: '${path}' is of type ${type}`)
  }
  if (ARRAY_APPENDING.has(operator) && type !== 'array') {
    throw new CommandError(2, `The field '${path}' must be an array but is of type ${type}`)
  }
  if (ARRAY_REMOVING.has(operator) && type !== 'array') {
    throw new CommandError(14, `Cannot apply ${operator} to a non-array value: '${path}' is of type ${type}`)
  }
}

/** Fields that a filter pins to one value: `{a: 1}`, `{a: {$eq: 1}}`, and those inside `$and`. */
function equalities(filter: Document): Document {
  const base: Document = {}
  for (const [field, condition] of Object.entries(filter)) {
    if (field === '$and' && Array.isArray(condition)) {
      for (const part of condition) Object.assign(base, equalities(part))
    } else if (!field.startsWith('$')) {
      const value = pinned(condition)
      if (value !== undefined) setPath(base, field, value)
    }
  }
  return base
}

function pinned(condition: unknown): unknown {
  if (condition instanceof RegExp) return undefined
  const isPlainObject =
    typeof condition === 'object' && condition !== null && Object.getPrototypeOf(condition) === Object.prototype
  if (!isPlainObject) return condition
  const operators = Object.keys(condition).filter((key) => key.startsWith('$'))
  if (operators.length === 0) return condition
  return '$eq' in condition ? condition.$eq : undefined
}

function setPath(document: Document, path: string, value: unknown): void {
  const parts = path.split('.')
  const last = parts.pop() ?? path
  let target = document
  for (const part of parts) {
    // Own fields only: a path such as `constructor.x` must not reach an object's prototype.
    if (!Object.hasOwn(target, part)) define(target, part, {})
    target = target[part]
  }
  define(target, last, value)
}

function define(target: Document, field: string, value: unknown): void {
  if (typeof target !== 'object' || target === null || field === '__proto__') {
    throw new CommandError(28, `Cannot create field '${field}' in this element`)
  }
  Object.defineProperty(target, field, { value, writable: true, enumerable: true, configurable: true })
}
