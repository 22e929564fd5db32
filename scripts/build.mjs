// Compiles src/ to dist/ and copies the admin page, which is plain HTML, CSS and JavaScript.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

rmSync(`${root}/dist`, { recursive: true, force: true })
execFileSync(process.execPath, [tsc, '-p', `${root}/tsconfig.json`], { stdio: 'inherit' })
cpSync(`${root}/src/admin/web`, `${root}/dist/admin/web`, {
  recursive: true,
  filter: (path) => !path.endsWith('tsconfig.json'),
})
chmodSync(`${root}/dist/cli/main.js`, 0o755)
