import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { ConfigError, type ConfigProblem } from '../core/errors.js'
import { TLS_FILE_KEYS } from './check-files.js'
import { clusterSource } from './cluster-uri.js'
import { type Config, type ConfigParts, type ConfigSchema, createConfigSchema } from './config.js'
import { crossCheck } from './cross-checks.js'
import type { Environment } from './environment.js'
import { listenerSource } from './listener-mode.js'
import { nearest } from './nearest.js'
import { isMapping, type Path } from './path.js'
import { type Locate, ProblemList, reportIssues } from './problems.js'
import { readYaml } from './yaml-document.js'

/** Where a config comes from. `plain` is what a file would hold, as data; `nameOf` says what stands for the file in problems. */
export type ConfigSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string; readonly name: string }
  | { readonly kind: 'plain'; readonly value: unknown; readonly nameOf: (path: Path) => string }

export interface LoadedConfig<P extends ConfigParts = ConfigParts> {
  readonly config: Config<P>
  /** What works but is hardly meant. */
  readonly warnings: readonly ConfigProblem[]
  /** The same config as a file would say it, with every default written out and secrets blanked. */
  readonly filled: unknown
  /** `filled` as YAML. */
  filledIn(): string
}

/**
 * Reads, substitutes, checks and freezes a config; relative TLS file names are taken from the file's own folder.
 * @throws ConfigError with every problem found, in the order of the file
 */
export function loadConfig<P extends ConfigParts>(
  source: ConfigSource,
  parts: P,
  environment: Environment = process.env,
): LoadedConfig<P> {
  const schema = createConfigSchema(parts)
  if (source.kind === 'plain') {
    const locate: Locate = (path) => ({ file: source.nameOf(path), line: 1, column: 1 })
    return check(source.value, new ProblemList(locate), new ProblemList(locate), schema, '.')
  }
  const file = source.kind === 'file' ? source.path : source.name
  const text = source.kind === 'file' ? readText(source.path) : source.text
  const document = readYaml(text, environment)
  const locate: Locate = (path, of) => ({ file, ...document.position(path, of) })
  const errors = new ProblemList(locate)
  for (const problem of document.problems)
    errors.addAt({ file, ...problem }, problem.path, problem.message, problem.suggestion)
  if (document.value === undefined || document.value === null) {
    if (errors.isEmpty)
      errors.add([], 'value', 'the file is empty', 'write listeners: and clusters:, see docs/configuration.md')
    throw new ConfigError(errors.sorted())
  }
  const folder = source.kind === 'file' ? dirname(source.path) : '.'
  return check(document.value, errors, new ProblemList(locate), schema, folder)
}

function check<P extends ConfigParts>(
  raw: unknown,
  errors: ProblemList,
  warnings: ProblemList,
  schema: ConfigSchema<P>,
  folder: string,
): LoadedConfig<P> {
  const plain = prepare(raw, folder, schema.httpProtocols, errors, warnings)
  const filled = schema.fillIn(plain)
  const { protocols, httpProtocols, askingProtocols } = schema
  const known = { protocols, httpProtocols, askingProtocols }
  crossCheck({ filled, written: raw, ...known, error: errors.add, warning: warnings.add })
  const parsed = schema.parse(plain)
  if (parsed.kind === 'invalid') reportIssues(parsed.issues, plain, schema, errors.add)
  if (!errors.isEmpty || parsed.kind === 'invalid') throw new ConfigError(errors.sorted())
  const shown = withoutSecrets(filled)
  return {
    config: parsed.config,
    warnings: warnings.sorted(),
    filled: shown,
    filledIn: () => stringify(shown, { lineWidth: 0 }),
  }
}

/** Input to input: a cluster's `uri` becomes what it says, and relative TLS files become absolute. */
function prepare(
  raw: unknown,
  folder: string,
  httpProtocols: readonly string[],
  errors: ProblemList,
  warnings: ProblemList,
): unknown {
  if (!isMapping(raw)) return raw
  const each = (
    section: string,
    change: (entry: Record<string, unknown>, index: number) => Record<string, unknown>,
  ) => {
    const list = raw[section]
    return Array.isArray(list)
      ? { [section]: list.map((entry, index) => (isMapping(entry) ? change(entry, index) : entry)) }
      : {}
  }
  return {
    ...raw,
    ...withAbsoluteLog(raw, folder),
    ...each('listeners', (entry) => withAbsoluteFiles(withHttp(listenerSource(entry, raw), httpProtocols), folder)),
    ...each('clusters', (entry, index) => {
      const source = clusterSource(entry, ['clusters', index], errors.add, warnings.add)
      return withAbsoluteFiles(source, folder)
    }),
  }
}

/** A listener of a protocol inside HTTP has the section, so that its defaults are shown, and closes on what is none. */
function withHttp(entry: Record<string, unknown>, httpProtocols: readonly string[]): Record<string, unknown> {
  const isHttp = typeof entry.protocol === 'string' && httpProtocols.includes(entry.protocol)
  return isHttp ? { on_decode_error: 'close', http: {}, ...entry } : entry
}

/** Every key of an entry that names a file, in sections too. */
function withAbsoluteFiles(source: Record<string, unknown>, folder: string): Record<string, unknown> {
  const absolute = (keys: readonly string[], section: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(section).map(([key, value]) => {
        const isFile = keys.includes(key) && typeof value === 'string' && value !== ''
        return [key, isFile ? resolve(folder, value) : value]
      }),
    )
  return {
    ...absolute(['state_file'], source),
    ...(isMapping(source.tls) ? { tls: absolute(TLS_FILE_KEYS, source.tls) } : {}),
    ...(isMapping(source.file) ? { file: absolute(['path'], source.file) } : {}),
  }
}

/** The file of the slow log, which is written and not read. */
function withAbsoluteLog({ observe }: Record<string, unknown>, folder: string): Record<string, unknown> {
  const log = isMapping(observe) ? observe.slow_log : undefined
  const file = isMapping(log) ? log.file : undefined
  const path = isMapping(file) ? file.path : undefined
  if (!isMapping(observe) || !isMapping(log) || !isMapping(file) || typeof path !== 'string' || path === '') return {}
  return { observe: { ...observe, slow_log: { ...log, file: { ...file, path: resolve(folder, path) } } } }
}

const SECRET = /pass(word|phrase)|secret|token/

function withoutSecrets(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item))
  if (isMapping(value))
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, withoutSecrets(child, name)]))
  return SECRET.test(key) && typeof value === 'string' ? '(not shown)' : value
}

/** @throws ConfigError when the file can't be had as text */
function readText(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const [message, suggestion] = readFault(path, code)
    throw new ConfigError([{ file: path, line: 1, column: 1, path: '', message, suggestion }])
  }
}

function readFault(path: string, code: string): readonly [message: string, suggestion: string] {
  switch (code) {
    case 'ENOENT':
      return ['there is no such file', similarFile(path) ?? 'without a file: oplens run --to mongodb://HOST:PORT/']
    case 'EISDIR':
      return ['this is a folder', 'name the file in it']
    case 'EACCES':
      return ['this user may not read the file', 'check its owner and mode']
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return ['this is no text in UTF-8', 'save it as UTF-8']
    default:
      return [`the file can not be read${code === '' ? '' : ` (${code})`}`, '']
  }
}

function similarFile(path: string): string | undefined {
  const folder = dirname(path)
  try {
    const files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file))
    const close = nearest(basename(path), files)
    return close === undefined ? undefined : `did you mean ${join(folder, close)}?`
  } catch {
    // No such folder either: there is nothing to suggest from.
    return undefined
  }
}
