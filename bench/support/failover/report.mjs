// From single elections to the table that people read.
import { markdownTable, spread, withSpread } from '../numbers.mjs'

const TIMES = ['firstWriteMs', 'lastLeftMs', 'driverFirstWriteMs', 'monitorsLeftMs', 'longestWaitMs']

/** One entry for each target and kind of election. */
export function summarizeElections(elections) {
  const groups = new Map()
  for (const one of elections) {
    const key = `${one.kind} ${one.target}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].map((group) => ({
    target: group[0].target,
    kind: group[0].kind,
    elections: group.length,
    ...Object.fromEntries(TIMES.map((name) => [name, spread(group.map((one) => one[name]))])),
    refused: spread(group.map(({ refused }) => refused)),
    attemptsFailed: spread(group.map(({ attemptsFailed }) => attemptsFailed)),
    failed: spread(group.map(({ failed }) => failed.length)),
    failedInAll: group.reduce((sum, { failed }) => sum + failed.length, 0),
    cutInAll: group.reduce((sum, { cut }) => sum + cut, 0),
    lostInAll: group.reduce((sum, { lost }) => sum + lost, 0),
    reasons: [...new Set(group.flatMap(({ failed }) => failed.map(({ reason }) => reason)))],
  }))
}

export function failoverTable(summary) {
  const head = [
    'target',
    'first write ms',
    'old primary left ms',
    'driver: first write ms',
    'driver: monitors left ms',
    'driver: longest wait ms',
    'driver: operations failed',
    'acknowledged and lost',
    'plain: writes refused',
  ]
  const rows = summary.map((one) => [
    one.target,
    ...TIMES.map((name) => withSpread(one[name], 0)),
    withSpread(one.failed, 0),
    `${one.lostInAll}`,
    withSpread(one.refused, 0),
  ])
  return markdownTable([head, ...rows])
}

/** Streaming: a write gets through this soon after the new primary says so. */
const GRANTED_MS = 100

/** The median of each kind against what was promised. */
export function verdict(summary) {
  const medianOf = (kind, target) =>
    summary.find((one) => one.kind === kind && one.target === target)?.firstWriteMs.median
  const kinds = [...new Set(summary.map(({ kind }) => kind))]
  return kinds
    .flatMap((kind) => {
      const [streaming, polling, envoy] = ['oplens, streaming', 'oplens, polling', 'envoy'].map((name) =>
        medianOf(kind, name),
      )
      const ofStreaming =
        streaming === undefined ? [] : [`${kind}, streaming: ${streaming.toFixed(0)} ms; granted: ${GRANTED_MS}`]
      if (polling === undefined || envoy === undefined) return ofStreaming
      return [...ofStreaming, `${kind}, polling: ${(polling / envoy).toFixed(2)} × Envoy; granted: 1.00`]
    })
    .join('\n')
}
