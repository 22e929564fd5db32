import type { Digests } from './digests/digests.js'
import type { Exposed } from './exposition.js'
import { FAMILIES } from './families.js'
import { formatLabels } from './label-text.js'
import type { SlowLog } from './slow/slow-log.js'

/** How full the table of shapes is. Its rows are for pages: a label with a shape in it would have no bound. */
export function* exposeDigests({ table, withoutShape }: Digests): Generator<Exposed> {
  const sample = (value: number) => [{ labels: '', value }]
  yield { kind: 'samples', family: FAMILIES.digestRows, samples: sample(table.rows.length) }
  yield { kind: 'samples', family: FAMILIES.digestEvictions, samples: sample(table.evictions) }
  yield { kind: 'samples', family: FAMILIES.digestShapeless, samples: sample(withoutShape) }
}

export function* exposeSlow({ counts, writer }: SlowLog): Generator<Exposed> {
  yield { kind: 'samples', family: FAMILIES.slowOperations, samples: counts.values() }
  yield { kind: 'samples', family: FAMILIES.slowLogLines, samples: [{ labels: '', value: writer.written }] }
  const dropped = Object.entries(writer.dropped).map(([reason, value]) => ({
    labels: formatLabels(FAMILIES.slowLogDropped.labels, [reason]),
    value,
  }))
  yield { kind: 'samples', family: FAMILIES.slowLogDropped, samples: dropped }
}
