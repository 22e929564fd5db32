import { type OperationKind, OTHER } from '../../core/exchange.js'

/**
 * Where a request names its table.
 * - a member's name: the table, or an ARN that has it in it
 * - `batch`: the names of `RequestItems`
 * - `transact`: `TransactItems[].*.TableName`
 * - `Statement`, `Statements`, `TransactStatements`: in PartiQL, one statement or a list of them
 * - `creation`: `TableCreationParameters.TableName`
 * - `''`: nowhere
 */
export type TableSource =
  | ''
  | 'TableName'
  | 'GlobalTableName'
  | 'TargetTableName'
  | 'TableArn'
  | 'ResourceArn'
  | 'BackupArn'
  | 'ExportArn'
  | 'ImportArn'
  | 'StreamArn'
  | 'ShardIterator'
  | 'creation'
  | 'batch'
  | 'transact'
  | 'Statement'
  | 'Statements'
  | 'TransactStatements'

export interface OperationInfo {
  /** Index in the table. */
  readonly index: number
  readonly name: string
  /** Of PartiQL: what it is until its statements say that they only read. */
  readonly kind: OperationKind
  readonly source: TableSource
  /** The request is about one item, by its key. */
  readonly isOneItem: boolean
  /** What the service answers when it is asked too often. */
  readonly throttle: 'ProvisionedThroughputExceededException' | 'ThrottlingException'
}

type Row = readonly [name: string, kind: OperationKind, source: TableSource]

const DYNAMODB = 'DynamoDB_20120810.'
const STREAMS = 'DynamoDBStreams_20120810.'

/** API version 2012-08-10, whole. `ddl` changes a table or what belongs to it; `admin` looks, or copies. */
const DYNAMODB_ROWS: readonly Row[] = [
  ['GetItem', 'read', 'TableName'],
  ['Query', 'read', 'TableName'],
  ['Scan', 'read', 'TableName'],
  ['SearchVectors', 'read', 'TableName'],
  ['BatchGetItem', 'read', 'batch'],
  ['TransactGetItems', 'read', 'transact'],
  ['PutItem', 'write', 'TableName'],
  ['UpdateItem', 'write', 'TableName'],
  ['DeleteItem', 'write', 'TableName'],
  ['BatchWriteItem', 'write', 'batch'],
  ['TransactWriteItems', 'write', 'transact'],
  ['ExecuteStatement', 'write', 'Statement'],
  ['BatchExecuteStatement', 'write', 'Statements'],
  ['ExecuteTransaction', 'write', 'TransactStatements'],
  ['StartBulkPutItems', 'write', 'TableName'],
  ['CreateTable', 'ddl', 'TableName'],
  ['UpdateTable', 'ddl', 'TableName'],
  ['DeleteTable', 'ddl', 'TableName'],
  ['UpdateTimeToLive', 'ddl', 'TableName'],
  ['UpdateContinuousBackups', 'ddl', 'TableName'],
  ['UpdateContributorInsights', 'ddl', 'TableName'],
  ['UpdateTableReplicaAutoScaling', 'ddl', 'TableName'],
  ['EnableKinesisStreamingDestination', 'ddl', 'TableName'],
  ['DisableKinesisStreamingDestination', 'ddl', 'TableName'],
  ['UpdateKinesisStreamingDestination', 'ddl', 'TableName'],
  ['CreateGlobalTable', 'ddl', 'GlobalTableName'],
  ['UpdateGlobalTable', 'ddl', 'GlobalTableName'],
  ['UpdateGlobalTableSettings', 'ddl', 'GlobalTableName'],
  ['RestoreTableFromBackup', 'ddl', 'TargetTableName'],
  ['RestoreTableToPointInTime', 'ddl', 'TargetTableName'],
  ['ImportTable', 'ddl', 'creation'],
  ['DeleteBackup', 'ddl', 'BackupArn'],
  ['PutResourcePolicy', 'ddl', 'ResourceArn'],
  ['DeleteResourcePolicy', 'ddl', 'ResourceArn'],
  ['TagResource', 'ddl', 'ResourceArn'],
  ['UntagResource', 'ddl', 'ResourceArn'],
  ['CreateBackup', 'admin', 'TableName'],
  ['ExportTableToPointInTime', 'admin', 'TableArn'],
  ['DescribeTable', 'admin', 'TableName'],
  ['DescribeTimeToLive', 'admin', 'TableName'],
  ['DescribeContinuousBackups', 'admin', 'TableName'],
  ['DescribeContributorInsights', 'admin', 'TableName'],
  ['DescribeKinesisStreamingDestination', 'admin', 'TableName'],
  ['DescribeTableReplicaAutoScaling', 'admin', 'TableName'],
  ['DescribeGlobalTable', 'admin', 'GlobalTableName'],
  ['DescribeGlobalTableSettings', 'admin', 'GlobalTableName'],
  ['DescribeBackup', 'admin', 'BackupArn'],
  ['DescribeExport', 'admin', 'ExportArn'],
  ['DescribeImport', 'admin', 'ImportArn'],
  ['DescribeLimits', 'admin', ''],
  ['GetResourcePolicy', 'admin', 'ResourceArn'],
  ['ListTagsOfResource', 'admin', 'ResourceArn'],
  ['ListTables', 'admin', ''],
  ['ListGlobalTables', 'admin', ''],
  ['ListBackups', 'admin', 'TableName'],
  ['ListContributorInsights', 'admin', 'TableName'],
  ['ListExports', 'admin', 'TableArn'],
  ['ListImports', 'admin', 'TableArn'],
  // How a bulk operation's ARN names its tables is documented nowhere, and it may have several.
  ['CancelBulkOperation', 'admin', ''],
  ['DescribeBulkOperation', 'admin', ''],
  ['ListBulkOperations', 'admin', ''],
  // SDKs ask it by themselves, as a driver says hello.
  ['DescribeEndpoints', 'control', ''],
]

const STREAMS_ROWS: readonly Row[] = [
  ['GetRecords', 'read', 'ShardIterator'],
  ['GetShardIterator', 'control', 'StreamArn'],
  ['DescribeStream', 'admin', 'StreamArn'],
  ['ListStreams', 'admin', 'TableName'],
]

const ONE_ITEM = new Set(['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'])

const byTarget = new Map<string, OperationInfo>()
for (const [prefix, rows] of [
  [DYNAMODB, DYNAMODB_ROWS],
  [STREAMS, STREAMS_ROWS],
] as const) {
  for (const [name, kind, source] of rows) {
    const isData = prefix === DYNAMODB && (kind === 'read' || kind === 'write')
    const info: OperationInfo = Object.freeze({
      index: byTarget.size,
      name,
      kind,
      source,
      isOneItem: ONE_ITEM.has(name),
      throttle: isData ? 'ProvisionedThroughputExceededException' : 'ThrottlingException',
    })
    byTarget.set(prefix + name, info)
  }
}

/** Operations of the protocol that are in no table: newer than this file, or made up. */
export const OTHER_OPERATION: OperationInfo = Object.freeze({
  index: byTarget.size,
  name: OTHER,
  kind: 'admin',
  source: '',
  isOneItem: false,
  throttle: 'ThrottlingException',
})

/** How many distinct `OperationInfo.index` there are. */
export const OPERATION_COUNT = byTarget.size + 1

/** By `index`; the last one is `OTHER_OPERATION`. */
export const OPERATIONS: readonly OperationInfo[] = [...byTarget.values(), OTHER_OPERATION]

/** The targets of the table. */
export const TARGETS: readonly string[] = [...byTarget.keys()]

export function isDynamodbTarget(target: string): boolean {
  return target.startsWith(DYNAMODB) || target.startsWith(STREAMS)
}

/** By the value of `X-Amz-Target`. */
export function findOperation(target: string): OperationInfo {
  return byTarget.get(target) ?? OTHER_OPERATION
}
