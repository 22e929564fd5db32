// Fails when the coverage of the last tap run is below the floor.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FLOOR_PERCENT = 90
const root = fileURLToPath(new URL('..', import.meta.url))
const file = join(root, '.tap/report/coverage-summary.json')
const entry = createRequire(import.meta.url).resolve('tap')
const tap = join(dirname(entry), '../esm/run.mjs')

rmSync(file, { force: true })
// Its exit code says whether coverage is 100 %; the floor here is another one, and the file says whether it worked.
spawnSync(process.execPath, [tap, 'report', 'json-summary'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
if (!existsSync(file)) {
  console.error('There is no coverage to look at: run "npm test", which collects it')
  process.exit(1)
}
const summary = JSON.parse(readFileSync(file, 'utf8')).total
const figures = ['statements', 'functions', 'lines'].map((what) => [what, summary[what].pct])

console.log(
  `Coverage: ${figures.map(([what, percent]) => `${what} ${percent} %`).join(', ')} (floor ${FLOOR_PERCENT} %)`,
)
const low = figures.filter(([, percent]) => percent < FLOOR_PERCENT)
if (low.length > 0) {
  console.error(`Coverage is below its floor: ${low.map(([what]) => what).join(', ')}`)
  process.exit(1)
}
