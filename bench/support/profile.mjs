// Reads a .cpuprofile of V8: where the processor's time went under load, by room of the source and by function.
// Also a program: node bench/support/profile.mjs FILE.cpuprofile [OPERATIONS]
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { markdownTable } from './numbers.mjs'

/**
 * Self time of all samples that were not idle, from the first byte written to a socket on: the start of the program is left out.
 * @param {number} operations that passed meanwhile, to tell microseconds of each
 */
export function summarizeProfile(file, operations, rows = 30) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'))
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const from = samples.findIndex((id) => frames.get(id)?.functionName === 'writeBuffer')
  const byFunction = new Map()
  const byRoom = new Map()
  let busyUs = 0
  for (let i = Math.max(from, 0); i < samples.length; i++) {
    const frame = frames.get(samples[i])
    if (frame === undefined || frame.functionName === '(idle)') continue
    busyUs += timeDeltas[i]
    add(byFunction, nameOf(frame), timeDeltas[i])
    add(byRoom, roomOf(frame), timeDeltas[i])
  }
  const table = (title, counts, most) => {
    const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, most)
    const cells = top.map(([name, us]) => [name, percent(us / busyUs), (us / operations).toFixed(2)])
    return markdownTable([[title, 'self', 'µs/operation'], ...cells])
  }
  return `${table('room', byRoom, 20)}\n\n${table('function', byFunction, rows)}`
}

const percent = (share) => `${(share * 100).toFixed(1)} %`
const add = (counts, key, us) => counts.set(key, (counts.get(key) ?? 0) + us)
const shorten = (url) => url.replace(/^.*\/(?=(?:dist|bench|node_modules)\/)/, '')

function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || '(anonymous)'
  return url === '' ? name : `${name} ${shorten(url)}:${lineNumber + 1}`
}

/** `writeBuffer` is write(2); `(program)` is the rest of libuv and the kernel: reading, epoll. */
function roomOf({ functionName, url }) {
  if (url === '') return functionName
  if (url.startsWith('node:')) return 'node:* (JavaScript inside Node)'
  return /^(dist\/(?:codecs\/)?[^/]+|bench|node_modules\/[^/]+)/.exec(shorten(url))?.[0] ?? url
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(summarizeProfile(process.argv[2], Number(process.argv[3] ?? 1)))
}
