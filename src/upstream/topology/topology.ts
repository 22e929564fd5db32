import type { Epoch, MemberReport, Probe } from '../../core/probe.js'
import {
  type TopologyEvent,
  type TopologyKind,
  type TopologyMember,
  type TopologySnapshot,
  TopologyStats,
} from '../../core/topology.js'
import { isListable, quoteName } from './member-name.js'
import { freshestOf, MemberRecord } from './member-record.js'
import { isSameTopology, topologyEvents } from './snapshot.js'

/** As many as a replica set can have. */
const MAX_MEMBERS = 50
/** After so long without any member, the configured names are asked again beside the set's own: it may have been given new ones. */
const SEEDS_AGAIN_AFTER_MS = 30_000
const NO_EVENTS: readonly TopologyEvent[] = Object.freeze([])
/** One text for both ways to find out, so that the order of reports leaves no trace. */
const REPLACED = 'a later election replaced it as primary'

export interface TopologyOptions {
  /** Normalised as the probe's names are: lower case, with port. None when they come later, by `seeded`. */
  readonly seeds: readonly string[]
  /** Members of any other set are not used; '' takes the first name that is heard. */
  readonly setName: string
  readonly order: Pick<Probe, 'compareEpochs' | 'isOutdated'>
}

/**
 * What a set of members is, worked out from what each says of itself. Pure: fed with reports and failures, it answers with the
 * changes that follow. (Server Discovery and Monitoring, "TopologyType table" and "updateRSFromPrimary"; on purpose otherwise: a
 * member of another set or under a wrong name stays listed, with the reason, instead of vanishing, and a primary's own name for
 * itself is compared as well.)
 */
export class Topology {
  readonly stats = new TopologyStats()
  readonly #options: TopologyOptions
  #seeds: readonly string[]
  readonly #members = new Map<string, MemberRecord>()
  #kind: TopologyKind
  #setName: string
  /** The highest of a primary that was believed; never forgotten, or an isolated old primary could come back. */
  #maxEpoch: Epoch | undefined
  #lastPrimary = ''
  /** The member list that a primary gave last, as one text; '' before the first. */
  #lastList = ''
  #noneUpSinceMs: number | undefined
  #snapshot: TopologySnapshot

  constructor(options: TopologyOptions) {
    this.#options = options
    this.#setName = options.setName
    this.#kind = options.setName === '' ? 'unknown' : 'replica_set'
    this.#seeds = options.seeds.map(normalizeSeed)
    this.#addSeeds()
    this.#snapshot = this.#build(0)
  }

  get snapshot(): TopologySnapshot {
    return this.#snapshot
  }

  /**
   * The configured names, found out since. Of routers, and while nobody knows what this is, they are the members; a set keeps to its
   * own list, once it has one. (Polling SRV Records for mongos Discovery, "Implementation".)
   * @param setName the set they must be members of, where the config names none; '' for none
   */
  seeded(seeds: readonly string[], setName: string): readonly TopologyEvent[] {
    this.#seeds = seeds.map(normalizeSeed)
    const areMembers = this.#kind === 'unknown' || this.#kind === 'routers'
    if (this.#setName === '' && setName !== '' && this.#kind === 'unknown') {
      this.#setName = setName
      this.#kind = 'replica_set'
    }
    const names = new Set(this.#seeds)
    if (areMembers) for (const name of this.#members.keys()) if (!names.has(name)) this.#members.delete(name)
    if (areMembers || this.#members.size === 0) this.#addSeeds()
    return this.#publish()
  }

  /** @param name whom the probe was sent to. A report about nobody that is (still) a member changes nothing. */
  reported(name: string, report: MemberReport, nowMs: number): readonly TopologyEvent[] {
    const member = this.#members.get(name)
    if (member === undefined) return NO_EVENTS
    if (member.last !== undefined && this.#options.order.isOutdated(report, member.last)) {
      this.stats.outdatedReports++
      return NO_EVENTS
    }
    member.heard(report, nowMs)
    this.#judge(member, report)
    this.#considerSeeds(nowMs)
    return this.#publish()
  }

  /** @param reason the same words for the same cause: a changed reason is a changed snapshot */
  failed(name: string, reason: string, nowMs: number): readonly TopologyEvent[] {
    const member = this.#members.get(name)
    if (member === undefined) return NO_EVENTS
    this.stats.probeFailures++
    member.lost(reason)
    this.#considerSeeds(nowMs)
    return this.#publish()
  }

  /** A client's connection to the member met another node: like a failed probe, but nobody's silence. */
  mistaken(name: string, me: string, nowMs: number): readonly TopologyEvent[] {
    const member = this.#members.get(name)
    if (member === undefined) return NO_EVENTS
    this.stats.identityMismatches++
    member.lost(`it calls itself ${quoteName(me)}`)
    this.#considerSeeds(nowMs)
    return this.#publish()
  }

  /** @param rttMs smoothed already */
  measured(name: string, rttMs: number): void {
    const member = this.#members.get(name)
    if (member === undefined) return
    member.rttMs = rttMs
    this.#publish()
  }

  #judge(member: MemberRecord, report: MemberReport): void {
    const { role, setName } = report
    const isLoner = role === 'standalone' || role === 'router'
    const refusal = isLoner ? this.#whyNotLoner(role) : this.#whyNotOfSet(setName)
    if (refusal !== '') {
      member.unusable(refusal)
    } else if (isLoner) {
      this.#kind = role === 'router' ? 'routers' : 'standalone'
      member.isSeed = false
      member.up(role)
    } else {
      this.#kind = 'replica_set'
      this.#setName = setName
      if (role === 'primary') this.#judgePrimary(member, report)
      else this.#judgeFollower(member, report)
    }
  }

  /** '' when a member of that set has a place here. A server that was alone may be made into a set; of several, what was first stays. */
  #whyNotOfSet(setName: string): string {
    if (setName === '') return 'it is in no replica set'
    const mayBeSet = this.#kind === 'unknown' || this.#kind === 'replica_set' || this.#members.size === 1
    const isOurs = this.#setName === '' ? isListable(setName) : this.#setName === setName
    return mayBeSet && isOurs ? '' : `it is in replica set ${quoteName(setName)}`
  }

  /** '' when a server outside of any set has a place here. Several that know nothing of each other are not one database. */
  #whyNotLoner(role: 'standalone' | 'router'): string {
    const isAlone = this.#members.size === 1
    if (role === 'standalone') return isAlone && this.#kind !== 'replica_set' ? '' : 'it is a standalone server'
    const mayBeRouter = this.#kind === 'unknown' || this.#kind === 'routers' || (isAlone && this.#kind === 'standalone')
    return mayBeRouter ? '' : 'it is a router'
  }

  #judgePrimary(member: MemberRecord, report: MemberReport): void {
    if (this.#isReplaced(report.epoch)) {
      this.stats.stalePrimaryReports++
      if (this.#isWho(member, report)) member.up('other', REPLACED)
      return
    }
    this.#countElection(member, report)
    this.#maxEpoch = report.epoch
    for (const other of this.#members.values()) {
      // The same primary under its own name is no second one.
      const isSame = other === member || other.name === report.name
      if (other.role === 'primary' && !isSame) other.up('other', REPLACED)
    }
    this.#replaceList(report)
    // Its list holds whatever name it was reached by; its role only when that is its own name.
    if (!this.#members.has(member.name) || !this.#isWho(member, report)) return
    member.isSeed = false
    member.up('primary')
  }

  #judgeFollower(member: MemberRecord, report: MemberReport): void {
    // While a primary is known only that one lists members: a follower that is late would bring back who was removed.
    if (this.#primary() === '') {
      for (const peer of report.peers) this.#add(peer)
      // A hidden member is in nobody's list, its own included.
      if (member.isSeed) this.#add(report.name)
    }
    if (!this.#isWho(member, report)) return
    member.isSeed = false
    member.up(report.role)
  }

  /** False, and dealt with, when it is another member than it was taken for. */
  #isWho(member: MemberRecord, report: MemberReport): boolean {
    if (report.name === '' || report.name === member.name) return true
    if (member.isSeed && this.#members.has(report.name)) {
      // The config's name for a member that has its own, under which it is asked from now on.
      this.#members.delete(member.name)
      return false
    }
    if (!member.isSeed) this.stats.identityMismatches++
    member.unusable(`it calls itself ${quoteName(report.name)}`)
    return false
  }

  #isReplaced(epoch: Epoch | undefined): boolean {
    if (this.#maxEpoch === undefined) return false
    // One that tells no election, in a set that has had some: older software or an impostor. Drivers refuse it, too.
    return epoch === undefined || this.#options.order.compareEpochs(epoch, this.#maxEpoch) < 0
  }

  /** An epoch may grow by a reconfiguration alone: a primary that never went away was not elected, even under a new name. */
  #countElection(member: MemberRecord, report: MemberReport): void {
    const name = report.name === '' ? member.name : report.name
    if (this.#lastPrimary !== '' && member.role !== 'primary') {
      if (name !== this.#lastPrimary || this.#isLater(report.epoch)) this.stats.elections++
    }
    this.#lastPrimary = name
  }

  #isLater(epoch: Epoch | undefined): boolean {
    if (epoch === undefined || this.#maxEpoch === undefined) return false
    return this.#options.order.compareEpochs(epoch, this.#maxEpoch) > 0
  }

  /** The primary's word: who is missing from it is no member any more. */
  #replaceList(report: MemberReport): void {
    const names = new Set(report.peers.filter((name) => this.#isListable(name)))
    const listed = [...names].slice(0, MAX_MEMBERS)
    this.stats.namesRefused += names.size - listed.length
    if (listed.length === 0) return
    const arbiters = new Set(report.arbiters)
    const kept = new Set(listed)
    for (const name of this.#members.keys()) if (!kept.has(name)) this.#members.delete(name)
    for (const name of listed) this.#add(name)
    for (const member of this.#members.values()) member.isListedArbiter = arbiters.has(member.name)
    const list = listed.sort().join(' ')
    if (this.#lastList !== '' && this.#lastList !== list) this.stats.reconfigs++
    this.#lastList = list
  }

  /** Of a seed: the set names it. */
  #add(name: string): void {
    const known = this.#members.get(name)
    if (known !== undefined) {
      known.isSeed = false
      return
    }
    if (name === '' || !this.#isListable(name)) return
    if (this.#members.size >= MAX_MEMBERS) {
      this.stats.namesRefused++
      return
    }
    this.#members.set(name, new MemberRecord(name, false))
  }

  #isListable(name: string): boolean {
    if (isListable(name)) return true
    this.stats.namesRefused++
    return false
  }

  #considerSeeds(nowMs: number): void {
    for (const member of this.#members.values()) {
      if (!member.isUp) continue
      this.#noneUpSinceMs = undefined
      return
    }
    this.#noneUpSinceMs ??= nowMs
    if (nowMs - this.#noneUpSinceMs < SEEDS_AGAIN_AFTER_MS) return
    this.#noneUpSinceMs = nowMs
    this.#addSeeds()
  }

  #addSeeds(): void {
    for (const seed of this.#seeds) {
      if (!this.#members.has(seed) && this.#members.size < MAX_MEMBERS && this.#isListable(seed)) {
        this.#members.set(seed, new MemberRecord(seed, true))
      }
    }
  }

  #primary(): string {
    for (const { name, role } of this.#members.values()) if (role === 'primary' || role === 'standalone') return name
    return ''
  }

  #publish(): readonly TopologyEvent[] {
    const before = this.#snapshot
    const same = this.#build(before.version)
    if (isSameTopology(before, same)) {
      this.#snapshot = same
      return NO_EVENTS
    }
    this.#snapshot = this.#build(before.version + 1)
    return topologyEvents(before, this.#snapshot)
  }

  #build(version: number): TopologySnapshot {
    const freshest = freshestOf(this.#members.values())
    const members: TopologyMember[] = []
    for (const member of this.#members.values()) members.push(member.view(freshest))
    return Object.freeze({
      version,
      kind: this.#kind,
      setName: this.#setName,
      primary: this.#primary(),
      members: Object.freeze(members),
    })
  }
}

const normalizeSeed = (seed: string): string => (seed.startsWith('unix:') ? seed : seed.toLowerCase())
