// Where and of what a number was taken.
import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { ROOT } from './tools.mjs'

export const describeMachine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown processor',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  // More than the number of cores: something else ran, and times are worth less.
  loadAverage: loadavg()[0].toFixed(2),
})

export function describeTree() {
  const git = (...args) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const isDirty = git('status', '--porcelain', '--', 'src', 'bench').trim() !== ''
    return { commit: `${git('rev-parse', '--short', 'HEAD').trim()}${isDirty ? ' with changes' : ''}` }
  } catch {
    return { commit: 'no git' }
  }
}
