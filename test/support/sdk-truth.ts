import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Sample } from './proxy.js'

type Json = Record<string, unknown>

/** One HTTP attempt, in the words of the SDK that made it. */
export interface Told {
  readonly operation: string
  /** What the application gave, and got. */
  readonly input: Json
  readonly output: Json
  /** 0 without a reply. */
  readonly status: number
  /** The exception's name; '' when there is none. */
  readonly code: string
  /** What it said of itself in `amz-sdk-request`. */
  readonly attempt: number
}

export interface Attempt extends Told {
  /** Each once; PartiQL's by its statements. */
  readonly tables: readonly string[]
  readonly outcome: 'ok' | 'write_error' | 'command_error' | 'no_reply'
}

const READS = new Set(['GetItem', 'Query', 'Scan', 'BatchGetItem', 'TransactGetItems'])
const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems'])
const THROTTLED = new Set(['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded'])

/**
 * What the AWS SDK says that it did, attempt by attempt: the truth that oplens' counters must equal. Taken from a middleware of the
 * SDK's between its retries and its transport, from the objects that the application gave and the SDK parsed; shares no code with src/.
 */
export class SdkTruth {
  readonly attempts: Attempt[] = []

  add(told: Told): void {
    const { operation, input, output, status, code } = told
    const failed = { outcome: status === 0 ? 'no_reply' : 'command_error', code } as const
    const outcome = code === '' ? outcomeOf(operation, input, output) : failed
    this.attempts.push({ ...told, tables: tablesOf(input), ...outcome })
  }

  watch(client: DynamoDBClient): void {
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const input = args.input as Json
        const operation = String(context.commandName).replace(/Command$/, '')
        const headers = (args as { request?: { headers: Record<string, string> } }).request?.headers
        const attempt = Number(/attempt=(\d+)/.exec(headers?.['amz-sdk-request'] ?? '')?.[1] ?? 0)
        const note = (rest: Pick<Told, 'code' | 'status' | 'output'>) =>
          this.add({ operation, attempt, input, ...rest })
        try {
          const result = await next(args)
          const output = result.output as unknown as Json
          note({ code: '', status: statusOf(output), output })
          return result
        } catch (error) {
          note({ code: (error as Error).name, status: statusOf(error as Json), output: {} })
          throw error
        }
      },
      { step: 'deserialize', priority: 'high', name: 'sdkTruth' },
    )
  }

  /** `operation table outcome`, and so on below: each with its count, in order, as `sumsOf` makes them of a scrape. */
  get operations(): string[] {
    return sums(this.attempts.map((one) => [`${one.operation} ${onlyTable(one)} ${one.outcome}`, 1]))
  }

  get tableOperations(): string[] {
    return sums(
      this.attempts.flatMap(({ operation, tables, outcome }) =>
        tables.map((table): Line => [`${operation} ${table} ${outcome}`, 1]),
      ),
    )
  }

  get errors(): string[] {
    const failed = this.attempts.filter(({ outcome }) => outcome !== 'ok')
    return sums(failed.map((one) => [`${one.operation} ${onlyTable(one)} ${one.outcome} ${one.code}`, 1]))
  }

  get retries(): string[] {
    return this.#some(({ attempt }) => attempt > 1)
  }

  get throttled(): string[] {
    return this.#some(({ code }) => THROTTLED.has(code))
  }

  /** `operation table index unit`. */
  get capacity(): string[] {
    return sums(this.attempts.flatMap(capacityOf))
  }

  get unprocessed(): string[] {
    return sums(
      this.attempts.flatMap(({ operation, output }) => {
        const lists = (output.UnprocessedItems ?? output.UnprocessedKeys ?? {}) as Record<string, unknown>
        return Object.entries(lists).map(
          ([table, left]): Line => [`${operation} ${table}`, lengthOf((left as Json).Keys ?? left)],
        )
      }),
    )
  }

  get documentsReturned(): string[] {
    return sums(this.attempts.map((one) => [`${one.operation} ${onlyTable(one)}`, returnedBy(one)]))
  }

  get documentsSent(): string[] {
    return sums(this.attempts.map((one) => [`${one.operation} ${onlyTable(one)}`, sentBy(one)]))
  }

  get statuses(): string[] {
    return sums(this.attempts.filter(({ status }) => status > 0).map(({ status }) => [`POST ${status}`, 1]))
  }

  #some(isMeant: (attempt: Attempt) => boolean): string[] {
    return sums(this.attempts.filter(isMeant).map((one) => [`${one.operation} ${onlyTable(one)}`, 1]))
  }
}

type Line = readonly [key: string, amount: number]

/** In order of their keys, zeros left out. */
function sums(lines: readonly Line[]): string[] {
  const totals = new Map<string, number>()
  for (const [key, amount] of lines) totals.set(key, (totals.get(key) ?? 0) + amount)
  return [...totals]
    .filter(([, total]) => total !== 0)
    .map(([key, total]) => `${key} = ${total}`)
    .sort()
}

/** oplens' side of a comparison: a family of a scrape, summed by these labels. */
export function sumsOf(samples: readonly Sample[], name: string, labels: readonly string[]): string[] {
  const own = samples.filter((sample) => sample.name === name)
  return sums(own.map((sample) => [labels.map((label) => sample.labels[label] ?? '?').join(' '), sample.value]))
}

const OPERATION = ['db_operation_name', 'db_collection_name']

/** Every comparison there is, by its title: `[what oplens counted, what the SDK did]`. */
export function comparisons(samples: readonly Sample[], truth: SdkTruth): Record<string, [string[], string[]]> {
  const of = (name: string, ...more: string[]) => sumsOf(samples, name, [...OPERATION, ...more])
  return {
    operations: [of('db_client_operation_duration_seconds_count', 'outcome'), truth.operations],
    'operations by table': [of('oplens_table_operations_total', 'outcome'), truth.tableOperations],
    errors: [of('oplens_operation_errors_total', 'outcome', 'db_response_status_code'), truth.errors],
    retries: [of('oplens_operation_retries_total'), truth.retries],
    throttled: [of('oplens_throttled_operations_total'), truth.throttled],
    capacity: [of('oplens_consumed_capacity_units_total', 'index', 'unit'), truth.capacity],
    'unprocessed items': [of('oplens_unprocessed_items_total'), truth.unprocessed],
    'documents returned': [of('oplens_operation_documents_returned_total'), truth.documentsReturned],
    'documents sent': [of('oplens_operation_documents_sent_total'), truth.documentsSent],
    statuses: [
      sumsOf(samples, 'oplens_http_responses_total', ['http_request_method', 'http_response_status_code']),
      truth.statuses,
    ],
  }
}

function statusOf(from: Json): number {
  return (from.$metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode ?? 0
}

function outcomeOf(operation: string, input: Json, output: Json): Pick<Attempt, 'outcome' | 'code'> {
  if (operation !== 'BatchExecuteStatement') return { outcome: 'ok', code: '' }
  const errors = listOf(output.Responses).map((response) => response.Error as { Code?: string } | undefined)
  const code = errors.find((error) => error !== undefined)?.Code
  if (code === undefined) return { outcome: 'ok', code: '' }
  return { outcome: statementsOf(input).every(isSelect) ? 'command_error' : 'write_error', code }
}

function tablesOf(input: Json): string[] {
  const { TableName, RequestItems, TransactItems, ResourceArn } = input
  if (typeof TableName === 'string') return [TableName]
  if (RequestItems !== undefined) return Object.keys(RequestItems as Json)
  if (typeof ResourceArn === 'string') return [ResourceArn.slice(ResourceArn.lastIndexOf('/') + 1)]
  const named =
    TransactItems === undefined
      ? statementsOf(input).map(tableOfStatement)
      : listOf(TransactItems).map((item) => (Object.values(item)[0] as { TableName: string }).TableName)
  return [...new Set(named)]
}

const onlyTable = ({ tables }: Attempt): string => (tables.length === 1 ? (tables[0] ?? '') : '')

function statementsOf({ Statement, Statements, TransactStatements }: Json): string[] {
  if (typeof Statement === 'string') return [Statement]
  return listOf(Statements ?? TransactStatements).map((one) => String(one.Statement))
}

const tableOfStatement = (statement: string): string =>
  /(?:FROM|INTO|UPDATE)\s+"?([\w.-]+)"?/i.exec(statement)?.[1] ?? `no table in ${statement}`
const indexOfStatement = (statement: string): string => /FROM\s+"[\w.-]+"\."([\w.-]+)"/i.exec(statement)?.[1] ?? ''
const isSelect = (statement: string): boolean => /^\s*SELECT/i.test(statement)

function isReading({ operation, input }: Attempt): boolean {
  return READS.has(operation) || (statementsOf(input).length > 0 && statementsOf(input).every(isSelect))
}

/** A total without its parts is of the index that the request read. */
function capacityOf(one: Attempt): Line[] {
  const { operation, input, output } = one
  const given = output.ConsumedCapacity
  const side = isReading(one) ? 'read' : 'write'
  const index = String(input.IndexName ?? indexOfStatement(String(input.Statement ?? '')))
  return (Array.isArray(given) ? given : [given ?? {}]).flatMap((capacity: Json) => {
    const line = (of: string, units: Json): Line[] => {
      const { CapacityUnits = 0, ReadCapacityUnits, WriteCapacityUnits } = units as Record<string, number>
      const key = `${operation} ${String(capacity.TableName)} ${of}`
      if (ReadCapacityUnits === undefined && WriteCapacityUnits === undefined)
        return [[`${key} ${side}`, CapacityUnits]]
      return [
        [`${key} read`, ReadCapacityUnits ?? 0],
        [`${key} write`, WriteCapacityUnits ?? 0],
      ]
    }
    const { Table, GlobalSecondaryIndexes: globals = {}, LocalSecondaryIndexes: locals = {} } = capacity
    if (Table === undefined) return line(index, capacity)
    const indexes = Object.entries({ ...(globals as Json), ...(locals as Json) })
    return [...line('', Table as Json), ...indexes.flatMap(([name, units]) => line(name, units as Json))]
  })
}

function returnedBy({ operation, output }: Attempt): number {
  const { Item, Items, Responses } = output
  if (Item !== undefined) return 1
  if (Items !== undefined) return lengthOf(Items)
  if (operation === 'BatchGetItem') return Object.values((Responses ?? {}) as Json).reduce<number>(addLength, 0)
  return listOf(Responses).filter((response) => response.Item !== undefined).length
}

function sentBy(one: Attempt): number {
  const { operation, input } = one
  if (isReading(one)) return 0
  if (operation === 'BatchWriteItem') return Object.values(input.RequestItems as Json).reduce<number>(addLength, 0)
  if (operation === 'TransactWriteItems') return lengthOf(input.TransactItems)
  return WRITES.has(operation) ? 1 : statementsOf(input).length
}

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : [])
const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0)
const addLength = (sum: number, list: unknown): number => sum + lengthOf(list)
