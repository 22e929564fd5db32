// Reads a .cpuprofile of V8: where the processor's time went, by function.
// Also a program: node bench/support/profile.mjs FILE.cpuprofile [rows]
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { markdownTable } from './numbers.mjs'

/** Self time by function, of all samples that were not idle. @returns a table */
export function summarizeProfile(file, rows = 25) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'))
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const selfUs = new Map()
  let busyUs = 0
  samples.forEach((id, i) => {
    const name = names.get(id)
    if (name === '(idle)') return
    busyUs += timeDeltas[i]
    selfUs.set(name, (selfUs.get(name) ?? 0) + timeDeltas[i])
  })
  const top = [...selfUs].sort(([, a], [, b]) => b - a).slice(0, rows)
  const body = top.map(([name, us]) => [name, `${((us / busyUs) * 100).toFixed(1)} %`, (us / 1000).toFixed(0)])
  return markdownTable([['function', 'self', 'ms'], ...body])
}

function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || '(anonymous)'
  if (url === '') return name
  const short = url.replace(/^.*\/(?=(?:dist|bench|node_modules)\/)/, '')
  return `${name} ${short}:${lineNumber + 1}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(summarizeProfile(process.argv[2], Number(process.argv[3] ?? 40)))
}
