import { pino } from 'pino'
import type { Logger } from '../core/logger.js'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export const LOG_FORMATS = ['json', 'text'] as const

export interface LogSettings {
  readonly level: (typeof LOG_LEVELS)[number]
  readonly format: (typeof LOG_FORMATS)[number]
}

export interface Log extends Logger {
  /** The last line of a process that has to end. */
  readonly fatal: Logger['error']
}

/** One line per event: JSON for collectors, or text for eyes. Written at once: the last line before an exit is the one that counts. */
export function createLog(settings: LogSettings, write: (line: string) => void): Log {
  const stream = { write: (line: string) => write(settings.format === 'json' ? line.trimEnd() : textLine(line)) }
  const options = {
    level: settings.level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
  }
  const logger = pino(options, stream)
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    fatal: (fields, message) => logger.fatal(fields, message),
  }
}

/** `12:00:01.250 warn  Sentence key=value`; values as JSON, so that none can forge a line. */
function textLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  const pairs = Object.entries(fields).map(([key, value]) => {
    const isBare = typeof value === 'string' && /^[\w.:/@[\]-]+$/.test(value)
    return ` ${key}=${isBare ? value : JSON.stringify(value)}`
  })
  const clock = String(time).slice(11, 23)
  return `${clock} ${String(level).padEnd(5)} ${String(msg)}${pairs.join('')}`
}
