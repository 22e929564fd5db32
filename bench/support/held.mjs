// Preloaded into a proxy (node --expose-gc --import) to learn what it holds: collects all garbage again and again and
// appends `<milliseconds since the epoch> <bytes that are left>` to the file named by BENCH_HELD_FILE.
import { appendFileSync } from 'node:fs'

const file = process.env.BENCH_HELD_FILE
// A full collection takes a few milliseconds itself.
const REST_MS = 10

function sample() {
  globalThis.gc()
  // `external` has the bytes of all Buffers in it, those that wait in a socket's write queue too.
  const { heapUsed, external } = process.memoryUsage()
  appendFileSync(file, `${Date.now()} ${heapUsed + external}\n`)
  setTimeout(sample, REST_MS).unref()
}

setTimeout(sample, REST_MS).unref()
