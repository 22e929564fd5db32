import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { configParts } from '../../src/cli/config-parts.js'
import type { Io } from '../../src/cli/io.js'
import { runCli } from '../../src/cli/program.js'
import { FAILURES } from '../../src/codecs/dynamodb/reasons.js'
import { FRAMING_REASONS, MESSAGE_REASONS, WITHHELD_REASONS } from '../../src/codecs/mongodb/reasons.js'
import { createConfigSchema } from '../../src/config/config.js'
import { loadConfig } from '../../src/config/load.js'
import { HTTP_REASONS } from '../../src/proxy/http/reasons.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const filesOf = (folder: string, end: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name))
const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesOf('docs', '.md')]

/** First cells of a page's tables, without their code marks. */
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm)].flatMap((match) =>
    [...(match[1] ?? '').matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? ''),
  )
/** Fenced blocks of one language. */
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '')

t.test('docs/errors.md lists the codes that the source has, and no others', async (t) => {
  const source = filesOf('src', '.ts').map(read).join('\n')
  const failures = /type UpstreamFailure =((?:\s+(?:\/\*\*.*|\| '\w+'))+)/.exec(source)?.[1] ?? ''
  const upstream = [...failures.matchAll(/'(\w+)'/g)].map((match) => `OPL_UPSTREAM_${match[1]?.toUpperCase()}`)
  t.ok(upstream.length > 3)
  const plain = [...source.matchAll(/'(OPL_[A-Z_]+)'/g)].map((match) => match[1])
  const listed = firstCells(read('docs/errors.md')).filter((cell) => cell.startsWith('OPL_'))
  t.same(listed.toSorted(), [...new Set([...plain, ...upstream])].toSorted())
})

t.test('docs/errors.md explains each reason why bytes can not be decoded', async (t) => {
  const listed = firstCells(read('docs/errors.md')).filter((cell) => /^[a-z_]+$/.test(cell))
  const reasons = [...MESSAGE_REASONS, ...FRAMING_REASONS, ...WITHHELD_REASONS, ...FAILURES]
  t.same(listed.toSorted(), [...new Set(reasons)].toSorted())
})

t.test('docs/http.md explains each reason why a message is refused, with its status', async (t) => {
  const rows = [...read('docs/http.md').matchAll(/^\| `([a-z0-9_]+)` \| (\d{3}) \|/gm)]
  t.same(
    rows.map(([, reason, status]) => [reason, Number(status)]).toSorted(),
    Object.entries(HTTP_REASONS)
      .map(([reason, { status }]) => [reason, status])
      .toSorted(),
  )
})

t.test('docs/dependencies.md has a line for each package, at run time and for development', async (t) => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  const [runTime = '', development = ''] = read('docs/dependencies.md').split('## For development')
  t.same(firstCells(runTime).toSorted(), Object.keys(dependencies).toSorted())
  t.same(firstCells(development).toSorted(), Object.keys(devDependencies).toSorted())
})

t.test('each config in the docs is a good one', async (t) => {
  let count = 0
  for (const page of PAGES) {
    for (const text of blocks(read(page), 'yaml').filter((block) => /^listeners:/m.test(block))) {
      count++
      t.doesNotThrow(() => loadConfig({ kind: 'text', text, name: page }, configParts, {}), `${page}, example ${count}`)
    }
  }
  t.ok(count >= 3)
})

t.test('docs/configuration.md has each key and each default of the schema', async (t) => {
  const page = read('docs/configuration.md')
  const missing: string[] = []
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, child] of Object.entries(node)) {
      if (key === 'properties') {
        for (const [name, property] of Object.entries<Record<string, unknown>>(child)) {
          const line = page.split('\n').find((row) => row.startsWith('|') && row.includes(`${name}\``))
          const fallback = property.default
          const isScalar = fallback !== undefined && typeof fallback !== 'object'
          const isSection = page.includes(`## \`${name}`) || property.type === 'object'
          if (line === undefined && !isSection) missing.push(name)
          const rows = page.split('\n').filter((row) => row.includes(`${name}\``))
          if (isScalar && !rows.some((row) => row.includes(`\`${String(fallback)}\``)))
            missing.push(`${name}: ${String(fallback)}`)
        }
      }
      walk(child)
    }
  }
  walk(createConfigSchema(configParts).toJsonSchema())
  // A host's weight is told in the row of hosts.
  t.same(
    missing.filter((name) => !name.startsWith('weight')),
    [],
  )
})

t.test('links between pages lead somewhere', async (t) => {
  for (const page of PAGES) {
    const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '')
    for (const target of targets) {
      const path = join(ROOT, dirname(page), target)
      t.ok(existsSync(path) || existsSync(`${path}.md`), `${page} → ${target}`)
      t.ok(existsSync(path), `${page} → ${target} names the file`)
    }
  }
})

async function helpOf(command: string): Promise<string> {
  const lines: string[] = []
  const io = { out: (text: string) => void lines.push(text), err: () => undefined } as unknown as Io
  await runCli([command, '--help'], io, () => Promise.reject(new Error('nothing is started')))
  return lines.join('\n')
}

t.test('commands in the docs exist, with the options they are shown with', async (t) => {
  const { scripts } = JSON.parse(read('package.json'))
  const help: Record<string, string> = {}
  for (const command of ['run', 'check', 'demo', 'version']) help[command] = await helpOf(command)
  let count = 0
  for (const page of PAGES) {
    const text = read(page)
    for (const [, script = ''] of text.matchAll(/`?npm run ([\w:-]+)/g))
      t.ok(script in scripts, `${page}: npm run ${script}`)
    const commands = text.replaceAll('npm start --', 'oplens run').replaceAll('npm run demo --', 'oplens demo')
    for (const [line, command = ''] of commands.matchAll(/\boplens (run|check|demo|version)\b[^`\n]*/g)) {
      for (const [option] of line.matchAll(/(?<=\s)--?[a-z][\w-]*/g)) {
        count++
        t.match(help[command], new RegExp(`(^|\\s)${option}\\b`), `${page}: ${line}`)
      }
    }
  }
  t.ok(count > 5)
})

t.test('the changelog starts with what is not released, and each decision is in the index', async (t) => {
  t.equal(/^## (.*)$/m.exec(read('CHANGELOG.md'))?.[1], 'Unreleased')
  const index = read('docs/decisions/README.md')
  for (const file of filesOf('docs/decisions', '.md').filter((name) => /\/\d{4}-/.test(name))) {
    t.match(index, `(${file.replace('docs/decisions/', '')})`)
  }
})
