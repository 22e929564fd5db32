import type { Host } from '../../core/upstream.js'

/**
 * One allowed host, each as likely as its weight says; undefined when none is left.
 * @param total the weights of all hosts
 * @param chance from [0, 1)
 */
export function drawWeighted(
  hosts: readonly Host[],
  total: number,
  chance: number,
  not: ReadonlySet<Host> | undefined,
  taken: Host | undefined,
): Host | undefined {
  let allowed = total
  if (taken !== undefined) allowed -= taken.weight
  if (not !== undefined) for (const host of not) if (hosts.includes(host)) allowed -= host.weight
  let left = chance * allowed
  let last: Host | undefined
  for (const host of hosts) {
    if (host === taken || not?.has(host) === true) continue
    last = host
    left -= host.weight
    if (left < 0) break
  }
  return last
}

export const totalWeight = (hosts: readonly Host[]): number => hosts.reduce((sum, host) => sum + host.weight, 0)
