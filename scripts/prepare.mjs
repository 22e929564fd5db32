// Makes a fresh clone ready: installs packages when they are missing or older than the lockfile, builds when dist is older than src.
// Needs Node and npm alone, so that `npm run demo` and `npm test` work as the first command.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

function newestMs(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs)
  }
  return newest
}

function run(command, args, complaint) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  console.error(`oplens: ${complaint}${error === undefined ? '' : ` (${error.message})`}; what went wrong stands above`)
  process.exit(1)
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`oplens needs Node 20.19 or later; this is ${process.version}`)
  process.exit(1)
}

const isInstalled =
  modifiedMs(join(root, 'node_modules/.package-lock.json')) >= modifiedMs(join(root, 'package-lock.json'))
if (!isInstalled) {
  console.error('oplens: installing packages (once) ...')
  const npm = process.env.npm_execpath
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []]
  run(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], 'packages could not be installed')
}

const builders = ['tsconfig.json', 'scripts/build.mjs', 'scripts/build-page.mjs'].map((file) =>
  modifiedMs(join(root, file)),
)
const sources = Math.max(newestMs(join(root, 'src')), ...builders)
if (modifiedMs(join(root, 'dist/cli/main.js')) < sources) {
  console.error('oplens: building ...')
  run(process.execPath, [join(root, 'scripts/build.mjs')], 'oplens could not be built')
}
