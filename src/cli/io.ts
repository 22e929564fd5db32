/** What a command may touch of its process: an argument, so that tests run commands in their own process. */
export interface Io {
  /** Whole lines for whoever asked: results only. */
  out(text: string): void
  /** Whole lines about what went wrong. */
  err(text: string): void
  readonly environment: Readonly<Record<string, string | undefined>>
  /** SIGINT, SIGTERM and SIGHUP. Returns how to stop listening. */
  onSignal(listener: (signal: string) => void): () => void
  /** Errors that nobody caught. Returns how to stop listening. */
  onFault(listener: (error: unknown) => void): () => void
  /** From here on a reader of the output that leaves ends nothing: what runs is wanted for more than what it says. */
  outputMayClose(): void
  /** Ends the process without waiting for anything. */
  exitNow(code: number): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function processIo(): Io {
  let isOutputAll = true
  // Whoever reads our output may leave early (`oplens check FILE | head`): that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isOutputAll) process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
  return {
    outputMayClose: () => {
      isOutputAll = false
    },
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    environment: process.env,
    onSignal(listener) {
      for (const signal of SIGNALS) process.on(signal, listener)
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener)
      }
    },
    onFault(listener) {
      process.on('uncaughtException', listener)
      process.on('unhandledRejection', listener)
      return () => {
        process.off('uncaughtException', listener)
        process.off('unhandledRejection', listener)
      }
    },
    exitNow: (code) => process.exit(code),
  }
}
