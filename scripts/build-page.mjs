// Bundles the live page from src/admin/web into dist/admin/web: one script, one style sheet, nothing loaded from elsewhere.
import { cpSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const from = `${root}/src/admin/web`
const to = `${root}/dist/admin/web`

export async function buildPage() {
  mkdirSync(to, { recursive: true })
  await build({
    entryPoints: { page: `${from}/page.tsx`, style: `${from}/style.css` },
    outdir: to,
    bundle: true,
    minify: true,
    format: 'esm',
    // Every browser of 2024 and later.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    tsconfig: `${from}/tsconfig.json`,
    legalComments: 'none',
    // The licences ask that their notices go along.
    banner: { js: '/* Contains Preact (MIT, Jason Miller) and uPlot (MIT, Leon Sorokin); see NOTICE. */' },
    logLevel: 'warning',
  })
  for (const file of ['index.html', 'favicon.svg']) cpSync(`${from}/${file}`, `${to}/${file}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage()
