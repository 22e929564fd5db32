import type { Random } from '../../core/clock.js'
import type { Host, LoadBalancer, Picker, PickWant } from '../../core/upstream.js'
import { drawWeighted, totalWeight } from './weighted-draw.js'

/**
 * Two hosts at random, the less loaded one wins: near the best choice, without the herd that runs to the single least loaded
 * host. Load is operations in flight plus connections held, over the weight: connections alone miss a busy pool, operations
 * alone are all zero while a pool is being opened. What waits in a pool of ours weighs nothing. (Envoy's least_request on TCP counts connections only.)
 */
export function createLeastRequest(random: Random): LoadBalancer {
  return { type: 'least_request', build: (usable) => new TwoChoicePicker(usable, random) }
}

class TwoChoicePicker implements Picker {
  readonly #hosts: readonly Host[]
  readonly #random: Random
  readonly #totalWeight: number

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts
    this.#random = random
    this.#totalWeight = totalWeight(hosts)
  }

  pick(want: PickWant): Host | undefined {
    const one = this.#draw(want.not, undefined)
    if (one === undefined) return undefined
    const other = this.#draw(want.not, one)
    return other !== undefined && load(other) < load(one) ? other : one
  }

  #draw(not: ReadonlySet<Host> | undefined, taken: Host | undefined): Host | undefined {
    return drawWeighted(this.#hosts, this.#totalWeight, this.#random(), not, taken)
  }
}

function load(host: Host): number {
  const { operationsActive, connectionsActive, connectionsIdle } = host.stats
  return (operationsActive + connectionsActive - connectionsIdle + 1) / host.weight
}
