import type { Exchange, Operation } from '../../core/exchange.js'
import { namespaceMatcher } from '../../core/namespace-pattern.js'
import type { SlowLogConfig } from '../config.js'

/** Thresholds remembered by operation; beyond it they are found anew. */
const MAX_CACHED = 20_000

interface Rule {
  readonly thresholdMs: number
  fits(operation: Operation): boolean
}

/** When an operation is slow: asked for each one, so that a threshold is found once for each operation's identity. */
export class SlowRules {
  readonly #rules: readonly Rule[]
  readonly #defaultMs: number
  readonly #cache = new Map<Operation, number>()

  constructor({ enabled, threshold, rules }: Pick<SlowLogConfig, 'enabled' | 'threshold' | 'rules'>) {
    this.#defaultMs = enabled ? threshold : Number.POSITIVE_INFINITY
    this.#rules = enabled ? rules.map(toRule) : []
  }

  /** Awaited operations are never slow, and neither are those that nobody waited for an answer of. */
  isSlow(exchange: Exchange): boolean {
    if (exchange.isAwaited || exchange.outcome?.kind === 'unacknowledged') return false
    return exchange.durationMs >= this.thresholdMs(exchange.operation)
  }

  /** Infinity where nothing is slow. */
  thresholdMs(operation: Operation): number {
    if (this.#rules.length === 0) return this.#defaultMs
    return this.#cache.get(operation) ?? this.#find(operation)
  }

  #find(operation: Operation): number {
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear()
    const found = this.#rules.find((rule) => rule.fits(operation))?.thresholdMs ?? this.#defaultMs
    this.#cache.set(operation, found)
    return found
  }
}

function toRule({ namespaces, commands, threshold }: SlowLogConfig['rules'][number]): Rule {
  const isNamed = namespaceMatcher(namespaces ?? ['*'])
  const names = commands === undefined ? undefined : new Set(commands.map((name) => name.toLowerCase()))
  return {
    thresholdMs: threshold,
    fits: ({ command, database, collection }) =>
      isNamed(database, collection) && (names === undefined || names.has(command.toLowerCase())),
  }
}
