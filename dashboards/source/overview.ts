import { FAMILIES as F } from '../../src/observe/families.js'
import { board } from './board.js'
import {
  increase,
  max,
  meanBy,
  observedBy,
  quantileBy,
  rateBy,
  series,
  shareOf,
  spentBy,
  sum,
  top,
} from './expressions.js'
import { COLLECTION_OR_TABLE, events, figure, graph, latency, ranking, target } from './vocabulary.js'

const CLUSTER = ['cluster']
const COLLECTION = ['cluster', 'db_namespace', 'db_collection_name']
const COLLECTION_NAME = '{{cluster}} {{db_namespace}} {{db_collection_name}}'
const D = F.operationDuration
/** Commands like ping have none, nor has an operation over several tables. */
const NAMED = { where: ['db_collection_name!=""'] }

const errorShare = (labels: readonly string[]) => shareOf(rateBy(F.operationErrors, labels), observedBy(D, labels))

export const overview = board({
  uid: 'oplens-overview',
  title: 'Overview',
  description:
    'What the databases behind oplens do: rate, errors, duration and saturation by cluster, and the collections that matter most.',
  variables: ['job', 'instance', 'cluster'],
  rows: [
    {
      title: 'Now',
      panels: [
        figure(
          {
            title: 'Operations',
            description:
              'Operations per second over all clusters. A fall to nothing is an outage of clients, of the network or of the database.',
            unit: 'ops',
          },
          target(observedBy(D, []), 'operations'),
        ),
        figure(
          {
            title: 'Errors',
            description:
              'Share of operations that failed. Look below which code it is: many are the application’s own, like a duplicate key.',
            unit: 'percentunit',
            limits: { warn: 0.01, bad: 0.05 },
          },
          target(errorShare([]), 'errors'),
        ),
        figure(
          {
            title: 'p99',
            description:
              'One operation in a hundred takes longer than this. When it rises, the ranking by p99 tells which collection does.',
            unit: 's',
            limits: { warn: 0.1, bad: 1 },
          },
          target(quantileBy(0.99, D, []), 'p99'),
        ),
        figure(
          {
            title: 'In flight',
            description:
              'Operations without their last reply, awaited ones left out. Growing at a steady rate means that the database slows down.',
            unit: 'short',
          },
          target(sum([], series(F.operationsActive)), 'in flight'),
        ),
        figure(
          {
            title: 'Clients',
            description:
              'Client connections open. A sudden rise is often a restart of the application, or pools that grow because operations got slow.',
            unit: 'short',
          },
          target(sum([], series(F.downstreamActive)), 'connections'),
        ),
        figure(
          {
            title: 'Open circuit breakers',
            description:
              'Breakers that let no more through. Anything but 0 refuses clients: see saturation below for which cluster and limit.',
            unit: 'short',
            limits: { warn: 1, bad: 2 },
          },
          target(sum([], series(F.breakerOpen)), 'open'),
        ),
      ],
    },
    {
      title: 'Rate, errors, duration by cluster',
      panels: [
        graph(
          {
            title: 'Rate',
            description: 'Operations per second. Compare with the same hour of another day before calling it high.',
            unit: 'ops',
          },
          target(observedBy(D, CLUSTER), '{{cluster}}'),
        ),
        graph(
          {
            title: 'Error share',
            description:
              'Failed operations among all. When it rises, see errors by code; aborted ones tell of cut connections.',
            unit: 'percentunit',
          },
          target(errorShare(CLUSTER), '{{cluster}}'),
        ),
        graph(
          {
            title: 'Duration',
            description:
              'Median, p95 and p99 as seen at the proxy. A p99 far from a steady median is a few slow queries or locks; all rising together is load or the machine.',
            unit: 's',
          },
          latency(quantileBy(0.5, D, CLUSTER), '{{cluster}} p50'),
          latency(quantileBy(0.95, D, CLUSTER), '{{cluster}} p95'),
          latency(quantileBy(0.99, D, CLUSTER), '{{cluster}} p99'),
        ),
      ],
    },
    {
      title: 'Top collections and tables',
      panels: [
        ranking(
          {
            title: 'By rate',
            description: 'The busiest. Click one to look at its queries.',
            unit: 'ops',
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(top(10, observedBy(D, COLLECTION, NAMED)), COLLECTION_NAME),
        ),
        ranking(
          {
            title: 'By p99',
            description:
              'The slowest. Few operations make it jumpy: compare with the rate. Click one to see which command it is.',
            unit: 's',
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(top(10, `${quantileBy(0.99, D, COLLECTION, NAMED)} > 0`), COLLECTION_NAME),
        ),
        ranking(
          {
            title: 'By time spent',
            description:
              'Rate times mean: seconds of waiting per second. What to make faster first, as it gains the most.',
            unit: 'short',
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(top(10, spentBy(D, COLLECTION, NAMED)), COLLECTION_NAME),
        ),
        graph(
          {
            title: 'Mean duration of the busiest',
            description:
              'Mean of the ten that take the most time. A step up after a deployment is a new query or a lost index.',
            unit: 's',
            span: 24,
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(`${meanBy(D, COLLECTION, NAMED)} and ${top(10, spentBy(D, COLLECTION, NAMED))}`, COLLECTION_NAME),
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
              'Codes are the database’s own (MongoDB’s numbers, DynamoDB’s exceptions). Look the code up; the collections dashboard tells where it comes from.',
            unit: 'ops',
            span: 12,
          },
          target(
            top(10, rateBy(F.operationErrors, ['cluster', 'outcome', 'db_response_status_code'])),
            '{{cluster}} {{outcome}} {{db_response_status_code}}',
          ),
        ),
        graph(
          {
            title: 'By collection',
            description:
              'Where operations fail. One collection alone is its application; all of them is the database or the way to it.',
            unit: 'ops',
            span: 12,
            leadsTo: COLLECTION_OR_TABLE,
          },
          target(top(10, rateBy(F.operationErrors, COLLECTION)), COLLECTION_NAME),
        ),
      ],
    },
    {
      title: 'Saturation',
      panels: [
        graph(
          {
            title: 'Connections',
            description:
              'Connections to the databases by cluster. Near its server’s limit, find the client with the large pool, or lower pool sizes.',
            unit: 'short',
          },
          target(sum(CLUSTER, series(F.clusterActive)), '{{cluster}}'),
        ),
        graph(
          {
            title: 'In progress',
            description:
              'Operations in flight, and connections being made. Connections that stay pending mean a database that does not accept.',
            unit: 'short',
          },
          target(sum(CLUSTER, series(F.operationsActive)), '{{cluster}} operations'),
          target(sum(CLUSTER, series(F.clusterPending)), '{{cluster}} connects'),
        ),
        graph(
          {
            title: 'Open circuit breakers',
            description:
              '1 while a limit of circuit_breakers is reached. Raise it if the database has room; else clients ask for too much.',
            unit: 'short',
          },
          target(max(['cluster', 'breaker'], series(F.breakerOpen)), '{{cluster}} {{breaker}}'),
        ),
        events(
          {
            title: 'Refused for want of room',
            description:
              'Connects and requests that a circuit breaker let not through. Each is an error that a client saw.',
            span: 12,
          },
          target(sum(CLUSTER, increase(series(F.connectionsOverflow))), '{{cluster}} connections'),
          target(sum(CLUSTER, increase(series(F.pendingOverflow))), '{{cluster}} pending'),
          target(sum(CLUSTER, increase(series(F.requestsOverflow))), '{{cluster}} requests'),
        ),
        events(
          {
            title: 'Refused by listeners',
            description:
              'Clients closed at once because max_connections of the listener stood. Raise it, or find who opens so many.',
            span: 12,
          },
          target(sum(['listener'], increase(series(F.downstreamOverflow))), '{{listener}}'),
        ),
      ],
    },
  ],
})
