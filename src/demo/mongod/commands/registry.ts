import { ADMIN_COMMANDS } from './admin.js'
import { aggregate } from './aggregate.js'
import { bulkWrite } from './bulk-write.js'
import { CATALOG_COMMANDS } from './catalog.js'
import type { Command } from './command.js'
import { explain } from './explain.js'
import { HELLO_COMMANDS } from './hello.js'
import { INDEX_COMMANDS } from './indexes.js'
import { QUERY_COMMANDS } from './query.js'
import { REPLICATION_COMMANDS } from './replication.js'
import { WRITE_COMMANDS } from './write.js'

const ALL: readonly Command[] = [
  ...HELLO_COMMANDS,
  ...QUERY_COMMANDS,
  ...WRITE_COMMANDS,
  bulkWrite,
  aggregate,
  ...CATALOG_COMMANDS,
  ...INDEX_COMMANDS,
  explain,
  ...ADMIN_COMMANDS,
  ...REPLICATION_COMMANDS,
]

/** Every spelling → its command. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  ALL.flatMap((command) => command.names.map((name) => [name, command] as const)),
)
