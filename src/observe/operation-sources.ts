import type { CallCounter } from './call-counter.js'
import { RETRIES, SCANNED, THROTTLED_COUNT } from './call-series.js'
import type { Sample } from './counters.js'
import type { Exemplars } from './exemplars.js'
import type { Exposed } from './exposition.js'
import { FAMILIES } from './families.js'
import type { MetricsObserver } from './metrics-observer.js'
import {
  DOCUMENTS_RETURNED,
  DOCUMENTS_SENT,
  type OperationTable,
  REPLY_BYTES,
  REQUEST_BYTES,
  UNACKNOWLEDGED_COUNT,
} from './operation-table.js'
import type { TableUses } from './table-uses.js'

/** What the data path counted, by operation and by listener. */
export function* exposeOperations(
  table: OperationTable,
  metrics: MetricsObserver,
  exemplars: Exemplars | undefined,
): Generator<Exposed> {
  yield { kind: 'histogram', family: FAMILIES.operationDuration, series: table.durations, exemplars }
  yield { kind: 'histogram', family: FAMILIES.awaitedDuration, series: table.awaited, exemplars }
  const plain = [
    [FAMILIES.requestBytes, REQUEST_BYTES],
    [FAMILIES.replyBytes, REPLY_BYTES],
    [FAMILIES.documentsReturned, DOCUMENTS_RETURNED],
    [FAMILIES.documentsSent, DOCUMENTS_SENT],
    [FAMILIES.unacknowledged, UNACKNOWLEDGED_COUNT],
  ] as const
  for (const [family, place] of plain) yield { kind: 'samples', family, samples: plainSamples(table, place) }
  yield { kind: 'samples', family: FAMILIES.operationErrors, samples: table.errors }
  const gauge = (value: (a: MetricsObserver['active'][number]) => number): Sample[] =>
    metrics.active.map((a) => ({ labels: a.labels, value: value(a) }))
  yield { kind: 'samples', family: FAMILIES.operationsActive, samples: gauge((a) => a.operations) }
  yield { kind: 'samples', family: FAMILIES.awaitedActive, samples: gauge((a) => a.awaited) }
  yield { kind: 'samples', family: FAMILIES.messages, samples: metrics.messages }
  yield { kind: 'samples', family: FAMILIES.decodeErrors, samples: metrics.decodeErrors }
  yield { kind: 'samples', family: FAMILIES.decodingLost, samples: metrics.lost }
  yield { kind: 'samples', family: FAMILIES.downstreamClosed, samples: metrics.closed }
  yield { kind: 'samples', family: FAMILIES.helloRewrites, samples: metrics.rewrites }
}

/** What protocols inside HTTP tell besides. */
export function* exposeCalls(
  table: OperationTable,
  tables: TableUses,
  { responses }: CallCounter,
  exemplars: Exemplars | undefined,
): Generator<Exposed> {
  yield { kind: 'histogram', family: FAMILIES.httpDuration, series: table.http, exemplars }
  yield { kind: 'samples', family: FAMILIES.httpResponses, samples: responses.samples }
  const calls = [
    [FAMILIES.retries, RETRIES],
    [FAMILIES.throttled, THROTTLED_COUNT],
    [FAMILIES.scannedItems, SCANNED],
  ] as const
  for (const [family, place] of calls) yield { kind: 'samples', family, samples: callSamples(table, place) }
  yield { kind: 'samples', family: FAMILIES.tableOperations, samples: tables.operations }
  yield { kind: 'samples', family: FAMILIES.consumedCapacity, samples: tables.capacity }
  yield { kind: 'samples', family: FAMILIES.unprocessedItems, samples: tables.unprocessed }
}

function* callSamples(table: OperationTable, place: number): Generator<Sample> {
  for (const { labels, calls } of table.all) {
    const value = calls?.row.values[calls.row.base + place] ?? 0
    if (value !== 0) yield { labels, value }
  }
}

/** Zeros are left out: a find sends no documents, an insert returns none, and each series costs the scraper. */
function* plainSamples(table: OperationTable, place: number): Generator<Sample> {
  for (const { labels, plain, isHttp } of table.all) {
    if (isHttp) continue
    const value = plain.values[plain.base + place] as number
    if (value !== 0) yield { labels, value }
  }
}
