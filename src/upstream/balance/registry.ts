import type { Random } from '../../core/clock.js'
import type { LoadBalancer } from '../../core/upstream.js'
import type { ClusterConfig } from '../config.js'
import { createLeastRequest } from './least-request.js'
import { createRandom } from './random.js'
import { createRoundRobin } from './round-robin.js'

const BALANCERS: Readonly<Record<ClusterConfig['load_balancer'], (random: Random) => LoadBalancer>> = {
  round_robin: createRoundRobin,
  least_request: createLeastRequest,
  random: createRandom,
}

export function createLoadBalancer(type: ClusterConfig['load_balancer'], random: Random): LoadBalancer {
  return BALANCERS[type](random)
}
