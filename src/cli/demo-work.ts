import type { WorkloadOptions, WorkloadRow } from './demo-backend.js'

type Run = (options: WorkloadOptions) => Promise<readonly WorkloadRow[]>

export interface WorkOptions {
  readonly seconds: number | undefined
  /** Each with its operations per second. */
  readonly runs: readonly (readonly [run: Run, rate: number])[]
}

/** The workloads while they run, and what came of them. */
export class Work {
  rows: readonly WorkloadRow[] = []
  /** Of the first that failed; the others are stopped then. */
  failure: string | undefined = undefined
  readonly #stop = new AbortController()
  readonly #ended = new AbortController()
  readonly #done: Promise<void>

  constructor({ seconds, runs }: WorkOptions) {
    // A signal for each: Node warns of a leak when all visitors of all workloads wait on one.
    const signal = () => AbortSignal.any([this.#stop.signal])
    this.#done = this.#run(runs.map(([run, rate]) => run({ seconds, rate, signal: signal() })))
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(works: readonly Promise<readonly WorkloadRow[]>[]): Promise<void> {
    const collect = async (work: Promise<readonly WorkloadRow[]>): Promise<void> => {
      try {
        const rows = await work
        this.rows = [...this.rows, ...rows]
      } catch (error) {
        this.failure ??= error instanceof Error ? error.message : String(error)
        this.#stop.abort()
      }
    }
    await Promise.all(works.map(collect))
    this.#ended.abort('finished')
  }
}
