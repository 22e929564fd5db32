import { CommandError } from '../errors.js'
import { type Command, type CommandRequest, isTrue, type Membership } from './command.js'

const replSetGetStatus: Command = {
  names: ['replSetGetStatus'],
  fields: ['initialSync'],
  adminOnly: true,
  run: (request) => ({ ...membershipOf(request).status(), ok: 1 }),
}

const replSetGetConfig: Command = {
  names: ['replSetGetConfig'],
  fields: ['commitmentStatus'],
  adminOnly: true,
  run: (request) => ({ ...membershipOf(request).config(), ok: 1 }),
}

/** Hands over to the member that is next by priority, at once: nothing is ever behind here. */
const replSetStepDown: Command = {
  names: ['replSetStepDown'],
  fields: ['force', 'secondaryCatchUpPeriodSecs'],
  adminOnly: true,
  run(request) {
    membershipOf(request).handOver(isTrue(request.body, 'force'))
    return { ok: 1 }
  },
}

/** @throws CommandError NoReplicationEnabled on a standalone */
function membershipOf({ server }: CommandRequest): Membership {
  if (server.membership === undefined) throw new CommandError(76, 'not running with --replSet')
  return server.membership
}

export const REPLICATION_COMMANDS: readonly Command[] = [replSetGetStatus, replSetGetConfig, replSetStepDown]
