// Writes dashboards/*.json from dashboards/source.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const bundle = `${root}.cache/dashboards.mjs`

mkdirSync(`${root}.cache`, { recursive: true })
await build({
  entryPoints: [`${root}dashboards/source/index.ts`],
  outfile: bundle,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  logLevel: 'warning',
})
const { DASHBOARDS, fileOf } = await import(pathToFileURL(bundle).href)
for (const dashboard of DASHBOARDS) {
  const { name, text } = fileOf(dashboard)
  writeFileSync(`${root}dashboards/${name}`, text)
  console.log(`dashboards/${name}`)
}
