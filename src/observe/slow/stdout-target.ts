import { fstat, write } from 'node:fs'
import type { Writable } from 'node:stream'
import { promisify } from 'node:util'
import type { LineTarget } from './line-queue.js'

const STDOUT = 1
const writeTo = promisify(write)
const statOf = promisify(fstat)

/** Standard output. A stream to a file would wait for the disk in each write, so that is written to as files are. */
export async function stdoutTarget(stream: Writable): Promise<LineTarget> {
  const stats = await statOf(STDOUT).catch(() => undefined)
  return stats?.isFile() === true ? new DescriptorTarget() : new StreamTarget(stream)
}

/** What can be waited for: a pipe, a socket, a terminal. One write at a time, so that the stream itself holds no more than that. */
export class StreamTarget implements LineTarget {
  readonly name = 'stdout'
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream
  }

  write(lines: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(lines, (error) => (error ? reject(error) : resolve()))
    })
  }

  async reopen(): Promise<void> {
    // There is nothing to open.
  }

  async close(): Promise<void> {
    // It is the process's own.
  }
}

class DescriptorTarget implements LineTarget {
  readonly name = 'stdout'
  #isTorn = false

  async write(lines: Buffer): Promise<void> {
    const bytes = this.#isTorn ? Buffer.concat([Buffer.from('\n'), lines]) : lines
    this.#isTorn = true
    for (let at = 0; at < bytes.length; ) at += (await writeTo(STDOUT, bytes, at, bytes.length - at, null)).bytesWritten
    this.#isTorn = false
  }

  async reopen(): Promise<void> {
    // Whoever started the process opened it.
  }

  async close(): Promise<void> {
    // It is the process's own.
  }
}
