import * as sdk from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { findOperation, OPERATIONS, OTHER_OPERATION, TARGETS } from '../../../src/codecs/dynamodb/operations.js'
import { read } from '../../support/dynamodb.js'

const ARN = 'arn:aws:dynamodb:eu-central-1:123456789012:table/orders'
const STREAM = `${ARN}/stream/2026-05-20T20:51:10.252`
const table = { TableName: 'orders' }
const resource = { ResourceArn: ARN }
const globalTable = { GlobalTableName: 'orders' }
const key = { id: { S: '1' } }

/** A request of every operation of the table, written from the API reference. All name the table `orders`, or none. */
const REQUESTS: Readonly<Record<string, unknown>> = {
  GetItem: { ...table, Key: key, ConsistentRead: true },
  Query: { ...table, KeyConditionExpression: 'id = :i', ExpressionAttributeValues: { ':i': { S: '1' } } },
  Scan: { ...table, TotalSegments: 4, Segment: 0 },
  SearchVectors: { ...table, IndexName: 'by_vector', SearchVector: [{ N: '0.5' }], TopK: 3 },
  BatchGetItem: { RequestItems: { orders: { Keys: [key], ProjectionExpression: 'id' } } },
  TransactGetItems: { TransactItems: [{ Get: { ...table, Key: key } }] },
  PutItem: { Item: { ...key, TableName: { S: 'not this' } }, ...table },
  UpdateItem: { ...table, Key: key, UpdateExpression: 'SET a = :a', ExpressionAttributeValues: { ':a': { N: '1' } } },
  DeleteItem: { Key: key, ReturnValues: 'ALL_OLD', ...table },
  BatchWriteItem: { RequestItems: { orders: [{ PutRequest: { Item: key } }, { DeleteRequest: { Key: key } }] } },
  TransactWriteItems: {
    ClientRequestToken: 'x',
    TransactItems: [
      { Put: { Item: key, ...table } },
      { Update: { ...table, Key: key, UpdateExpression: 'SET a = a' } },
      { Delete: { ...table, Key: key } },
      { ConditionCheck: { ...table, Key: key, ConditionExpression: 'attribute_exists(id)' } },
    ],
  },
  ExecuteStatement: { Statement: 'SELECT * FROM "orders" WHERE id = ?', Parameters: [{ S: '1' }] },
  BatchExecuteStatement: { Statements: [{ Statement: "INSERT INTO orders VALUE {'id': '1'}" }] },
  ExecuteTransaction: { TransactStatements: [{ Statement: "UPDATE orders SET a = 1 WHERE id = '1'" }] },
  StartBulkPutItems: { InputS3Configuration: { S3Bucket: 'b', InputFormat: 'ION' }, ...table },
  CreateTable: {
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    ...table,
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [{ IndexName: 'by_name' }],
  },
  UpdateTable: { ...table, BillingMode: 'PAY_PER_REQUEST' },
  DeleteTable: table,
  UpdateTimeToLive: { ...table, TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' } },
  UpdateContinuousBackups: { ...table, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } },
  UpdateContributorInsights: { ...table, IndexName: 'by_name', ContributorInsightsAction: 'ENABLE' },
  UpdateTableReplicaAutoScaling: table,
  EnableKinesisStreamingDestination: { ...table, StreamArn: 'arn:aws:kinesis:eu-central-1:1:stream/s' },
  DisableKinesisStreamingDestination: { ...table, StreamArn: 'arn:aws:kinesis:eu-central-1:1:stream/s' },
  UpdateKinesisStreamingDestination: { ...table, StreamArn: 'arn:aws:kinesis:eu-central-1:1:stream/s' },
  CreateGlobalTable: { ...globalTable, ReplicationGroup: [{ RegionName: 'eu-west-1' }] },
  UpdateGlobalTable: { ...globalTable, ReplicaUpdates: [] },
  UpdateGlobalTableSettings: globalTable,
  RestoreTableFromBackup: { BackupArn: `${ARN}/backup/01`.replace('orders', 'old'), TargetTableName: 'orders' },
  RestoreTableToPointInTime: { SourceTableName: 'old', TargetTableName: 'orders', UseLatestRestorableTime: true },
  ImportTable: { InputFormat: 'CSV', S3BucketSource: { S3Bucket: 'b' }, TableCreationParameters: table },
  DeleteBackup: { BackupArn: `${ARN}/backup/01489602797149-73d8d5bc` },
  PutResourcePolicy: { ...resource, Policy: '{"Version":"2012-10-17","Statement":[]}' },
  DeleteResourcePolicy: { ResourceArn: STREAM },
  TagResource: { ...resource, Tags: [{ Key: 'TableName', Value: 'x' }] },
  UntagResource: { ...resource, TagKeys: ['a'] },
  CreateBackup: { ...table, BackupName: 'b' },
  ExportTableToPointInTime: { S3Bucket: 'b', TableArn: ARN },
  DescribeTable: { TableName: ARN },
  DescribeTimeToLive: table,
  DescribeContinuousBackups: table,
  DescribeContributorInsights: { ...table, IndexName: 'by_name' },
  DescribeKinesisStreamingDestination: table,
  DescribeTableReplicaAutoScaling: table,
  DescribeGlobalTable: globalTable,
  DescribeGlobalTableSettings: globalTable,
  DescribeBackup: { BackupArn: `${ARN}/backup/01489602797149-73d8d5bc` },
  DescribeExport: { ExportArn: `${ARN}/export/01234567890123-a1b2c3d4` },
  DescribeImport: { ImportArn: `${ARN}/import/01234567890123-a1b2c3d4` },
  DescribeLimits: {},
  GetResourcePolicy: resource,
  ListTagsOfResource: resource,
  ListTables: { ExclusiveStartTableName: 'a', Limit: 10 },
  ListGlobalTables: { RegionName: 'eu-west-1' },
  ListBackups: table,
  ListContributorInsights: table,
  ListExports: { TableArn: ARN },
  ListImports: { TableArn: ARN },
  CancelBulkOperation: { BulkOperationArn: 'arn:aws:dynamodb:eu-central-1:123456789012:bulk-operation/1' },
  DescribeBulkOperation: { BulkOperationArn: 'arn:aws:dynamodb:eu-central-1:123456789012:bulk-operation/1' },
  ListBulkOperations: { MaxResults: 5 },
  DescribeEndpoints: {},
  GetRecords: { ShardIterator: `${STREAM}|1|AAAAAAAAAAEvJvXp+Q==`, Limit: 100 },
  GetShardIterator: { StreamArn: STREAM, ShardId: 'shardId-1', ShardIteratorType: 'LATEST' },
  DescribeStream: { StreamArn: STREAM },
  ListStreams: table,
}
const WITHOUT_TABLE = new Set([
  'DescribeLimits',
  'ListTables',
  'ListGlobalTables',
  'DescribeEndpoints',
  'CancelBulkOperation',
  'DescribeBulkOperation',
  'ListBulkOperations',
])

t.test('the table has every operation of the SDK’s model, and Streams’', async (t) => {
  const commands = Object.keys(sdk)
    .filter((name) => name.endsWith('Command') && name !== '$Command')
    .map((name) => `DynamoDB_20120810.${name.replace(/Command$/, '')}`)
  t.ok(commands.length > 50)
  const streams = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams']
  t.same(TARGETS.toSorted(), [...commands, ...streams.map((name) => `DynamoDBStreams_20120810.${name}`)].toSorted())
})

t.test('each operation names its table', async (t) => {
  t.same(Object.keys(REQUESTS).toSorted(), TARGETS.map((target) => target.split('.')[1]).toSorted())
  for (const target of TARGETS) {
    const [prefix, operation = ''] = target.split('.')
    const isStreams = prefix === 'DynamoDBStreams_20120810'
    const byteByByte = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]))
    for (const cut of [undefined, byteByByte]) {
      const { told, failure } = read({ operation, isStreams, request: REQUESTS[operation], reply: {} }, cut)
      t.equal(failure, '', operation)
      t.equal(told.length, 1, operation)
      t.match(told[0], {
        protocol: 'aws.dynamodb',
        command: operation,
        database: '',
        collection: WITHOUT_TABLE.has(operation) ? '' : 'orders',
      })
      const kind = operation === 'ExecuteStatement' ? 'read' : findOperation(target).kind
      t.equal(told[0]?.kind, kind, operation)
    }
  }
})

t.test('operations have indexes of their own, and kinds', async (t) => {
  t.same(
    OPERATIONS.map(({ index }) => index),
    OPERATIONS.map((_, index) => index),
  )
  const kinds: Record<string, number> = {}
  for (const { kind } of OPERATIONS) kinds[kind] = (kinds[kind] ?? 0) + 1
  t.same(kinds, { read: 7, write: 9, ddl: 21, admin: 28, control: 2 })
  t.equal(findOperation('DynamoDB_20120810.MakeCoffee'), OTHER_OPERATION)
  t.equal(findOperation('DynamoDB_20120810.constructor'), OTHER_OPERATION)
})

t.test('an unknown operation is told as such, at its first byte, and its reply is read', async (t) => {
  const { told, isEarly, failure, exchange } = read({
    operation: 'MakeCoffee',
    request: table,
    status: 400,
    reply: { __type: 'com.amazon.coral.service#UnknownOperationException' },
  })
  t.ok(isEarly)
  t.equal(failure, '')
  t.match(told, [{ command: '__other__', kind: 'admin', collection: '' }])
  t.match(exchange.outcome, { kind: 'command_error', codeName: 'UnknownOperationException' })
})
