import type { ConnectionInfo } from '../core/connection.js'
import { OTHER } from '../core/exchange.js'
import type { Host, HostState } from '../core/upstream.js'
import { FAMILIES } from './families.js'
import { HISTOGRAM_WIDTH, type HistogramSeries } from './histogram.js'
import { formatLabels } from './label-text.js'
import type { LabelGuard } from './labels.js'
import { Pages } from './pages.js'

/** Hosts come and go with DNS and with the members of a set: what comes later is one host `__other__` of its cluster. */
const MAX_SERIES = 1_000
/** The cache is emptied past this, so that hosts that left are let go. */
const MAX_CACHED = 2_000

/** What a host's operations are counted in, as long as it keeps its role. */
interface Current {
  readonly host: Host | undefined
  role: HostState['role']
  series: HistogramSeries
}

/** Latency by the member that answered and the role that it had then. The hit path compares two pointers. */
export class MemberTable {
  readonly durations: HistogramSeries[] = []
  readonly #guard: LabelGuard
  readonly #byKey = new Map<string, HistogramSeries>()
  /** Indexes in `durations`, one for each role that the host had. */
  readonly #byHost = new Map<string, number[]>()
  readonly #current = new Map<Host, Current>()
  readonly #pages = new Pages(HISTOGRAM_WIDTH)
  #last: Current = { host: undefined, role: '', series: { values: new Float64Array(0), base: 0, labels: '' } }

  constructor(guard: LabelGuard) {
    this.#guard = guard
  }

  find(connection: ConnectionInfo, host: Host): HistogramSeries {
    const last = this.#last
    if (last.host === host && last.role === host.state.role) return last.series
    return this.#findCurrent(connection, host)
  }

  /** @returns undefined when nothing is known of it: its operations may be in `__other__` */
  seriesOf(cluster: string, host: string): readonly number[] | undefined {
    return this.#byHost.get(`${cluster}\0${host}`) ?? (this.durations.length < MAX_SERIES ? [] : undefined)
  }

  #findCurrent({ cluster }: ConnectionInfo, host: Host): HistogramSeries {
    const { role } = host.state
    let current = this.#current.get(host)
    if (current === undefined) {
      if (this.#current.size >= MAX_CACHED) this.#current.clear()
      current = { host, role, series: this.#resolve(cluster, host.name, role) }
      this.#current.set(host, current)
    } else if (current.role !== role) {
      current.series = this.#resolve(cluster, host.name, role)
      current.role = role
    }
    this.#last = current
    return current.series
  }

  #resolve(cluster: string, host: string, role: string): HistogramSeries {
    const known = this.#byKey.get(`${cluster}\0${host}\0${role}`)
    if (known !== undefined) return known
    if (host !== OTHER && this.durations.length >= MAX_SERIES) {
      this.#guard.overflowed('host')
      return this.#resolve(cluster, OTHER, role)
    }
    const labels = formatLabels(FAMILIES.upstreamDuration.labels, [cluster, host, role])
    const made = { ...this.#pages.allocate(), labels }
    this.#byKey.set(`${cluster}\0${host}\0${role}`, made)
    const indexes = this.#byHost.get(`${cluster}\0${host}`) ?? []
    indexes.push(this.durations.length)
    this.#byHost.set(`${cluster}\0${host}`, indexes)
    this.durations.push(made)
    return made
  }
}
