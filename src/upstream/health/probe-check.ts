import type { Clock } from '../../core/clock.js'
import type { Probe } from '../../core/probe.js'
import { ProbeConnection } from '../topology/probe-connection.js'
import type { ProbeFailure } from '../topology/probe-failure.js'
import { type Check, type CheckFailure, cut, type DialHost, isFailure, refused, SUCCESS, timedOut } from './check.js'

/** The protocol's own question, on a new connection; whatever the host reports of itself, it works. */
export function createProbeCheck(probe: Probe, dial: DialHost, clock: Clock, timeoutMs: number): Check {
  return async (host, signal) => {
    const dialled = await dial(host, signal)
    if (isFailure(dialled)) return dialled
    const connection = new ProbeConnection(dialled, probe.open(), clock)
    const giveUp = () => connection.close()
    signal.addEventListener('abort', giveUp, { once: true })
    const answer = await connection.ask(0, timeoutMs)
    signal.removeEventListener('abort', giveUp)
    connection.close()
    return answer.kind === 'report' ? SUCCESS : checkFailure(answer.failure)
  }
}

function checkFailure({ kind, reason }: ProbeFailure): CheckFailure {
  switch (kind) {
    case 'protocol':
      return refused(reason)
    case 'no_answer':
    case 'connect_timeout':
      return timedOut(reason)
    case 'closed':
    case 'connect_failed':
    case 'unresolvable':
      return cut(reason)
    default:
      return kind satisfies never
  }
}
