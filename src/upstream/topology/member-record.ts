import type { MemberReport } from '../../core/probe.js'
import type { TopologyMember, TopologyRole } from '../../core/topology.js'

const NO_TAGS: ReadonlyMap<string, string> = new Map()

/** The changing record of one member, inside a `Topology`. */
export class MemberRecord {
  readonly name: string
  isSeed: boolean
  role: TopologyRole = 'unknown'
  isUp = false
  reason = ''
  /** An arbiter by the primary's word, before it says so itself. */
  isListedArbiter = false
  rttMs: number | undefined
  /** The last report that counted; undefined again once the member is lost, for its next report is news then whatever it says. */
  last: MemberReport | undefined
  lastReportAtMs: number | undefined
  /** What it said last of itself outlives its going down, so that pages can still tell what is missing. */
  #isHidden = false
  #isArbiter = false
  #tags = NO_TAGS

  constructor(name: string, isSeed: boolean) {
    this.name = name
    this.isSeed = isSeed
  }

  heard(report: MemberReport, nowMs: number): void {
    this.last = report
    this.lastReportAtMs = nowMs
    this.#isHidden = report.isHidden
    this.#isArbiter = report.role === 'arbiter'
    this.#tags = report.tags
  }

  up(role: TopologyRole, reason = ''): void {
    this.isUp = true
    this.role = role
    this.reason = reason
  }

  /** It answers, but is not to be used. */
  unusable(reason: string): void {
    this.isUp = false
    this.role = 'unknown'
    this.reason = reason
  }

  lost(reason: string): void {
    this.unusable(reason)
    this.last = undefined
    this.rttMs = undefined
  }

  view(freshest: Freshness | undefined): TopologyMember {
    return Object.freeze({
      name: this.name,
      isSeed: this.isSeed,
      role: this.role,
      isUp: this.isUp,
      reason: this.reason,
      isHidden: this.#isHidden,
      isArbiter: this.isListedArbiter || this.#isArbiter,
      tags: this.#tags,
      rttMs: this.isUp ? this.rttMs : undefined,
      lagMs: this.#lagMs(freshest),
      lastReportAtMs: this.lastReportAtMs,
    })
  }

  /** How far its data reaches, when it holds data and says so. */
  get freshness(): Freshness | undefined {
    const holdsData = this.role === 'primary' || this.role === 'secondary'
    if (!holdsData || this.last === undefined || this.lastReportAtMs === undefined) return undefined
    return this.last.lastWriteWallMs > 0
      ? { lastWriteWallMs: this.last.lastWriteWallMs, atMs: this.lastReportAtMs }
      : undefined
  }

  /**
   * A lower bound: at most the age of a report too little, never too much. (Max Staleness' formula errs the other way, which
   * suits choosing a server; shown to people it would tell of ten seconds lag on a set where nobody writes.) Write times are
   * all by the primary's wall clock, so only their difference means something.
   */
  #lagMs(freshest: Freshness | undefined): number | undefined {
    const own = this.role === 'secondary' ? this.freshness : undefined
    if (own === undefined || freshest === undefined) return undefined
    const writtenSinceMs = Math.max(0, freshest.atMs - own.atMs)
    return Math.max(0, freshest.lastWriteWallMs - own.lastWriteWallMs - writtenSinceMs)
  }
}

export interface Freshness {
  readonly lastWriteWallMs: number
  /** When that was heard. */
  readonly atMs: number
}

/** Against whom lag is told: the primary, else the secondary whose data reaches furthest. */
export function freshestOf(members: Iterable<MemberRecord>): Freshness | undefined {
  let best: Freshness | undefined
  for (const member of members) {
    const { freshness } = member
    if (freshness === undefined) continue
    if (member.role === 'primary') return freshness
    if (best === undefined || freshness.lastWriteWallMs > best.lastWriteWallMs) best = freshness
  }
  return best
}
