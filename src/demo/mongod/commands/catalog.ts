import type { Document } from 'bson'
import { CommandError } from '../errors.js'
import { compileFilter } from '../store/matching.js'
import { encoded } from '../store/shaping.js'
import { checkNamespace } from '../store/store.js'
import { type Command, type CommandRequest, collectionName, countField, documentField, isTrue } from './command.js'

const create: Command = {
  names: ['create'],
  fields: ['capped', 'size', 'max', 'temp'],
  run(request) {
    if (isTrue(request.body, 'capped')) throw new CommandError(115, 'Capped collections are not supported here')
    request.server.store.create(request.database, collectionName(request))
    return { ok: 1 }
  },
}

const drop: Command = {
  names: ['drop'],
  fields: [],
  run({ server, database, ...request }) {
    const name = collectionName({ server, database, ...request })
    const dropped = server.store.drop(database, name)
    if (dropped === undefined) return { ok: 1 }
    return { nIndexesWas: dropped.indexes.length, ns: dropped.namespace, ok: 1 }
  },
}

const dropDatabase: Command = {
  names: ['dropDatabase'],
  fields: [],
  run({ server, database }) {
    return server.store.dropDatabase(database) ? { dropped: database, ok: 1 } : { ok: 1 }
  },
}

const renameCollection: Command = {
  names: ['renameCollection'],
  fields: ['to', 'dropTarget'],
  adminOnly: true,
  run({ server, body }) {
    const from = splitNamespace(body.renameCollection)
    const to = splitNamespace(body.to)
    checkNamespace(to.database, to.collection)
    const source = server.store.find(from.database, from.collection)
    if (source === undefined) throw new CommandError(26, `Source collection ${source} does not exist`)
    const hasTarget = server.store.find(to.database, to.collection) !== undefined
    if (hasTarget && !isTrue(body, 'dropTarget')) throw new CommandError(48, 'target namespace exists')
    server.store.put(to.database, to.collection, source.renamed(`${to.database}.${to.collection}`))
    server.store.drop(from.database, from.collection)
    return { ok: 1 }
  },
}

function splitNamespace(namespace: unknown): { database: string; collection: string } {
  const dot = typeof namespace === 'string' ? namespace.indexOf('.') : -1
  if (typeof namespace !== 'string' || dot <= 0) {
    throw new CommandError(73, `Invalid namespace specified '${String(namespace)}'`)
  }
  return { database: namespace.slice(0, dot), collection: namespace.slice(dot + 1) }
}

const listCollections: Command = {
  names: ['listCollections'],
  fields: ['filter', 'nameOnly', 'cursor', 'authorizedCollections'],
  run(request) {
    const { server, database, body } = request
    const isNameOnly = isTrue(body, 'nameOnly')
    const rows: Document[] = []
    for (const [name, collection] of server.store.collections(database)) {
      const row = { name, type: 'collection' }
      const idIndex = collection.indexes[0]?.describe()
      rows.push(isNameOnly ? row : { ...row, options: {}, info: { readOnly: false, uuid: collection.uuid }, idIndex })
    }
    return listed(request, `${database}.$cmd.listCollections`, rows, documentField(body, 'filter'))
  },
}

/** A listing as a cursor. @throws CommandError */
export function listed(request: CommandRequest, namespace: string, rows: readonly Document[], filter: Document) {
  const query = compileFilter(filter)
  const found = rows.filter((row) => query.test(row))
  return request.server.cursors.first(namespace, encoded(found), {
    batchSize: countField(documentField(request.body, 'cursor'), 'batchSize', Number.POSITIVE_INFINITY),
    isSingleBatch: false,
    neverExpires: false,
  })
}

const listDatabases: Command = {
  names: ['listDatabases'],
  fields: ['filter', 'nameOnly', 'authorizedDatabases'],
  adminOnly: true,
  run({ server, body }) {
    const query = compileFilter(documentField(body, 'filter'))
    const rows = server.store.databases
      .map((name) => ({ name, sizeOnDisk: databaseBytes(server.store.collections(name)), empty: false }))
      .filter((row) => query.test(row))
    if (isTrue(body, 'nameOnly')) return { databases: rows.map(({ name }) => ({ name })), ok: 1 }
    const totalSize = rows.reduce((sum, row) => sum + row.sizeOnDisk, 0)
    return { databases: rows, totalSize, totalSizeMb: Math.floor(totalSize / 1_048_576), ok: 1 }
  },
}

function databaseBytes(collections: ReadonlyMap<string, { readonly dataBytes: number }>): number {
  return [...collections.values()].reduce((sum, { dataBytes }) => sum + dataBytes, 0)
}

const collStats: Command = {
  names: ['collStats', 'collstats'],
  fields: ['scale'],
  run(request) {
    const { server, database } = request
    const name = collectionName(request)
    const collection = server.store.find(database, name)
    const count = collection?.size ?? 0
    const size = collection?.dataBytes ?? 0
    const stats = { ns: `${database}.${name}`, count, size, nindexes: collection?.indexes.length ?? 0 }
    return { ...stats, avgObjSize: count === 0 ? 0 : Math.round(size / count), capped: false, ok: 1 }
  },
}

const dbStats: Command = {
  names: ['dbStats', 'dbstats'],
  fields: ['scale', 'freeStorage'],
  run({ server, database }) {
    const collections = server.store.collections(database)
    const all = [...collections.values()]
    const objects = all.reduce((sum, { size }) => sum + size, 0)
    const indexes = all.reduce((sum, collection) => sum + collection.indexes.length, 0)
    const dataSize = databaseBytes(collections)
    return { db: database, collections: all.length, views: 0, objects, dataSize, indexes, ok: 1 }
  },
}

export const CATALOG_COMMANDS: readonly Command[] = [
  create,
  drop,
  dropDatabase,
  renameCollection,
  listCollections,
  listDatabases,
  collStats,
  dbStats,
]
