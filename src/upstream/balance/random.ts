import type { Random } from '../../core/clock.js'
import type { Host, LoadBalancer, Picker, PickWant } from '../../core/upstream.js'
import { drawWeighted, totalWeight } from './weighted-draw.js'

/** Any host, as likely as its weight says: keeps no state, so many proxies can't fall into step. Evens out with many picks only. */
export function createRandom(random: Random): LoadBalancer {
  return { type: 'random', build: (usable) => new RandomPicker(usable, random) }
}

class RandomPicker implements Picker {
  readonly #hosts: readonly Host[]
  readonly #random: Random
  readonly #totalWeight: number
  readonly #isEven: boolean

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts
    this.#random = random
    this.#totalWeight = totalWeight(hosts)
    this.#isEven = hosts.every((host) => host.weight === hosts[0]?.weight)
  }

  pick(want: PickWant): Host | undefined {
    const hosts = this.#hosts
    if (this.#isEven && want.not === undefined) return hosts[Math.floor(this.#random() * hosts.length)]
    return drawWeighted(hosts, this.#totalWeight, this.#random(), want.not, undefined)
  }
}
