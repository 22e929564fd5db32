type Write = (fields: Record<string, unknown>, message: string) => void

/** Object first, then a constant sentence (pino's shape): values are fields, so that lines can be searched. */
export interface Logger {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}

const drop: Write = () => undefined

export const silentLogger: Logger = { debug: drop, info: drop, warn: drop, error: drop }
