import { type CommandInfo, command } from '../commands.js'
import { NameTable } from '../name-table.js'
import {
  DROPPED,
  FILTER,
  FILTERS,
  FLAG,
  LIST,
  LITERAL,
  NAMESPACE,
  NAMESPACE_INDEX,
  ONE_OR_ALL,
  PATH,
  PIPELINE,
  PROJECTION,
  SORT,
  STATEMENTS,
  UPDATE,
} from './contexts.js'

/** Which fields of a command, or of one of its statements, its shape is made of; in the order of the text. */
export interface Plan {
  readonly names: readonly string[]
  readonly table: NameTable
  /** By the table's index, as the next one. */
  readonly contexts: readonly number[]
  /** Of STATEMENTS and LIST. */
  readonly plans: readonly (Plan | undefined)[]
}

type Field = number | readonly [context: number, plan: Plan]

function plan(fields: Readonly<Record<string, Field>>): Plan {
  const all = Object.values(fields)
  return {
    names: Object.keys(fields),
    table: new NameTable(Object.keys(fields)),
    contexts: all.map((field) => (typeof field === 'number' ? field : field[0])),
    plans: all.map((field) => (typeof field === 'number' ? undefined : field[1])),
  }
}

/** Told by being there: their values are literals, an index goes by its keys or its name. */
const READ_OPTIONS = { hint: SORT, collation: LITERAL }
const UPDATE_STATEMENT = plan({
  q: FILTER,
  u: UPDATE,
  arrayFilters: FILTERS,
  sort: SORT,
  upsert: FLAG,
  multi: FLAG,
  ...READ_OPTIONS,
})
const DELETE_STATEMENT = plan({ q: FILTER, limit: ONE_OR_ALL, ...READ_OPTIONS })
const BULK_OPERATION = plan({
  insert: NAMESPACE_INDEX,
  update: NAMESPACE_INDEX,
  delete: NAMESPACE_INDEX,
  filter: FILTER,
  updateMods: UPDATE,
  arrayFilters: FILTERS,
  sort: SORT,
  upsert: FLAG,
  multi: FLAG,
  ...READ_OPTIONS,
})
export const NAMESPACE_ENTRY = plan({ ns: NAMESPACE })
const DOCUMENTS = plan({ documents: DROPPED })

/** Commands that have a shape. Every other one has none: those that carry secrets first of all. */
const PLANS: Readonly<Record<string, Plan>> = {
  find: plan({ filter: FILTER, sort: SORT, projection: PROJECTION, skip: LITERAL, limit: LITERAL, ...READ_OPTIONS }),
  aggregate: plan({ pipeline: PIPELINE, ...READ_OPTIONS }),
  count: plan({ query: FILTER, skip: LITERAL, limit: LITERAL, ...READ_OPTIONS }),
  distinct: plan({ key: PATH, query: FILTER, ...READ_OPTIONS }),
  update: plan({ updates: [STATEMENTS, UPDATE_STATEMENT] }),
  delete: plan({ deletes: [STATEMENTS, DELETE_STATEMENT] }),
  findAndModify: plan({
    query: FILTER,
    sort: SORT,
    update: UPDATE,
    arrayFilters: FILTERS,
    fields: PROJECTION,
    remove: FLAG,
    upsert: FLAG,
    ...READ_OPTIONS,
  }),
  insert: DOCUMENTS,
  bulkWrite: plan({ ops: [STATEMENTS, BULK_OPERATION], nsInfo: [LIST, NAMESPACE_ENTRY] }),
  // Its fields are those of the command inside.
  explain: plan({}),
}

const byIndex: (Plan | undefined)[] = []
for (const [name, found] of Object.entries(PLANS)) byIndex[command(name).index] = found

export const EXPLAIN = command('explain')

/** Undefined: the command has no shape. */
export function planOf({ index }: CommandInfo): Plan | undefined {
  return byIndex[index]
}

/** Its documents are no part of its shape. */
export function isBare(found: Plan): boolean {
  return found === DOCUMENTS
}
