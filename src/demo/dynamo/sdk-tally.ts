import type { DynamoDB } from '@aws-sdk/client-dynamodb'
import type { OutcomeKind } from '../../core/outcome.js'

/** What the SDK itself says it did: one row for each operation, its tables and outcome. Each try counts. */
export interface CallRow {
  readonly operation: string
  /** In the order of their names. */
  readonly tables: readonly string[]
  readonly outcome: OutcomeKind
  count: number
}

interface Input {
  readonly TableName?: string
  readonly RequestItems?: Readonly<Record<string, unknown>>
  readonly TransactItems?: readonly Readonly<Record<string, { readonly TableName?: string } | undefined>>[]
}

/** Counts in the client's own middleware, inside of its retries: one for each request over HTTP. */
export class SdkTally {
  readonly #rows = new Map<string, CallRow>()
  #total = 0

  watch(client: DynamoDB): void {
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const operation = String(context.commandName).replace(/Command$/, '')
        // Earlier steps leave the input in what they hand on; the types of this one do not say so.
        const tables = tablesOf((args as { input?: Input }).input ?? {})
        try {
          const result = await next(args)
          this.#count(operation, tables, 'ok')
          return result
        } catch (error) {
          this.#count(operation, tables, isServiceError(error) ? 'command_error' : 'aborted')
          throw error
        }
      },
      { step: 'deserialize', priority: 'high', name: 'demoTally' },
    )
  }

  get total(): number {
    return this.#total
  }

  rows(): readonly CallRow[] {
    return [...this.#rows.values()].map((row) => ({ ...row }))
  }

  #count(operation: string, tables: readonly string[], outcome: OutcomeKind): void {
    this.#total++
    const key = [operation, outcome, ...tables].join('\0')
    const row = this.#rows.get(key)
    if (row === undefined) this.#rows.set(key, { operation, tables, outcome, count: 1 })
    else row.count++
  }
}

function tablesOf({ TableName, RequestItems = {}, TransactItems = [] }: Input): readonly string[] {
  const parts = TransactItems.flatMap((item) => Object.values(item).map((part) => part?.TableName))
  const names = [TableName, ...Object.keys(RequestItems), ...parts].filter((name) => name !== undefined)
  return [...new Set(names)].sort()
}

/** The service answered, with an error that has a status. */
export function isServiceError(error: unknown): boolean {
  if (!(error instanceof Error) || !('$metadata' in error)) return false
  const { $metadata } = error
  return typeof $metadata === 'object' && $metadata !== null && 'httpStatusCode' in $metadata
}
