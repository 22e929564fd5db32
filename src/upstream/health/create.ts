import type { Clock } from '../../core/clock.js'
import type { HealthQuestion } from '../../core/health.js'
import type { UpstreamTlsConfig } from '../config.js'
import type { TcpConnector } from '../tcp-connector.js'
import { type Check, dialWith } from './check.js'
import type { HealthChecksConfig } from './config.js'
import { createHttpCheck } from './http-check.js'
import { createProbeCheck } from './probe-check.js'
import { createTcpCheck } from './tcp-check.js'

export interface CheckParts {
  readonly connector: TcpConnector
  /** Undefined: none. */
  readonly tls: UpstreamTlsConfig | undefined
  readonly clock: Clock
  /** The protocol's. Undefined when no listener speaks one that has any: connecting has to do. */
  readonly question: HealthQuestion | undefined
}

export function createCheck(config: HealthChecksConfig, { connector, tls, clock, question }: CheckParts): Check {
  const dial = dialWith(connector)
  const scheme = { isTls: tls !== undefined, serverName: tls?.server_name }
  switch (config.kind) {
    case 'tcp':
      return createTcpCheck(dial)
    case 'http':
      return createHttpCheck({ ...config, ...scheme }, dial)
    case 'protocol':
      if (question === undefined) return createTcpCheck(dial)
      if (question.kind === 'probe') return createProbeCheck(question.probe, dial, clock, config.timeout)
      return createHttpCheck({ ...question, statuses: question.statuses.map(alone), ...scheme }, dial)
    default:
      return config satisfies never
  }
}

const alone = (status: number) => ({ first: status, last: status })
