import { type Document, serialize } from 'bson'
import { Aggregator, Query } from 'mingo'
import { CommandError } from '../errors.js'
import type { StoredDocument } from './documents.js'
import { asBadValue, type EngineOptions, mingoOptions } from './matching.js'

/** Sorted copies of the list; `$natural` turns the order of insertion. @throws CommandError BadValue */
export function sorted(found: StoredDocument[], sort: Document): StoredDocument[] {
  const fields = Object.entries(sort)
  if (fields.length === 0) return found
  if ('$natural' in sort) return Number(sort.$natural) < 0 ? found.reverse() : found
  for (const [field, direction] of fields) {
    const isMeta = typeof direction === 'object' && direction !== null
    if (isMeta || (Number(direction) !== 1 && Number(direction) !== -1)) {
      throw new CommandError(2, `$sort key ordering must be 1 (for ascending) or -1 (for descending): ${field}`)
    }
  }
  const byDocument = new Map(found.map((stored) => [stored.document, stored]))
  const documents = asBadValue(() => new Aggregator([{ $sort: sort }]).run<Document>([...byDocument.keys()]))
  return documents.flatMap((document) => byDocument.get(document) ?? [])
}

/** Bytes of each document, projected one by one as they are asked for. @throws CommandError BadValue */
export function* projected(
  found: Iterable<StoredDocument>,
  filter: Document,
  projection: Document | undefined,
  options: EngineOptions,
): Generator<Uint8Array> {
  if (projection === undefined || Object.keys(projection).length === 0) {
    for (const stored of found) yield stored.bytes
    return
  }
  // mingo removes excluded paths from the very document it is given: it gets fresh ones, never the stored.
  const query = asBadValue(() => new Query(filter, mingoOptions(options)))
  const cursor = asBadValue(() => query.find<Document>(fresh(found), projection))
  while (asBadValue(() => cursor.hasNext())) {
    const document = cursor.next()
    yield serialize(idFirst(document), { ignoreUndefined: true })
  }
}

function* fresh(found: Iterable<StoredDocument>): Generator<Document> {
  for (const stored of found) yield stored.fresh()
}

/** mingo puts an included `_id` last, the server first. */
function idFirst(document: Document): Document {
  if (!('_id' in document)) return document
  const { _id, ...rest } = document
  return { _id, ...rest }
}

export function* encoded(documents: Iterable<Document>): Generator<Uint8Array> {
  for (const document of documents) yield serialize(document, { ignoreUndefined: true })
}
