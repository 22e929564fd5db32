import { BSON_BOOL, BSON_DOUBLE, BSON_INT32, BSON_INT64, BSON_STRING, readNumber } from '../bson.js'
import { NameTable } from '../name-table.js'

// What a value is, by where it stands: the one place that says so, asked by the fingerprint and by the text, which must agree.

/** A literal: its type alone is told, of documents and arrays too. */
export const LITERAL = 0
/** A filter, or the operators on one field: names and operators stay. */
export const FILTER = 1
/** What a field or an operator of a filter is compared with: operators, or else a literal. */
export const PREDICATE = 2
/** An aggregation expression: strings that begin with `$` are field paths and stay. */
export const EXPRESSION = 3
/** 1 and 0 (true, false) stay. */
export const PROJECTION = 4
/** An order: names in their order, directions stay. */
export const SORT = 5
export const SORT_KEY = 6
/** Operators, a pipeline, or a replacement, which is a literal. */
export const UPDATE = 7
export const UPDATE_OPERATORS = 8
export const PIPELINE = 9
export const STAGE = 10
/** The arguments of stages that have filters and pipelines among them. */
export const STAGE_ARGUMENTS = 11
/** Pipelines by name. */
export const FACET = 12
/** An array of filters. */
export const FILTERS = 13
/** Source code, as a string or as BSON's own type. */
export const CODE = 14
/** `$function` and `$accumulator`. */
export const FUNCTION = 15
/** Arguments of other stages: names stay, strings never do. */
export const ARGUMENTS = 16
/** Told when it is true. */
export const FLAG = 17
/** A number that is told apart only by being 0 or not. */
export const ONE_OR_ALL = 18
/** A string that names a field. */
export const PATH = 19
/** A string that names a database and collection. */
export const NAMESPACE = 20
/** The place of a namespace in `nsInfo`. */
export const NAMESPACE_INDEX = 21
/** An array, or a document sequence, of what a plan of its own describes; equal ones are told once. */
export const STATEMENTS = 22
/** The same, each told in its order. */
export const LIST = 23
/** Not part of the shape. */
export const DROPPED = 24

export const MAX_SHAPE_DEPTH = 16

const NO_CLASS = 0
export const CLASS_STRING = 2
export const CLASS_CODE = 12
export const CLASS_OBJECT = 16
/** By class. */
export const PLACEHOLDERS: readonly string[] = [
  '',
  '?number',
  '?string',
  '?bool',
  '?date',
  '?objectId',
  '?null',
  '?binData',
  '?regex',
  '?timestamp',
  '?minKey',
  '?maxKey',
  '?javascript',
  '?undefined',
  '?symbol',
  '?dbPointer',
  '?object',
]
/** The class of a value that is only told by its type. */
export const TYPE_CLASS: Uint8Array = new Uint8Array(256).fill(NO_CLASS)
for (const [type, name] of [
  [1, '?number'],
  [2, '?string'],
  [3, '?object'],
  [5, '?binData'],
  [6, '?undefined'],
  [7, '?objectId'],
  [8, '?bool'],
  [9, '?date'],
  [10, '?null'],
  [11, '?regex'],
  [12, '?dbPointer'],
  [13, '?javascript'],
  [14, '?symbol'],
  [15, '?javascript'],
  [16, '?number'],
  [17, '?timestamp'],
  [18, '?number'],
  [19, '?number'],
  [0x7f, '?maxKey'],
  [0xff, '?minKey'],
] as const) {
  TYPE_CLASS[type] = PLACEHOLDERS.indexOf(name)
}

const DOLLAR = 0x24

class Names {
  readonly #table: NameTable
  readonly #contexts: readonly number[]
  readonly #otherwise: number

  constructor(contexts: Readonly<Record<string, number>>, otherwise: number) {
    this.#table = new NameTable(Object.keys(contexts))
    this.#contexts = Object.values(contexts)
    this.#otherwise = otherwise
  }

  find(bytes: Uint8Array, start: number, end: number): number {
    const index = this.#table.find(bytes, start, end)
    return index < 0 ? this.#otherwise : (this.#contexts[index] as number)
  }
}

const FILTER_OPERATORS = new Names(
  {
    $and: FILTERS,
    $or: FILTERS,
    $nor: FILTERS,
    $elemMatch: FILTER,
    $expr: EXPRESSION,
    $where: CODE,
    $comment: DROPPED,
  },
  PREDICATE,
)
const EXPRESSION_OPERATORS = new Names(
  // `$const` is the server's own name for `$literal`, which it takes from clients, too.
  { $literal: LITERAL, $const: LITERAL, $function: FUNCTION, $accumulator: FUNCTION },
  EXPRESSION,
)
const PROJECTION_OPERATORS = new Names(
  { $elemMatch: FILTER, $literal: LITERAL, $const: LITERAL, $function: FUNCTION, $accumulator: FUNCTION },
  EXPRESSION,
)
const FUNCTION_ARGUMENTS = new Names(
  { args: EXPRESSION, initArgs: EXPRESSION, accumulateArgs: EXPRESSION, lang: LITERAL },
  CODE,
)
/** Stages that take expressions. Those that aren't here may hold any text, so that a string in them is never taken for a path. */
const STAGES = new Names(
  {
    $match: FILTER,
    $sort: SORT,
    $project: PROJECTION,
    $addFields: EXPRESSION,
    $bucket: EXPRESSION,
    $bucketAuto: EXPRESSION,
    $densify: EXPRESSION,
    $fill: EXPRESSION,
    $group: EXPRESSION,
    $redact: EXPRESSION,
    $replaceRoot: EXPRESSION,
    $replaceWith: EXPRESSION,
    $set: EXPRESSION,
    $setWindowFields: EXPRESSION,
    $sortByCount: EXPRESSION,
    $unwind: EXPRESSION,
    $facet: FACET,
    $geoNear: STAGE_ARGUMENTS,
    $graphLookup: STAGE_ARGUMENTS,
    $lookup: STAGE_ARGUMENTS,
    $merge: STAGE_ARGUMENTS,
    $unionWith: STAGE_ARGUMENTS,
    $documents: LITERAL,
  },
  ARGUMENTS,
)
const STAGE_ARGUMENT_NAMES = new Names(
  {
    pipeline: PIPELINE,
    whenMatched: PIPELINE,
    query: FILTER,
    restrictSearchWithMatch: FILTER,
    let: EXPRESSION,
    startWith: EXPRESSION,
  },
  LITERAL,
)

/** Of the element named at `[start, end)` in a document that is walked as `inside`. */
export function elementContext(inside: number, bytes: Uint8Array, start: number, end: number): number {
  switch (inside) {
    case FILTER:
      return bytes[start] === DOLLAR ? FILTER_OPERATORS.find(bytes, start, end) : PREDICATE
    case EXPRESSION:
      return bytes[start] === DOLLAR ? EXPRESSION_OPERATORS.find(bytes, start, end) : EXPRESSION
    case PROJECTION:
      return bytes[start] === DOLLAR ? PROJECTION_OPERATORS.find(bytes, start, end) : PROJECTION
    case SORT:
      return SORT_KEY
    case UPDATE_OPERATORS:
      return FILTER
    case STAGE:
      return STAGES.find(bytes, start, end)
    case STAGE_ARGUMENTS:
      return STAGE_ARGUMENT_NAMES.find(bytes, start, end)
    case FACET:
      return PIPELINE
    case FUNCTION:
      return FUNCTION_ARGUMENTS.find(bytes, start, end)
    default:
      return ARGUMENTS
  }
}

/** How a document is walked that stands as `context`; LITERAL: not at all. @param first the first byte of its first name */
export function documentContext(context: number, first: number): number {
  switch (context) {
    case PREDICATE:
      return first === DOLLAR ? FILTER : LITERAL
    case UPDATE:
      return first === DOLLAR ? UPDATE_OPERATORS : LITERAL
    case SORT_KEY:
      return EXPRESSION
    case FILTER:
    case EXPRESSION:
    case PROJECTION:
    case SORT:
    case STAGE:
    case STAGE_ARGUMENTS:
    case FACET:
    case FUNCTION:
    case ARGUMENTS:
      return context
    default:
      return LITERAL
  }
}

/** Of the elements of an array that stands as `context`. */
export function itemContext(context: number): number {
  switch (context) {
    case PREDICATE:
    case EXPRESSION:
    case ARGUMENTS:
      return context
    case FILTERS:
      return FILTER
    case UPDATE:
    case PIPELINE:
      return STAGE
    default:
      return LITERAL
  }
}

/** What a scalar tells beside its type; -1: nothing. Of strings that stay: 0. */
export function keptValue(context: number, type: number, bytes: Buffer, at: number): number {
  switch (context) {
    case EXPRESSION:
      return isPath(type, bytes, at) ? 0 : -1
    case PROJECTION:
      if (isNumeric(type)) return readNumber(type, bytes, at) === 0 ? 0 : 1
      return isPath(type, bytes, at) ? 0 : -1
    case SORT_KEY:
      return isNumeric(type) ? (readNumber(type, bytes, at) < 0 ? 0 : 1) : -1
    case FLAG:
    case ONE_OR_ALL:
      return isNumeric(type) ? (readNumber(type, bytes, at) === 0 ? 0 : 1) : -1
    case NAMESPACE_INDEX:
      return isNumeric(type) ? readNumber(type, bytes, at) & 0xffff : -1
    case PATH:
    case NAMESPACE:
      return type === BSON_STRING ? 0 : -1
    default:
      return -1
  }
}

/** The class of a scalar that tells nothing but its type. */
export function scalarClass(context: number, type: number): number {
  return type === BSON_STRING && context === CODE ? CLASS_CODE : (TYPE_CLASS[type] as number)
}

function isNumeric(type: number): boolean {
  return type === BSON_DOUBLE || type === BSON_INT32 || type === BSON_INT64 || type === BSON_BOOL
}

/** `$a`, `$$ROOT`: `at` is the string's length, one more for its NUL. */
function isPath(type: number, bytes: Buffer, at: number): boolean {
  return type === BSON_STRING && bytes[at + 4] === DOLLAR && bytes[at + 5] !== 0
}
