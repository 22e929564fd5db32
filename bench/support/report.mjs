// From single loads to the tables that people read.
import { markdownTable, spread, withSpread } from './numbers.mjs'

const YARDSTICK = 'pipe'
const MIB = 2 ** 20

/** Medians per target and connection count. Ratios are taken inside each round, so that what slows all of a round cancels. */
export function summarize(loads) {
  const groups = Map.groupBy ? Map.groupBy(loads, keyOf) : groupBy(loads, keyOf)
  return [...groups.values()].map((group) => {
    const { target, connections, decoded } = group[0]
    const cpuUs = target === 'direct' ? null : spread(group.map(cpuPerOperation))
    return {
      target,
      connections,
      decoded,
      perSecond: spread(group.map(({ perSecond }) => perSecond)),
      p50Us: spread(group.map(({ p50Us }) => p50Us)),
      p99Us: spread(group.map(({ p99Us }) => p99Us)),
      cpuUs,
      // Of one core. Near 100 % the generator, and not the target, would be what is measured.
      generatorBusy: spread(group.map(({ ownCpuUs, seconds }) => ownCpuUs / (seconds * 1e6))),
      perSecondRatio: ratios(loads, group, ({ perSecond }) => perSecond),
      cpuRatio: cpuUs === null ? null : ratios(loads, group, cpuPerOperation),
    }
  })
}

const keyOf = ({ target, connections }) => `${target} ${connections}`
const cpuPerOperation = ({ watchedCpuUs, operations }) => watchedCpuUs / operations

/** Map.groupBy came with Node 21. */
function groupBy(values, key) {
  const groups = new Map()
  for (const value of values) {
    const group = groups.get(key(value))
    if (group === undefined) groups.set(key(value), [value])
    else group.push(value)
  }
  return groups
}

function ratios(loads, group, value) {
  const pairs = group.flatMap((one) => {
    const yardstick = loads.find(
      (other) => other.target === YARDSTICK && other.round === one.round && other.connections === one.connections,
    )
    return yardstick === undefined ? [] : [value(one) / value(yardstick)]
  })
  return pairs.length === 0 ? null : spread(pairs)
}

export function loadTable(loads) {
  const head = [
    'target',
    'operations/s',
    '× pipe',
    'p50 µs',
    'p99 µs',
    'CPU µs/operation',
    'CPU × pipe',
    'finds decoded',
    'generator busy',
  ]
  const rows = loads.map((load) => [
    load.target,
    withSpread(load.perSecond, 0),
    load.perSecondRatio === null ? '-' : load.perSecondRatio.median.toFixed(2),
    withSpread(load.p50Us, 0),
    withSpread(load.p99Us, 0),
    load.cpuUs === null ? '-' : withSpread(load.cpuUs),
    load.cpuRatio === null ? '-' : withSpread(load.cpuRatio, 2),
    load.decoded === null ? '-' : `${(load.decoded * 100).toFixed(0)} %`,
    `${(load.generatorBusy.median * 100).toFixed(0)} %`,
  ])
  return markdownTable([head, ...rows])
}

export function memoryTable(memory) {
  const yardstick = memory.find(({ target }) => target === YARDSTICK)
  const kib = ({ median, min, max }) => withSpread({ median: median / 1024, min: min / 1024, max: max / 1024 })
  const head = ['target', 'ready after ms', 'RSS at rest MiB', 'KiB per idle connection', '× pipe', 'KiB, second time']
  const rows = memory.map((one) => [
    one.target,
    withSpread(one.readyMs, 0),
    (one.restBytes.median / MIB).toFixed(1),
    kib(one.perConnectionBytes),
    yardstick === undefined ? '-' : (one.perConnectionBytes.median / yardstick.perConnectionBytes.median).toFixed(2),
    kib(one.perConnectionAgainBytes),
  ])
  return markdownTable([head, ...rows])
}
