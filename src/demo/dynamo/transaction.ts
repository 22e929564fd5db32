import { type Answer, answer, type Backend, type Call, failure } from './backend.js'

interface Part {
  readonly operation: 'PutItem' | 'UpdateItem' | 'DeleteItem'
  readonly input: { readonly TableName: string; readonly ConditionExpression?: string }
}

/** A transactional write costs two units where a plain one costs one. (Developer guide, "DynamoDB transactions: how it works") */
const COST = 2

/**
 * TransactWriteItems, which dynalite has not: the parts with a condition first, then the others. All or nothing while at most one
 * part has a condition, which is what the demo's shop needs.
 */
export async function transactWrite(call: Call, backend: Backend): Promise<Answer> {
  const parts = partsOf(call.body)
  if (parts === undefined) {
    return failure(400, 'ValidationException', 'Only Put, Update and Delete, and one condition, are known here')
  }
  const units = new Map<string, number>()
  for (const part of parts.toSorted((a, b) => Number(hasCondition(b)) - Number(hasCondition(a)))) {
    const body = JSON.stringify({ ...part.input, ReturnConsumedCapacity: 'TOTAL' })
    const done = await backend({ ...call, operation: part.operation, body })
    if (done.status !== 200) return canceled(done, parts, part)
    const { ConsumedCapacity } = JSON.parse(done.body)
    units.set(part.input.TableName, (units.get(part.input.TableName) ?? 0) + COST * ConsumedCapacity.CapacityUnits)
  }
  const ConsumedCapacity = Array.from(units, ([TableName, CapacityUnits]) => ({
    TableName,
    CapacityUnits,
    WriteCapacityUnits: CapacityUnits,
  }))
  return answer(200, { ConsumedCapacity })
}

const hasCondition = ({ input }: Part): boolean => input.ConditionExpression !== undefined

function partsOf(body: string): readonly Part[] | undefined {
  const { TransactItems = [] } = JSON.parse(body)
  const parts = TransactItems.flatMap((item: Record<string, Part['input']>) =>
    (['Put', 'Update', 'Delete'] as const).flatMap((kind) => {
      const input = item[kind]
      return input === undefined ? [] : [{ operation: `${kind}Item`, input } as const]
    }),
  )
  const isKnown = parts.length > 0 && parts.length === TransactItems.length
  return isKnown && parts.filter(hasCondition).length <= 1 ? parts : undefined
}

/** A condition that failed cancels it, and each part has its reason; anything else is its own error. */
function canceled(done: Answer, parts: readonly Part[], failed: Part): Answer {
  const { __type, message } = JSON.parse(done.body)
  if (!String(__type).endsWith('#ConditionalCheckFailedException')) return done
  const reasons = parts.map((part) =>
    part === failed ? { Code: 'ConditionalCheckFailed', Message: message } : { Code: 'None' },
  )
  const codes = reasons.map(({ Code }) => Code).join(', ')
  const told = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`
  return failure(400, 'TransactionCanceledException', told, { CancellationReasons: reasons })
}
