import type { Clock } from '../../core/clock.js'
import { WatchedFiles } from '../../core/watched-files.js'
import type { FileConfig } from '../config.js'
import type { Discovery, DiscoveryEvents } from './discovery.js'
import { parseHosts } from './hosts-config.js'

interface FileDeps {
  readonly clock: Clock
  /** Text as plain data. Throws with the reason when it is none. */
  readonly parseText: (text: string) => unknown
}

const MAX_BYTES = 1_048_576

/**
 * The hosts that a file lists, read again when it changes, and used whole or not at all. Replacing it by a rename is seen
 * whole; a file that is caught half written is refused, and read again with its next change. One that is missing may come later.
 */
export class FileDiscovery implements Discovery {
  readonly #path: string
  readonly #deps: FileDeps
  #files: WatchedFiles | undefined

  constructor(config: FileConfig, deps: FileDeps) {
    this.#path = config.path
    this.#deps = deps
  }

  start(events: DiscoveryEvents): void {
    this.#files = new WatchedFiles([this.#path], this.#deps.clock, {
      changed: ([content = Buffer.alloc(0)]) => {
        const hosts = this.#read(content)
        events.found(hosts.map((host) => ({ ...host, hostname: '' })))
      },
      failed: (error) => {
        const reason = error instanceof Error ? error.message : String(error)
        events.failed(`${this.#path}: ${reason}`)
      },
    })
    this.#files.watch()
  }

  close(): void {
    this.#files?.close()
  }

  #read(content: Buffer) {
    if (content.length > MAX_BYTES) throw new Error(`it has ${content.length} bytes, at most ${MAX_BYTES} are read`)
    return parseHosts(this.#deps.parseText(new TextDecoder('utf-8', { fatal: true }).decode(content)))
  }
}
