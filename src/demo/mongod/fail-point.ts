import type { Document } from 'bson'
import { CommandError } from './errors.js'

/** What a matching fail point makes of one command. */
export interface Failure {
  readonly blockMs: number
  readonly closesConnection: boolean
  /** Answered instead of running the command. */
  readonly errorCode: number | undefined
  readonly errorLabels: readonly string[] | undefined
  /** Added to the reply of the command, which runs. */
  readonly writeConcernError: Document | undefined
}

interface Armed {
  readonly commands: ReadonlySet<string>
  readonly application: string | undefined
  readonly namespace: string | undefined
  readonly failure: Failure
  remaining: number
  toSkip: number
}

/** `configureFailPoint: "failCommand"` as drivers' test suites use it. One per server; off until armed. */
export class FailPoint {
  #armed: Armed | undefined
  #timesEntered = 0

  /** @returns how often the point was entered so far. @throws CommandError BadValue */
  configure(body: Document): number {
    if (body.configureFailPoint !== 'failCommand') {
      throw new CommandError(2, `Only the fail point failCommand exists here, not '${String(body.configureFailPoint)}'`)
    }
    this.#armed = body.mode === 'off' ? undefined : arm(body.mode, isDocument(body.data) ? body.data : {})
    return this.#timesEntered
  }

  /** The failure for this command, counted down; undefined when it is to run as usual. */
  enter(command: string, namespace: string, application: string): Failure | undefined {
    const armed = this.#armed
    if (armed === undefined || !armed.commands.has(command)) return undefined
    if (armed.application !== undefined && armed.application !== application) return undefined
    if (armed.namespace !== undefined && armed.namespace !== namespace) return undefined
    if (armed.toSkip > 0) {
      armed.toSkip--
      return undefined
    }
    armed.remaining--
    if (armed.remaining <= 0) this.#armed = undefined
    this.#timesEntered++
    return armed.failure
  }
}

const FIELDS = new Set([
  'failCommands',
  'errorCode',
  'errorLabels',
  'writeConcernError',
  'closeConnection',
  'blockConnection',
  'blockTimeMS',
  'appName',
  'namespace',
])

function arm(mode: unknown, data: Document): Armed {
  const unknown = Object.keys(data).find((field) => !FIELDS.has(field))
  if (unknown !== undefined) throw new CommandError(2, `failCommand does not know data.${unknown} here`)
  if (!Array.isArray(data.failCommands)) throw new CommandError(2, 'failCommand needs data.failCommands')
  if (data.blockConnection === true && !(data.blockTimeMS >= 0)) {
    throw new CommandError(2, 'blockConnection needs data.blockTimeMS')
  }
  const counts = modeCounts(mode)
  return {
    commands: new Set(data.failCommands.map(String)),
    application: typeof data.appName === 'string' ? data.appName : undefined,
    namespace: typeof data.namespace === 'string' ? data.namespace : undefined,
    failure: {
      blockMs: data.blockConnection === true ? Number(data.blockTimeMS) : 0,
      closesConnection: data.closeConnection === true,
      errorCode: data.errorCode === undefined ? undefined : Number(data.errorCode),
      errorLabels: Array.isArray(data.errorLabels) ? data.errorLabels.map(String) : undefined,
      writeConcernError: isDocument(data.writeConcernError) ? data.writeConcernError : undefined,
    },
    ...counts,
  }
}

function modeCounts(mode: unknown): { remaining: number; toSkip: number } {
  if (mode === 'alwaysOn') return { remaining: Number.POSITIVE_INFINITY, toSkip: 0 }
  if (isDocument(mode) && mode.times > 0) return { remaining: Number(mode.times), toSkip: 0 }
  if (isDocument(mode) && mode.skip >= 0) return { remaining: Number.POSITIVE_INFINITY, toSkip: Number(mode.skip) }
  throw new CommandError(2, 'mode must be "off", "alwaysOn", {times: n} or {skip: n}')
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
