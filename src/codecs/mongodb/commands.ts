import { type OperationKind, OTHER } from '../../core/exchange.js'
import { NameTable } from './name-table.js'

/**
 * Where a command names its collection.
 * - `value`: the string value of the command's own element (`find: "orders"`)
 * - `field`: its `collection` field; the element holds the cursor id (`getMore`)
 * - `namespace`: `value` is a full `db.collection` (`renameCollection`)
 * - `nsinfo`: `nsInfo[].ns` (`bulkWrite`)
 * - `inner`: the command inside (`explain`)
 */
export type Target = 'none' | 'value' | 'field' | 'namespace' | 'nsinfo' | 'inner'
/** Which array, or document sequence, holds the command's documents. */
export type Batch = '' | 'documents' | 'updates' | 'deletes' | 'ops'

export interface CommandInfo {
  /** Index in the table. */
  readonly index: number
  readonly name: string
  readonly kind: OperationKind
  readonly target: Target
  readonly batch: Batch
  /** Handshake and monitoring: the hello family. */
  readonly isHello: boolean
}

type Row = readonly [names: string, kind: OperationKind, target: Target, batch?: Batch]

/** Aliases stand behind `|`; the first is the name that users see. From the server's command reference and drivers' own commands. */
const ROWS: readonly Row[] = [
  ['find', 'read', 'value'],
  ['getMore', 'read', 'field'],
  ['insert', 'write', 'value', 'documents'],
  ['update', 'write', 'value', 'updates'],
  ['delete', 'write', 'value', 'deletes'],
  ['bulkWrite', 'write', 'nsinfo', 'ops'],
  ['findAndModify|findandmodify', 'write', 'value'],
  ['aggregate', 'read', 'value'],
  ['count', 'read', 'value'],
  ['distinct', 'read', 'value'],
  ['mapReduce|mapreduce', 'read', 'value'],
  ['explain', 'read', 'inner'],
  ['killCursors', 'control', 'value'],
  ['parallelCollectionScan', 'read', 'value'],
  ['geoSearch', 'read', 'value'],
  ['group', 'read', 'none'],
  // handshake, authentication, sessions
  ['hello', 'control', 'none'],
  ['isMaster|ismaster', 'control', 'none'],
  ['ping', 'control', 'none'],
  ['saslStart', 'control', 'none'],
  ['saslContinue', 'control', 'none'],
  ['authenticate', 'control', 'none'],
  ['getnonce', 'control', 'none'],
  ['logout', 'control', 'none'],
  ['startSession', 'control', 'none'],
  ['endSessions', 'control', 'none'],
  ['refreshSessions', 'control', 'none'],
  ['killSessions', 'control', 'none'],
  ['killAllSessions', 'control', 'none'],
  ['killAllSessionsByPattern', 'control', 'none'],
  ['commitTransaction', 'control', 'none'],
  ['abortTransaction', 'control', 'none'],
  ['coordinateCommitTransaction', 'control', 'none'],
  ['prepareTransaction', 'control', 'none'],
  ['getLastError|getlasterror', 'control', 'none'],
  ['getPrevError', 'control', 'none'],
  ['resetError', 'control', 'none'],
  ['buildInfo|buildinfo', 'control', 'none'],
  ['connectionStatus', 'control', 'none'],
  ['whatsmyip', 'control', 'none'],
  ['isdbgrid', 'control', 'none'],
  ['killOp', 'control', 'none'],
  // schema
  ['create', 'ddl', 'value'],
  ['drop', 'ddl', 'value'],
  ['dropDatabase', 'ddl', 'none'],
  ['createIndexes', 'ddl', 'value'],
  ['dropIndexes|deleteIndexes', 'ddl', 'value'],
  ['reIndex', 'ddl', 'value'],
  ['collMod', 'ddl', 'value'],
  ['convertToCapped', 'ddl', 'value'],
  ['cloneCollectionAsCapped', 'ddl', 'value'],
  ['renameCollection', 'ddl', 'namespace'],
  ['compact', 'ddl', 'value'],
  ['createSearchIndexes', 'ddl', 'value'],
  ['updateSearchIndex', 'ddl', 'value'],
  ['dropSearchIndex', 'ddl', 'value'],
  ['planCacheClear', 'ddl', 'value'],
  ['planCacheClearFilters', 'ddl', 'value'],
  ['planCacheSetFilter', 'ddl', 'value'],
  ['setQuerySettings', 'ddl', 'none'],
  ['removeQuerySettings', 'ddl', 'none'],
  ['shardCollection', 'ddl', 'namespace'],
  ['reshardCollection', 'ddl', 'namespace'],
  ['unshardCollection', 'ddl', 'namespace'],
  ['refineCollectionShardKey', 'ddl', 'namespace'],
  ['moveCollection', 'ddl', 'namespace'],
  ['enableSharding', 'ddl', 'none'],
  ['createUser', 'ddl', 'none'],
  ['updateUser', 'ddl', 'none'],
  ['dropUser', 'ddl', 'none'],
  ['dropAllUsersFromDatabase', 'ddl', 'none'],
  ['grantRolesToUser', 'ddl', 'none'],
  ['revokeRolesFromUser', 'ddl', 'none'],
  ['createRole', 'ddl', 'none'],
  ['updateRole', 'ddl', 'none'],
  ['dropRole', 'ddl', 'none'],
  ['grantPrivilegesToRole', 'ddl', 'none'],
  ['revokePrivilegesFromRole', 'ddl', 'none'],
  ['copydb', 'ddl', 'none'],
  ['copydbgetnonce', 'control', 'none'],
  ['copydbSaslStart|copydbsaslstart', 'control', 'none'],
  // looking at the server
  ['listCollections', 'admin', 'none'],
  ['listDatabases', 'admin', 'none'],
  ['listIndexes', 'admin', 'value'],
  ['listSearchIndexes', 'admin', 'value'],
  ['listCommands', 'admin', 'none'],
  ['collStats|collstats', 'admin', 'value'],
  ['dbStats|dbstats', 'admin', 'none'],
  ['dataSize|datasize', 'admin', 'namespace'],
  ['validate', 'admin', 'value'],
  ['validateDBMetadata', 'admin', 'none'],
  ['dbHash|dbhash', 'admin', 'none'],
  ['usersInfo', 'admin', 'none'],
  ['rolesInfo', 'admin', 'none'],
  ['serverStatus', 'admin', 'none'],
  ['hostInfo', 'admin', 'none'],
  ['top', 'admin', 'none'],
  ['currentOp', 'admin', 'none'],
  ['profile', 'admin', 'none'],
  ['getLog', 'admin', 'none'],
  ['logRotate', 'admin', 'none'],
  ['getParameter', 'admin', 'none'],
  ['setParameter', 'admin', 'none'],
  ['getClusterParameter', 'admin', 'none'],
  ['setClusterParameter', 'admin', 'none'],
  ['getCmdLineOpts', 'admin', 'none'],
  ['getDefaultRWConcern', 'admin', 'none'],
  ['setDefaultRWConcern', 'admin', 'none'],
  ['features', 'admin', 'none'],
  ['connPoolStats', 'admin', 'none'],
  ['connPoolSync', 'admin', 'none'],
  ['lockInfo', 'admin', 'none'],
  ['fsync', 'admin', 'none'],
  ['fsyncUnlock', 'admin', 'none'],
  ['shutdown', 'admin', 'none'],
  ['configureFailPoint', 'admin', 'none'],
  ['setFeatureCompatibilityVersion', 'admin', 'none'],
  ['invalidateUserCache', 'admin', 'none'],
  ['analyze', 'admin', 'value'],
  ['analyzeShardKey', 'admin', 'namespace'],
  ['configureQueryAnalyzer', 'admin', 'namespace'],
  ['planCacheListFilters', 'admin', 'value'],
  ['getAuditConfig', 'admin', 'none'],
  ['setAuditConfig', 'admin', 'none'],
  ['logApplicationMessage', 'admin', 'none'],
  ['getShardMap', 'admin', 'none'],
  ['getShardVersion', 'admin', 'namespace'],
  ['listShards', 'admin', 'none'],
  ['addShard', 'admin', 'none'],
  ['removeShard', 'admin', 'none'],
  ['shardingState', 'admin', 'none'],
  ['balancerStart', 'admin', 'none'],
  ['balancerStop', 'admin', 'none'],
  ['balancerStatus', 'admin', 'none'],
  ['balancerCollectionStatus', 'admin', 'namespace'],
  ['split', 'admin', 'namespace'],
  ['moveChunk', 'admin', 'namespace'],
  ['moveRange', 'admin', 'namespace'],
  ['movePrimary', 'admin', 'none'],
  ['mergeChunks', 'admin', 'namespace'],
  ['flushRouterConfig', 'admin', 'none'],
  ['replSetGetStatus', 'admin', 'none'],
  ['replSetGetConfig', 'admin', 'none'],
  ['replSetInitiate', 'admin', 'none'],
  ['replSetReconfig', 'admin', 'none'],
  ['replSetStepDown', 'admin', 'none'],
  ['replSetStepUp', 'admin', 'none'],
  ['replSetFreeze', 'admin', 'none'],
  ['replSetSyncFrom', 'admin', 'none'],
  ['replSetMaintenance', 'admin', 'none'],
  ['replSetHeartbeat', 'admin', 'none'],
  ['replSetUpdatePosition', 'admin', 'none'],
  ['replSetRequestVotes', 'admin', 'none'],
  ['appendOplogNote', 'admin', 'none'],
  ['availableQueryOptions', 'admin', 'none'],
  ['driverOIDCTest', 'admin', 'none'],
]

const HELLO = new Set(['hello', 'isMaster'])

interface Alias {
  readonly text: string
  readonly info: CommandInfo
}

const aliases: readonly Alias[] = ROWS.flatMap(([names, kind, target, batch = ''], index) => {
  const all = names.split('|')
  const name = all[0] as string
  const info: CommandInfo = Object.freeze({ index, name, kind, target, batch, isHello: HELLO.has(name) })
  return all.map((text) => ({ text, info }))
})
const table = new NameTable(aliases.map((alias) => alias.text))
const byName = new Map(aliases.map((alias) => [alias.text, alias.info]))

/** Commands outside the table, and messages that could not be read. */
export const OTHER_COMMAND: CommandInfo = Object.freeze({
  index: ROWS.length,
  name: OTHER,
  kind: 'admin',
  target: 'none',
  batch: '',
  isHello: false,
})

/** Every name and alias in the table. */
export const COMMAND_NAMES: readonly string[] = aliases.map(({ text }) => text)

/** How many distinct `CommandInfo.index` there are. */
export const COMMAND_COUNT = ROWS.length + 1

/** The command named at `[start, end)` of `bytes`; `OTHER_COMMAND` when the table has none of that name. */
export function findCommand(bytes: Uint8Array, start: number, end: number): CommandInfo {
  const index = table.find(bytes, start, end)
  return index < 0 ? OTHER_COMMAND : (aliases[index] as Alias).info
}

/** A command by its name in the table. */
export function command(name: string): CommandInfo {
  return byName.get(name) ?? OTHER_COMMAND
}
