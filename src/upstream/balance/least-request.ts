import type { Random } from '../../core/clock.js'
import type { Host, LoadBalancer, Picker, PickWant } from '../../core/upstream.js'

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
    this.#totalWeight = hosts.reduce((sum, host) => sum + host.weight, 0)
  }

  pick(want: PickWant): Host | undefined {
    const one = this.#draw(want.not, undefined)
    if (one === undefined) return undefined
    const other = this.#draw(want.not, one)
    return other !== undefined && load(other) < load(one) ? other : one
  }

  /** One allowed host, each as likely as its weight says. */
  #draw(not: ReadonlySet<Host> | undefined, taken: Host | undefined): Host | undefined {
    let allowed = this.#totalWeight
    if (taken !== undefined) allowed -= taken.weight
    if (not !== undefined) for (const host of not) if (this.#hosts.includes(host)) allowed -= host.weight
    let left = this.#random() * allowed
    let last: Host | undefined
    for (const host of this.#hosts) {
      if (host === taken || not?.has(host) === true) continue
      last = host
      left -= host.weight
      if (left < 0) break
    }
    return last
  }
}

function load(host: Host): number {
  const { operationsActive, connectionsActive, connectionsIdle } = host.stats
  return (operationsActive + connectionsActive - connectionsIdle + 1) / host.weight
}
