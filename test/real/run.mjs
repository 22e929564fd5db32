// Tier 2: real drivers and a real server around the built oplens, then tier 1 again on Node 24.
//   node test/real/run.mjs [--prepare] [FILE…]
// Ends with `N passed, N failed, N skipped`. A tool that can't be had is a skip with its reason; with OPLENS_CI=1 it is a failure.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { installTools } from './install.mjs'
import { countTapFile, failuresOf } from './support/tap-counts.mjs'
import { CACHE, ROOT } from './support/tools.mjs'

const args = process.argv.slice(2)
const isStrict = process.env.OPLENS_CI === '1'
const TAP = createRequire(import.meta.url)
  .resolve('tap/package.json')
  .replace(/package\.json$/, 'dist/esm/run.mjs')

console.error('tier 2: installing what is missing into .cache/real ...')
const tools = await installTools()
for (const [name, { missing }] of Object.entries(tools)) {
  if (missing !== '') console.error(`\n*** MISSING ${name}: what needs it is SKIPPED: ${missing}\n`)
}
if (args.includes('--prepare')) process.exit(Object.values(tools).some(({ missing }) => missing !== '') ? 1 : 0)

const all = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.real.mjs'))
  .map((name) => `test/real/${name}`)
const chosen = args.filter((arg) => !arg.startsWith('--'))
const files = chosen.length === 0 ? all : all.filter((file) => chosen.some((part) => file.includes(part)))
if (files.length === 0) {
  console.error(`no file of test/real has ${chosen.join(' or ')} in its name; there are:\n${all.join('\n')}`)
  process.exit(2)
}
const total = { passed: 0, failed: 0, skipped: 0 }

const real = await runTap('tier 2', process.execPath, files)
if (real.files < files.length) fail(`${real.files} of ${files.length} files ran`)
if (chosen.length === 0) await tierOneOnNode24()

if (isStrict && total.skipped > 0) fail(`${total.skipped} skipped, and OPLENS_CI wants everything run`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)

function fail(why) {
  console.error(`tier 2: ${why}`)
  total.failed += 1
}

async function tierOneOnNode24() {
  if (tools.node24.missing !== '') {
    console.error(`*** SKIPPED tier 1 on Node 24: ${tools.node24.missing}`)
    total.skipped += 1
    return
  }
  await runTap('tier 1 on Node 24', tools.node24.path, [])
}

/** Runs tap with one Node's binary; without files, what .taprc includes. */
async function runTap(title, node, testFiles) {
  console.error(`\n${title}: ${testFiles.length === 0 ? 'all files' : `${testFiles.length} files`}`)
  const output = `${CACHE}tap/${title.replaceAll(/\W+/g, '-')}.tap`
  mkdirSync(`${CACHE}tap`, { recursive: true })
  rmSync(output, { force: true })
  // Reporters that redraw their lines would fill a log: there, only the failures are shown, from the TAP file.
  const reporter = process.stderr.isTTY ? 'terse' : 'silent'
  const options = ['--disable-coverage', `--reporter=${reporter}`, '--timeout=300', `--output-file=${output}`]
  const child = spawn(node, [TAP, ...options, ...testFiles], { cwd: ROOT, stdio: ['ignore', 2, 2] })
  const [code] = await once(child, 'close')
  if (code !== 0 && reporter === 'silent') console.error(failuresOf(output))
  const counts = countTapFile(output, code)
  for (const skip of counts.skips) console.error(`*** SKIPPED ${skip}`)
  console.error(`${title}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
  return counts
}
