import type { Random } from '../../core/clock.js'
import { type Exchange, THROTTLED } from '../../core/exchange.js'
import type { OutcomeKind } from '../../core/outcome.js'
import type { SlowRules } from '../slow/slow-rules.js'
import type { TracingSettings } from './settings.js'
import { sampledByParent } from './trace-parent.js'

/** Why an operation has a span: its parent's decision, the draw, or what became of it. */
export type SampledBy = 'parent' | 'head' | 'slow' | 'failed'
export const SAMPLED_BY: readonly SampledBy[] = ['parent', 'head', 'slow', 'failed']

type SamplerSettings = Pick<TracingSettings, 'sample' | 'followParent' | 'keepSlow' | 'keepFailed'>

/** Of the commands that serve the connection and not the application, those that end its transactions. */
const TRACED_CONTROL: ReadonlySet<string> = new Set(['commitTransaction', 'abortTransaction'])

/** Decides at an operation's end whether it has a span. The answer no, which is the common one, costs no allocation. */
export class Sampler {
  readonly #settings: SamplerSettings
  readonly #slow: SlowRules
  readonly #random: Random
  /** 1 / ln(1 - sample) */
  readonly #scale: number
  /** Operations to pass by before the next one that is drawn. */
  #skip: number

  constructor(settings: SamplerSettings, slow: SlowRules, random: Random) {
    this.#settings = settings
    this.#slow = slow
    this.#random = random
    this.#scale = 1 / Math.log1p(-settings.sample)
    this.#skip = this.#drawSkip()
  }

  /** @returns '' when it has none */
  decide(exchange: Exchange): SampledBy | '' {
    const { kind, command } = exchange.operation
    if (kind === 'control' && !TRACED_CONTROL.has(command)) return ''
    const parent = this.#settings.followParent ? sampledByParent(exchange.traceParent) : 'no_parent'
    if (parent === 'yes') return 'parent'
    if (parent === 'no_parent' && !exchange.isAwaited && this.#draw()) return 'head'
    // What waits on purpose is never slow, and every client that leaves cuts it.
    if (exchange.isAwaited) return ''
    if (this.#settings.keepSlow && this.#slow.isSlow(exchange)) return 'slow'
    return this.#settings.keepFailed && isFailed(exchange) ? 'failed' : ''
  }

  /** How many are passed by is drawn once for each that is taken: a subtraction for all others. */
  #draw(): boolean {
    if (this.#skip > 0) {
      this.#skip--
      return false
    }
    this.#skip = this.#drawSkip()
    return true
  }

  /** Geometric: floor(ln(u) / ln(1 - p)) with u in (0, 1]. */
  #drawSkip(): number {
    const { sample } = this.#settings
    if (sample >= 1) return 0
    if (sample <= 0) return Number.POSITIVE_INFINITY
    return Math.floor(Math.log(1 - this.#random()) * this.#scale)
  }
}

/** Of `unknown` the reply could not be read, which says nothing of what it was. */
const FAILED: Readonly<Record<OutcomeKind, boolean>> = {
  ok: false,
  command_error: true,
  write_error: true,
  write_concern_error: true,
  refused: true,
  unacknowledged: false,
  unknown: false,
  aborted: true,
}

export function isFailed({ outcome }: Exchange): boolean {
  return outcome !== undefined && FAILED[outcome.kind]
}

/** Databases throttle by the thousand, and clients try again: spans of that leave room for others. */
export function isThrottled({ errorLabels }: Exchange): boolean {
  return errorLabels[0] === THROTTLED
}
