import { type Exchange, type Operation, OTHER } from '../../core/exchange.js'
import type { HttpHeaders, HttpReader, HttpRefusal, HttpReply, HttpReplyHead } from '../../core/http.js'
import { OK, type Outcome, UNKNOWN } from '../../core/outcome.js'
import type { TableUse } from '../../core/table-use.js'
import type { JsonShape } from '../shared/json-shape.js'
import type { ShapeTable } from '../shared/shape-table.js'
import { traceParentOf } from '../shared/trace-parent.js'
import { attemptOf } from './client-headers.js'
import { type ErrorNames, errorClass } from './errors.js'
import { type BodyRoom, KeptBody } from './kept-body.js'
import type { OperationTable } from './operation-table.js'
import type { OperationInfo } from './operations.js'
import type { Failure } from './reasons.js'
import { refusalReply } from './refusal.js'
import { isJson, ReplyBody } from './reply-body.js'
import type { ReplyFields } from './reply-fields.js'
import { RequestFields } from './request-fields.js'
import { newRow, type TableRow } from './table-rows.js'

/** What all readers of one codec share. */
export interface Shared {
  readonly operations: OperationTable
  readonly errorNames: ErrorNames
  /** By `OperationInfo.index`. */
  readonly shapes: readonly (JsonShape | undefined)[]
  readonly maxInflateBytes: number
  /** Exchanges get their `shape` from it; undefined when nobody asked. */
  readonly shapeTable: ShapeTable | undefined
  /** Where bodies are kept with their values; undefined when nobody asked. */
  readonly bodies: BodyRoom | undefined
}

/** One DynamoDB call. */
export class DynamodbReader implements HttpReader {
  readonly #info: OperationInfo
  readonly #shared: Shared
  readonly #headers: HttpHeaders
  readonly #request: RequestFields | undefined
  readonly #body: KeptBody | undefined
  #operation: Operation | undefined
  /** Something about the request that is not in its body's JSON. */
  #requestFailure: Failure = ''
  #status = 0
  #replyHeaders: HttpHeaders | undefined
  #reply: ReplyBody | undefined

  constructor(info: OperationInfo, headers: HttpHeaders, shared: Shared) {
    this.#info = info
    this.#headers = headers
    this.#shared = shared
    this.#body = shared.bodies === undefined ? undefined : new KeptBody(shared.bodies)
    const shape = shared.shapes[info.index]
    if (!isJson(headers)) this.#requestFailure = 'content_type'
    else if ((headers.get('content-encoding') ?? 'identity') !== 'identity') this.#requestFailure = 'content_encoding'
    else if (shape !== undefined) this.#request = new RequestFields(info, shape, shared.shapeTable !== undefined)
  }

  get failure(): Failure {
    return this.#requestFailure || this.#request?.failure || this.#reply?.failure || ''
  }

  /**
   * The operation is returned once, but for one case: a body that names its table twice gets another one at its end, with
   * `duplicate_member` as its failure. What enforces by table must look at both.
   */
  request(chunk: Buffer | null): Operation | undefined {
    const fields = this.#request
    if (fields === undefined) return this.#operation === undefined ? this.#know('', this.#info.kind) : undefined
    if (chunk === null) {
      fields.end()
      const told = this.#operation
      const operation = this.#know(fields.table, fields.kind)
      if (told === undefined) return operation
      if (told.collection === operation.collection) return undefined
      this.#requestFailure = 'duplicate_member'
      return operation
    }
    fields.push(chunk)
    this.#body?.push(chunk)
    if (this.#operation !== undefined || !fields.isKnown) return undefined
    return this.#know(fields.many.onlyTable || fields.table, fields.kind)
  }

  reply(head: HttpReplyHead): void {
    this.#status = head.status
    this.#replyHeaders = head.headers
    this.#reply = new ReplyBody(head.headers, this.#shared.maxInflateBytes)
  }

  replyBody(chunk: Buffer | null): void {
    if (chunk === null) this.#reply?.end()
    else this.#reply?.push(chunk)
  }

  finish(exchange: Exchange): Outcome {
    const request = this.#request
    const reply = this.#reply?.fields
    // Of a body that named two tables in turn the last is what was done.
    if (this.#operation !== undefined) exchange.operation = this.#operation
    exchange.attempt = attemptOf(this.#headers)
    exchange.traceParent = traceParentOf(this.#headers)
    if (request !== undefined) {
      exchange.limit = request.limit
      exchange.shape = this.#shared.shapeTable?.get(exchange.operation.command, request.shape)
      if (exchange.operation.kind === 'write') exchange.batchSize = request.items
      exchange.tables = this.#tables(request, reply, exchange.operation)
      if (this.#body !== undefined) exchange.values = this.#shown(exchange, this.#body)
    }
    if (reply === undefined) return UNKNOWN
    exchange.documents = reply.documents
    exchange.affected = reply.count
    exchange.scanned = reply.scanned
    return this.#outcome(reply, exchange)
  }

  refuse(refusal: HttpRefusal): HttpReply {
    return refusalReply(refusal, this.#info)
  }

  /** Where several tables are named, each must be one whose values may be seen; where not all of them could be told, none is. */
  #shown({ tables, operation }: Exchange, body: KeptBody): KeptBody | undefined {
    body.release()
    if (this.#requestFailure !== '' || this.#request?.failure !== '') return undefined
    const { wants } = this.#shared.bodies as BodyRoom
    const names = tables.length === 0 ? [operation.collection] : tables.map(({ table }) => table)
    return names.every((name) => wants(operation.database, name)) ? body : undefined
  }

  #know(table: string, kind: Operation['kind']): Operation {
    this.#operation = this.#shared.operations.get(this.#info, kind, table)
    return this.#operation
  }

  #tables(request: RequestFields, reply: ReplyFields | undefined, operation: Operation): readonly TableUse[] {
    const rows = request.many
    if (rows.rows.length === 0 && request.table !== '') {
      const row: TableRow = newRow(request.table, request.index)
      row.items = request.items
      rows.rows.push(row)
    }
    if (reply !== undefined) {
      reply.capacity.addTo(rows, operation.kind, request.table)
      for (const { table, items } of reply.unprocessed) {
        const row = rows.row(table, '')
        if (row !== undefined) row.unprocessed = items
      }
    }
    return rows.rows
  }

  #outcome(reply: ReplyFields, exchange: Exchange): Outcome {
    const status = this.#status
    const { errorNames } = this.#shared
    const isSuccess = status >= 200 && status < 300
    if (isSuccess && reply.codes.length === 0) return OK
    const codes = reply.codes.map((code) => errorNames.get(code) || OTHER)
    const type = reply.type || this.#replyHeaders?.get('x-amzn-errortype') || ''
    const codeName = isSuccess ? (codes[0] ?? '') : errorNames.get(type)
    exchange.errorLabels = [errorClass(codeName, status), ...codes]
    // A batch of statements succeeds as a call when some of its statements do not.
    const kind = isSuccess && exchange.operation.kind !== 'read' ? 'write_error' : 'command_error'
    return { kind, code: status, codeName, by: '' }
  }
}
