import type { DiagLogger } from '@opentelemetry/api'
import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'

const LOG_EVERY_MS = 60_000
const MAX_TEXT = 300

/** What OpenTelemetry says about itself, as lines of our log: warnings and errors, one a minute, with how many were left out. */
export function diagnostics(logger: Logger, clock: Clock): DiagLogger {
  let loggedAtMs = Number.NEGATIVE_INFINITY
  let leftOut = 0
  const say =
    (level: 'warn' | 'error') =>
    (text: string, ...more: unknown[]) => {
      const nowMs = clock.now()
      if (nowMs - loggedAtMs < LOG_EVERY_MS) {
        leftOut++
        return
      }
      loggedAtMs = nowMs
      // Anything but text and errors may be a span.
      const parts = [text, ...more].map((part) => (part instanceof Error ? part.message : part))
      const said = parts.filter((part) => typeof part === 'string').join(' ')
      logger[level]({ said: said.slice(0, MAX_TEXT), leftOut }, 'OpenTelemetry says something')
      leftOut = 0
    }
  const quiet = () => undefined
  return { verbose: quiet, debug: quiet, info: quiet, warn: say('warn'), error: say('error') }
}
