import { OTHER } from '../../core/exchange.js'

/** Of tables and of indexes. (API reference, CreateTable; one character is less than it takes, and harmless) */
const NAME = /^[A-Za-z0-9_.-]{1,255}$/

/**
 * A table by its name or by an ARN that has it in it: of the table itself, of a stream, a backup, an export, an import, and a
 * shard iterator, which begins with its stream's ARN. `__other__` for what can't be a table, so that no value becomes a name.
 */
export function tableName(text: string): string {
  if (!text.startsWith('arn:')) return NAME.test(text) ? text : OTHER
  // arn:partition:dynamodb:region:account:table/NAME[/index|stream|backup|export|import/…], or …:global-table/NAME
  const resource = text.split(':', 6)[5] ?? ''
  const [type, name = ''] = resource.split('/', 2)
  return (type === 'table' || type === 'global-table') && NAME.test(name) ? name : OTHER
}

export function indexName(text: string): string {
  return NAME.test(text) ? text : OTHER
}
