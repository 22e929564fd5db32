import type { Operation, OperationKind } from '../../core/exchange.js'
import { OPERATION_COUNT, type OperationInfo } from './operations.js'

/**
 * One Operation object per (operation, kind, table), so that observers can keep their series by object. Bounded: at
 * `maxEntries` it starts anew, and equal operations get new objects.
 *
 * `database` is '': OpenTelemetry's conventions for `aws.dynamodb` know no `db.namespace`, and account and region are known
 * only of those requests that name a table by its ARN. One table must not become two series by how it is named.
 */
export class OperationTable {
  readonly #maxEntries: number
  readonly #byTable = new Map<string, (Operation | undefined)[]>()
  #count = 0

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get(info: OperationInfo, kind: OperationKind, table: string): Operation {
    // Only PartiQL's operations have a second kind: they may read.
    const index = kind === info.kind ? info.index : OPERATION_COUNT + info.index
    return this.#byTable.get(table)?.[index] ?? this.#add(info, kind, table, index)
  }

  #add(info: OperationInfo, kind: OperationKind, collection: string, index: number): Operation {
    if (this.#count >= this.#maxEntries) {
      this.#byTable.clear()
      this.#count = 0
    }
    let operations = this.#byTable.get(collection)
    if (operations === undefined) {
      operations = new Array<Operation | undefined>(2 * OPERATION_COUNT).fill(undefined)
      this.#byTable.set(collection, operations)
    }
    const operation: Operation = Object.freeze({
      protocol: 'aws.dynamodb',
      command: info.name,
      kind,
      database: '',
      collection,
    })
    operations[index] = operation
    this.#count++
    return operation
  }
}
