import type { Document } from 'bson'

/** One row of the set's configuration, with all defaults filled in. */
export interface MemberConfig {
  /** `_id` in replSetGetConfig; never used again for another member. */
  readonly id: number
  /** As hello gives it, and as it is compared. */
  readonly name: string
  /** Zero: never a primary. */
  readonly priority: number
  readonly isHidden: boolean
  readonly isArbiter: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** Immutable: a reconfiguration makes another one with the next version. */
export interface SetConfig {
  readonly setName: string
  readonly version: number
  readonly members: readonly MemberConfig[]
}

export const memberOf = (config: SetConfig | undefined, id: number): MemberConfig | undefined =>
  config?.members.find((member) => member.id === id)

/** Of all members, up or not: what an election and a majority write concern need. Each member has one vote. */
export const majorityOf = ({ members }: SetConfig): number => Math.floor(members.length / 2) + 1

export const bearsData = ({ isArbiter }: MemberConfig): boolean => !isArbiter

/** The `config` of replSetGetConfig's reply. */
export function configDocument(config: SetConfig, term: number): Document {
  return {
    _id: config.setName,
    version: config.version,
    term,
    members: config.members.map((member) => ({
      _id: member.id,
      host: member.name,
      arbiterOnly: member.isArbiter,
      buildIndexes: true,
      hidden: member.isHidden,
      priority: member.priority,
      tags: member.tags,
      secondaryDelaySecs: 0,
      votes: 1,
    })),
    protocolVersion: 1,
    settings: { chainingAllowed: true, heartbeatIntervalMillis: 2_000, electionTimeoutMillis: 10_000 },
  }
}
