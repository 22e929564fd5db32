#!/usr/bin/env node
// The command. In a clone it first installs and builds what is missing, so that `npx oplens` and `npm run demo` work at once; the
// published package has dist/ and no scripts/. One process from here on: signals reach the proxy itself, not a shell before it.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const prepare = new URL('../scripts/prepare.mjs', import.meta.url)
if (existsSync(prepare)) await import(prepare)

const main = new URL('../dist/cli/main.js', import.meta.url)
process.argv[1] = fileURLToPath(main)
await import(main)
