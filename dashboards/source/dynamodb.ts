import { FAMILIES as F } from '../../src/observe/families.js'
import { board } from './board.js'
import { increase, observedBy, part, quantileBy, rateBy, shareOf, spentBy, sum } from './expressions.js'
import { graph, heatmap, latency, rates, target } from './vocabulary.js'

const DYNAMODB = { byCollection: false, where: ['db_system_name="aws.dynamodb"', 'db_collection_name=~"$collection"'] }
const TABLE = ['cluster', 'db_namespace', 'db_collection_name']
const TABLE_NAME = '{{cluster}} {{db_collection_name}}'
const OPERATION = ['db_operation_name']
const BY_OPERATION = '{{db_collection_name}} {{db_operation_name}}'
const D = F.operationDuration
const capacity = (unit: string) => ({ where: [...DYNAMODB.where, `unit="${unit}"`] })

export const dynamodb = board({
  uid: 'oplens-dynamodb',
  title: 'DynamoDB',
  description:
    'By table: operations, throttles, capacity, retries of SDKs, latency and errors. Each try of an SDK is an operation of its own.',
  variables: ['job', 'instance', 'cluster', 'table'],
  rows: [
    {
      title: 'Traffic',
      panels: [
        rates(
          {
            title: 'By table',
            description:
              'Operations per second; one over two tables counts for both. A table that grows alone is its application: a loop, or a missing cache.',
            unit: 'ops',
            span: 12,
          },
          F.tableOperations,
          ['cluster', 'db_collection_name'],
          DYNAMODB,
        ),
        graph(
          {
            title: 'By operation',
            description: 'What is asked. Scans in the path of users are slow and dear: they want an index and a Query.',
            unit: 'ops',
            span: 12,
          },
          target(observedBy(D, OPERATION, DYNAMODB), '{{db_operation_name}}'),
        ),
      ],
    },
    {
      title: 'Throttling',
      panels: [
        rates(
          {
            title: 'Throttled',
            description:
              'Tries that DynamoDB refused. SDKs try again, so users see latency first. Raise capacity, or spread a hot key.',
            unit: 'ops',
            leadsTo: ['queriesOfTable'],
          },
          F.throttled,
          TABLE,
          DYNAMODB,
        ),
        graph(
          {
            title: 'Share throttled',
            description: 'Of all tries. Above a few percent retries make it worse: slow the caller down.',
            unit: 'percentunit',
          },
          target(shareOf(rateBy(F.throttled, TABLE, DYNAMODB), observedBy(D, TABLE, DYNAMODB)), TABLE_NAME),
        ),
        rates(
          {
            title: 'Retries of SDKs',
            description:
              'Second and later tries, as the SDK says itself. Without throttles beside it: time-outs of the client, or 500s.',
            unit: 'ops',
            leadsTo: ['queriesOfTable'],
          },
          F.retries,
          TABLE,
          DYNAMODB,
        ),
        rates(
          {
            title: 'Unprocessed items',
            description:
              'Keys and items of batches that came back undone: throttling that no error tells of. Code that does not send them again loses writes.',
            unit: 'short',
            span: 12,
          },
          F.unprocessedItems,
          ['cluster', 'db_collection_name', 'db_operation_name'],
          DYNAMODB,
        ),
        rates(
          {
            title: 'Scanned items',
            description:
              'Items that Query and Scan looked at before their filter, per second: what is paid for. Far more than returned: the filter belongs in a key or an index.',
            unit: 'short',
            span: 12,
            leadsTo: ['queriesOfTable'],
          },
          F.scannedItems,
          [...TABLE, ...OPERATION],
          DYNAMODB,
        ),
      ],
    },
    {
      title: 'Consumed capacity (told only to requests that ask with ReturnConsumedCapacity)',
      panels: [
        graph(
          {
            title: 'Read units by table',
            description:
              'Units per second. Near what is provisioned, throttling begins: raise it, cache, or read with eventual consistency.',
            unit: 'short',
          },
          target(rateBy(F.consumedCapacity, ['cluster', 'db_collection_name'], capacity('read')), TABLE_NAME),
        ),
        graph(
          {
            title: 'Write units by table',
            description: 'Units per second. Each index costs its own: drop those that nobody queries.',
            unit: 'short',
          },
          target(rateBy(F.consumedCapacity, ['cluster', 'db_collection_name'], capacity('write')), TABLE_NAME),
        ),
        graph(
          {
            title: 'By index',
            description:
              'Of indexes alone. An index of few key values is a hot partition: it throttles the whole table’s writes.',
            unit: 'short',
          },
          target(
            rateBy(F.consumedCapacity, ['db_collection_name', 'index', 'unit'], {
              where: [...DYNAMODB.where, 'index!=""'],
            }),
            '{{db_collection_name}} {{index}} {{unit}}',
          ),
        ),
        graph(
          {
            title: 'By operation',
            description: 'Which operation takes it. The largest is where a cheaper access pattern pays.',
            unit: 'short',
            span: 24,
            isStacked: true,
          },
          target(
            rateBy(F.consumedCapacity, ['db_collection_name', ...OPERATION, 'unit'], DYNAMODB),
            `${BY_OPERATION} {{unit}}`,
          ),
        ),
      ],
    },
    {
      title: 'Latency',
      panels: [
        heatmap(
          {
            title: 'Distribution',
            description:
              'How many operations took how long, each try by itself. A band near the client’s time-out is worth a look. Points are traces.',
            unit: 's',
          },
          sum(['le'], increase(part(D, 'bucket', DYNAMODB))),
        ),
        graph(
          {
            title: 'p99 by operation',
            description:
              'Single-digit milliseconds are normal for items. Slow Query and Scan: pages are large; slow all over: the way to the endpoint.',
            unit: 's',
          },
          latency(quantileBy(0.99, D, OPERATION, DYNAMODB), '{{db_operation_name}}'),
        ),
        graph(
          {
            title: 'p99 by table',
            description: 'Click a line to look at its operations. Batches over several tables stand without a name.',
            unit: 's',
            leadsTo: ['queriesOfTable'],
          },
          latency(quantileBy(0.99, D, TABLE, DYNAMODB), TABLE_NAME),
        ),
        graph(
          {
            title: 'Time spent',
            description: 'Seconds waited per second, by table: rate times mean. What to make faster first.',
            unit: 'short',
            span: 24,
            isStacked: true,
            leadsTo: ['queriesOfTable'],
          },
          target(spentBy(D, TABLE, DYNAMODB), TABLE_NAME),
        ),
      ],
    },
    {
      title: 'Errors',
      panels: [
        graph(
          {
            title: 'By exception',
            description:
              'ConditionalCheckFailedException is the application’s own doing; ProvisionedThroughputExceededException is throttling; 500s are AWS: they want retries.',
            unit: 'ops',
            span: 12,
          },
          target(
            rateBy(F.operationErrors, ['outcome', 'db_response_status_code'], DYNAMODB),
            '{{outcome}} {{db_response_status_code}}',
          ),
        ),
        rates(
          {
            title: 'By table',
            description: 'Where operations fail. Click a line for its operations and codes.',
            unit: 'ops',
            span: 12,
            leadsTo: ['queriesOfTable'],
          },
          F.operationErrors,
          TABLE,
          DYNAMODB,
        ),
        rates(
          {
            title: 'HTTP statuses',
            description:
              'Of every HTTP listener of the chosen clusters. 400 are the exceptions above; 5xx come from the endpoint.',
            unit: 'reqps',
            span: 24,
          },
          F.httpResponses,
          ['cluster', 'http_response_status_code'],
        ),
      ],
    },
  ],
})
