import { type Exchange, OTHER } from '../core/exchange.js'
import { Counters, type Sample } from './counters.js'
import { FAMILIES } from './families.js'
import type { LabelGuard } from './labels.js'

const MIN_STATUS = 100
const MAX_STATUS = 599
/** The protocol whose commands are methods. */
export const HTTP = 'http'

/** Replies by listener, method and status. Listeners are the config's, methods the codec's; both are few. */
export class HttpResponses {
  readonly samples: Counters
  /** By listener and method, then at the status; what lies outside is at 0. */
  readonly #known = new Map<string, Map<string, (Sample | undefined)[]>>()

  constructor(guard: LabelGuard) {
    this.samples = new Counters(FAMILIES.httpResponses.labels, {
      onOverflow: () => guard.overflowed('http_response_status_code'),
    })
  }

  count({ connection, operation, status }: Exchange): void {
    // What other protocols call is sent by POST: DynamoDB's is recognised by it.
    const method = operation.protocol === HTTP ? operation.command : 'POST'
    const place = status >= MIN_STATUS && status <= MAX_STATUS ? status : 0
    const sample = this.#known.get(connection.listener)?.get(method)?.[place]
    if (sample !== undefined) sample.value++
    else this.#make(connection.listener, connection.cluster, method, place).value++
  }

  #make(listener: string, cluster: string, method: string, place: number): Sample {
    const byMethod = this.#known.get(listener) ?? new Map<string, (Sample | undefined)[]>()
    this.#known.set(listener, byMethod)
    const byStatus = byMethod.get(method) ?? new Array<Sample | undefined>(MAX_STATUS + 1).fill(undefined)
    byMethod.set(method, byStatus)
    const made = this.samples.with(listener, cluster, method, place === 0 ? OTHER : String(place))
    byStatus[place] = made
    return made
  }
}
