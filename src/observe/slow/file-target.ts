import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { Logger } from '../../core/logger.js'
import type { LineTarget } from './line-queue.js'

/** What of the file system is used: an argument, so that tests have disks that are full, slow or stuck. */
export interface Files {
  open(path: string): Promise<Pick<FileHandle, 'appendFile' | 'stat' | 'close'>>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
}

/** Others may not read it: names of collections and fields are in it, and values where they are asked for. */
const MODE = 0o640

export const systemFiles: Files = {
  open: (path) => open(path, 'a', MODE),
  rename,
  remove: (path) => rm(path, { force: true }),
}

export interface FileTargetOptions {
  readonly path: string
  /** Bytes after which the file becomes `path.1`. */
  readonly maxSize: number
  /** How many renamed files are kept. */
  readonly keep: number
  readonly files: Files
  readonly logger: Logger
}

/** A file that lines are appended to, with its own rotation by size. */
export class FileTarget implements LineTarget {
  readonly name: string
  readonly #options: FileTargetOptions
  #handle: Awaited<ReturnType<Files['open']>> | undefined
  #size = 0
  #isRegular = true
  #isTorn = false

  constructor(options: FileTargetOptions) {
    this.name = options.path
    this.#options = options
  }

  async open(): Promise<void> {
    const handle = await this.#options.files.open(this.#options.path)
    try {
      const stats = await handle.stat()
      this.#size = stats.size
      // A pipe or a device has no size that says anything, and must not be renamed.
      this.#isRegular = stats.isFile()
    } catch (error) {
      await handle.close()
      throw error
    }
    this.#handle = handle
  }

  async write(lines: Buffer): Promise<void> {
    try {
      if (this.#handle === undefined) await this.open()
      if (this.#isRegular && this.#size > 0 && this.#size + lines.length > this.#options.maxSize) await this.#rotate()
      // A write that failed may have left half a line.
      const bytes = this.#isTorn && this.#size > 0 ? Buffer.concat([NEWLINE, lines]) : lines
      await this.#handle?.appendFile(bytes)
      this.#isTorn = false
      this.#size += bytes.length
    } catch (error) {
      this.#isTorn = true
      await this.#release()
      throw error
    }
  }

  async reopen(): Promise<void> {
    await this.#release()
    await this.open()
  }

  close(): Promise<void> {
    return this.#release()
  }

  /** Closes for good: one that fails to close was written to all the same, or the write failed before. */
  async #release(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch((error: unknown) => {
      this.#options.logger.debug({ err: error, target: this.name }, 'The slow log did not close cleanly')
    })
  }

  async #rotate(): Promise<void> {
    await this.#release()
    try {
      await this.#shift()
    } catch (error) {
      // Better a file that grows than none.
      const fields = { err: error, target: this.name }
      this.#options.logger.warn(fields, 'The slow log can not be rotated: its file grows on')
    }
    await this.open()
    // What could not be renamed is tried again when it has grown by as much once more.
    if (this.#size > 0) this.#size = 1
  }

  async #shift(): Promise<void> {
    const { path, keep, files } = this.#options
    if (keep === 0) return files.remove(path)
    for (let n = keep - 1; n >= 1; n--) await files.rename(`${path}.${n}`, `${path}.${n + 1}`).catch(unlessMissing)
    await files.rename(path, `${path}.1`)
  }
}

const NEWLINE = Buffer.from('\n')

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}
