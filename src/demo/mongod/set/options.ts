import type { Document } from 'bson'
import type { DemoServerOptions } from '../server.js'
import type { SeenCommands } from '../tally.js'
import type { Role } from './set-node.js'

export interface DemoMemberOptions {
  /** What hello calls it, as it is: any case, any form, whether or not it resolves. Default: its address. */
  readonly name?: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free one, kept over restarts. */
  readonly port?: number
  /** Default 1; 0 for a passive or hidden member and an arbiter. */
  readonly priority?: number
  readonly tags?: Readonly<Record<string, string>>
  readonly hidden?: boolean
  /** The same as priority 0. */
  readonly passive?: boolean
  readonly arbiter?: boolean
}

export interface DemoSetOptions extends Omit<DemoServerOptions, 'host' | 'port'> {
  /** Default: three, named after their addresses. The one with the highest priority, or the first of them, is primary. */
  readonly members?: readonly DemoMemberOptions[]
  /** Default `rs0`. */
  readonly setName?: string
}

export interface DemoMember {
  readonly name: string
  readonly address: { readonly host: string; readonly port: number }
  /** `mongodb://host:port/?directConnection=true` */
  readonly uri: string
  readonly role: Role
  /** Open now. */
  readonly connections: number
  /** Answered by this member since the set began, by the name that the client used. */
  commandsSeen(): Readonly<Record<string, number>>
  operationsSeen(): readonly SeenCommands[]
  /** As a crash: connections are cut without a word, new ones refused, and a primary is none any more. */
  close(): Promise<void>
  /** Again on the same port, as a new process and no primary. */
  start(): Promise<void>
}

/** Names in all parts are those before the change; one that is renamed keeps everything else. */
export interface Reconfiguration {
  readonly add?: readonly DemoMemberOptions[]
  /** They run on, as members that have no valid configuration, until they are closed. */
  readonly remove?: readonly string[]
  readonly rename?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly priority?: Readonly<Record<string, number>>
  readonly hidden?: Readonly<Record<string, boolean>>
}

export interface DemoSet {
  /** Of the newest configuration, in its order. */
  readonly members: readonly DemoMember[]
  /** Elected last; undefined when nobody is. */
  readonly primary: DemoMember | undefined
  /** All addresses with `replicaSet=`: of use to a driver when members are named after their addresses. */
  readonly uri: string
  /** @throws Error for a name that the set does not have */
  member(name: string): DemoMember
  /** The primary that it hears of it steps down; one beyond a split does not. @throws Error when it can't win */
  elect(name: string): void
  /** No primary from now on, until one is elected. @throws Error when there is none */
  stepDown(options?: { readonly closeConnections?: boolean }): Promise<void>
  /** Members not named are one more group. Clients reach them all, but they hear only their own group. */
  split(groups: readonly (readonly string[])[]): void
  /** Of two primaries the one elected last stays. */
  heal(): void
  /** @throws Error when there is no primary, or it would not stay in the set, or a name is unknown or taken */
  reconfig(change: Reconfiguration): Promise<void>
  /** Its address leads to another member now, or to a stranger: a name that the set does not have. Its own name ends that. */
  setIdentity(name: string, otherName: string): void
  /** Hello replies of one member as a test wants them; undefined ends that. */
  setHello(name: string, edit: ((reply: Document) => Document) | undefined): void
  /** Hello's lastWrite of this member is so far behind the set's newest write. The data is not. */
  lastWriteAgeMs(name: string, ms: number): void
  close(): Promise<void>
}
