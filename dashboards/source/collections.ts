import { FAMILIES as F } from '../../src/observe/families.js'
import { board } from './board.js'
import { increase, meanBy, observedBy, part, quantileBy, rateBy, series, spentBy, sum, top } from './expressions.js'
import { COLLECTION_OR_TABLE, graph, heatmap, latency, rates, target } from './vocabulary.js'

const CHOSEN = { byCollection: true }
const COLLECTION = ['cluster', 'db_namespace', 'db_collection_name']
const COLLECTION_NAME = '{{cluster}} {{db_namespace}} {{db_collection_name}}'
const COMMAND = ['db_operation_name']
const QUERY = [...COLLECTION, ...COMMAND]
const QUERY_NAME = '{{db_namespace}} {{db_collection_name}} {{db_operation_name}}'
const D = F.operationDuration

export const collections = board({
  uid: 'oplens-collections',
  title: 'Collections and queries',
  description:
    'What is done to the chosen collections, how long it takes and how it fails. All of them are chosen at first.',
  variables: ['job', 'instance', 'cluster', 'database', 'collection'],
  rows: [
    {
      title: 'Latency',
      panels: [
        heatmap(
          {
            title: 'Distribution',
            description:
              'How many operations took how long. Two bands are two kinds of query; a band that climbs is one that gets slower. Points are traces.',
            unit: 's',
            span: 12,
            height: 9,
          },
          sum(['le'], increase(part(D, 'bucket', CHOSEN))),
        ),
        graph(
          {
            title: 'Percentiles',
            description:
              'Of all that is chosen. The tail alone rising: locks, cold cache, a missing index for some values. All rising: load.',
            unit: 's',
            span: 12,
            height: 9,
          },
          latency(quantileBy(0.5, D, [], CHOSEN), 'p50'),
          latency(quantileBy(0.95, D, [], CHOSEN), 'p95'),
          latency(quantileBy(0.99, D, [], CHOSEN), 'p99'),
        ),
        graph(
          {
            title: 'p99 by command',
            description:
              'Which command is slow. A slow find wants explain(); a slow insert or update a look at write concern and lag.',
            unit: 's',
            span: 12,
          },
          latency(quantileBy(0.99, D, COMMAND, CHOSEN), '{{db_operation_name}}'),
        ),
        graph(
          {
            title: 'p99 by collection',
            description: 'The ten slowest. Click a line to choose its collection alone.',
            unit: 's',
            span: 12,
            leadsTo: COLLECTION_OR_TABLE,
          },
          latency(top(10, quantileBy(0.99, D, COLLECTION, CHOSEN)), COLLECTION_NAME),
        ),
        rates(
          {
            title: 'Slow operations',
            description:
              'Slower than their threshold in the slow log, by query. The live page and the slow log name the shape; explain() it, and give it an index.',
            unit: 'ops',
            span: 12,
            leadsTo: COLLECTION_OR_TABLE,
          },
          F.slowOperations,
          QUERY,
          CHOSEN,
        ),
        graph(
          {
            title: 'Time spent',
            description:
              'Seconds waited per second, by query: rate times mean. The largest area is what to make faster.',
            unit: 'short',
            span: 12,
            isStacked: true,
          },
          target(top(10, spentBy(D, QUERY, CHOSEN)), QUERY_NAME),
        ),
      ],
    },
    {
      title: 'Traffic',
      panels: [
        graph(
          {
            title: 'Rate by command',
            description: 'Operations per second. Many more getMore than find: batches are small for what is read.',
            unit: 'ops',
          },
          target(observedBy(D, COMMAND, CHOSEN), '{{db_operation_name}}'),
        ),
        graph(
          {
            title: 'Rate by collection',
            description:
              'The ten busiest. A collection that grows alone is a loop or a missing cache of its application.',
            unit: 'ops',
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(top(10, observedBy(D, COLLECTION, CHOSEN)), COLLECTION_NAME),
        ),
        rates(
          {
            title: 'Unacknowledged writes',
            description:
              'Sent with write concern 0: nobody learns whether they failed. Only for data that may be lost.',
            unit: 'ops',
            leadsTo: COLLECTION_OR_TABLE,
          },
          F.unacknowledged,
          COLLECTION,
          CHOSEN,
        ),
      ],
    },
    {
      title: 'Documents and bytes',
      panels: [
        graph(
          {
            title: 'Documents',
            description:
              'Returned to clients and sent by them, per second. Far more returned than an application needs: filter or project in the query.',
            unit: 'short',
          },
          target(rateBy(F.documentsReturned, [], CHOSEN), 'returned'),
          target(rateBy(F.documentsSent, [], CHOSEN), 'sent'),
        ),
        graph(
          {
            title: 'Documents returned per operation',
            description:
              'By query. A find that returns thousands wants a limit, or is an export that should go elsewhere.',
            unit: 'short',
          },
          target(
            top(10, `${rateBy(F.documentsReturned, QUERY, CHOSEN)} / ${observedBy(D, QUERY, CHOSEN)}`),
            QUERY_NAME,
          ),
        ),
        graph(
          {
            title: 'Bytes',
            description:
              'On the wire, compressed where it was. Replies much larger than before: documents have grown, or a projection got lost.',
            unit: 'Bps',
          },
          target(rateBy(F.requestBytes, [], CHOSEN), 'requests'),
          target(rateBy(F.replyBytes, [], CHOSEN), 'replies'),
        ),
        graph(
          {
            title: 'Reply bytes by query',
            description: 'The ten that fill the network. Project fewer fields, or read less often.',
            unit: 'Bps',
            span: 24,
          },
          target(top(10, rateBy(F.replyBytes, QUERY, CHOSEN)), QUERY_NAME),
        ),
      ],
    },
    {
      title: 'Awaited operations',
      panels: [
        graph(
          {
            title: 'Rate',
            description:
              'Operations that wait on purpose: streaming hello of drivers, getMore on change streams and tailable cursors. They are in no panel above.',
            unit: 'ops',
          },
          target(observedBy(F.awaitedDuration, QUERY, CHOSEN), QUERY_NAME),
        ),
        graph(
          {
            title: 'Mean wait',
            description:
              'How long they waited. Short waits are busy change streams; hello waits ten seconds when all is quiet.',
            unit: 's',
          },
          target(`${meanBy(F.awaitedDuration, QUERY, CHOSEN)} > 0`, QUERY_NAME),
        ),
        graph(
          {
            title: 'Waiting now',
            description:
              'About one for each driver and member, and one for each open change stream. Growing without end: streams that nobody closes.',
            unit: 'short',
          },
          target(sum(['cluster', 'listener'], series(F.awaitedActive)), '{{cluster}} {{listener}}'),
        ),
      ],
    },
    {
      title: 'Errors',
      panels: [
        graph(
          {
            title: 'By code',
            description:
              'Codes are the database’s own. 11000 is a duplicate key, 112 a write conflict, 50 a time limit, 10107 and 189 an election.',
            unit: 'ops',
          },
          target(
            rateBy(F.operationErrors, ['outcome', 'db_response_status_code'], CHOSEN),
            '{{outcome}} {{db_response_status_code}}',
          ),
        ),
        graph(
          {
            title: 'By query',
            description:
              'The ten that fail most. One alone is a bug of its application; each of them at once is the database.',
            unit: 'ops',
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(top(10, rateBy(F.operationErrors, QUERY, CHOSEN)), QUERY_NAME),
        ),
        rates(
          {
            title: 'Aborted, by who ended it',
            description:
              'The connection ended before the reply. client: it gave up, so look at latency; server: it crashed or stepped down; proxy: a drain or a limit.',
            unit: 'ops',
          },
          F.operationErrors,
          ['ended_by'],
          { ...CHOSEN, where: ['outcome="aborted"'] },
        ),
      ],
    },
    // Limits go here: a row of their own, as soon as there are metrics of them.
  ],
})
