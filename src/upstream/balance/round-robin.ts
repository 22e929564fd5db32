import type { Random } from '../../core/clock.js'
import type { Host, LoadBalancer, Picker, PickWant } from '../../core/upstream.js'

/**
 * Hosts in turn, as often as their weights say. Equal weights take the plain cursor; unequal ones the smooth weighted rule
 * (each round every host earns its weight, the richest is picked and pays the total), which spreads a heavy host's turns
 * between the others instead of bunching them. Starts at a random host, so that many proxies do not all begin with the first.
 */
export function createRoundRobin(random: Random): LoadBalancer {
  return {
    type: 'round_robin',
    build(usable) {
      const first = usable[0]?.weight
      const isEven = usable.every((host) => host.weight === first)
      return isEven ? new EvenPicker(usable, random) : new SmoothPicker(usable, random)
    },
  }
}

class EvenPicker implements Picker {
  readonly #hosts: readonly Host[]
  #next: number

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts
    this.#next = Math.floor(random() * hosts.length)
  }

  pick(want: PickWant): Host | undefined {
    const hosts = this.#hosts
    for (let tried = 0; tried < hosts.length; tried++) {
      const host = hosts[this.#next]
      this.#next = this.#next + 1 < hosts.length ? this.#next + 1 : 0
      if (host !== undefined && want.not?.has(host) !== true) return host
    }
    return undefined
  }
}

class SmoothPicker implements Picker {
  readonly #hosts: readonly Host[]
  readonly #credit: Float64Array

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts
    this.#credit = new Float64Array(hosts.length)
    const total = hosts.reduce((sum, host) => sum + host.weight, 0)
    for (let turns = Math.floor(random() * total); turns > 0; turns--) this.pick({})
  }

  pick(want: PickWant): Host | undefined {
    const hosts = this.#hosts
    const credit = this.#credit
    let total = 0
    let best = -1
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[i]
      if (host === undefined || want.not?.has(host) === true) continue
      credit[i] = (credit[i] ?? 0) + host.weight
      total += host.weight
      if (best < 0 || (credit[i] ?? 0) > (credit[best] ?? 0)) best = i
    }
    if (best < 0) return undefined
    credit[best] = (credit[best] ?? 0) - total
    return hosts[best]
  }
}
