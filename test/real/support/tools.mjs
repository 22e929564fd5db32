// Where the things are that tier 2 installs into .cache/ (test/real/install.mjs), and why one is missing.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const CACHE = `${ROOT}.cache/real/`
export const MANIFEST = `${CACHE}tools.json`

/**
 * @param {'python' | 'pymongo3' | 'botocore' | 'moto' | 'indexwright' | 'go' | 'goDynamodb' | 'java' | 'node24' | 'prometheus' | 'promtool' | 'wrk' | 'chromium'} name
 * @returns {{path: string, missing: string}} `missing` is the reason; '' when the tool is there
 */
export function tool(name) {
  if (!existsSync(MANIFEST)) return { path: '', missing: 'tier 2 is not installed; run npm run test:real' }
  const entry = JSON.parse(readFileSync(MANIFEST, 'utf8'))[name]
  if (entry === undefined) return { path: '', missing: `${name} is unknown to the installer` }
  return entry
}
