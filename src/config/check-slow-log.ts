import { appendFault } from './check-files.js'
import { formatPath, isMapping, type Path, valueAt } from './path.js'
import type { Report } from './problems.js'

const SLOW_LOG: Path = ['observe', 'slow_log']

/** Whether the slow log can be written, and its rules can be what was meant. */
export function checkSlowLog(filled: unknown, error: Report, warning: Report): void {
  const log = valueAt(filled, SLOW_LOG)
  if (!isMapping(log) || log.enabled === false) return
  const path = valueAt(log, ['file', 'path'])
  const fault = typeof path === 'string' && path !== '' ? appendFault(path) : ''
  if (fault !== '')
    error(
      [...SLOW_LOG, 'file', 'path'],
      'value',
      `${path} ${fault}`,
      'name a file in a folder that this user may write',
    )
  if (Array.isArray(log.rules)) checkRules(log.rules, warning)
}

interface Rule {
  readonly path: Path
  readonly namespaces: readonly string[]
  readonly commands: readonly string[]
}

/** The first rule that fits an operation counts: one behind a wider one never does. */
function checkRules(rules: readonly unknown[], warning: Report): void {
  const read = rules.map((rule, index): Rule => {
    const path = [...SLOW_LOG, 'rules', index]
    return { path, namespaces: textsOf(rule, 'namespaces'), commands: textsOf(rule, 'commands') }
  })
  read.forEach((rule, index) => {
    const wider = read.slice(0, index).find((earlier) => covers(earlier, rule))
    if (wider === undefined) return
    const message = `${formatPath(wider.path)} takes everything that this rule is for: the first rule that fits counts`
    warning(rule.path, 'value', message, 'put it before that one, or remove it')
  })
}

function textsOf(rule: unknown, key: string): readonly string[] {
  const list = isMapping(rule) ? rule[key] : undefined
  return Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : []
}

/** As far as it is plain to see: patterns are compared as they are written. */
function covers(wide: Rule, narrow: Rule): boolean {
  const hasAll = (names: readonly string[], of: readonly string[]) =>
    of.length > 0 && of.every((one) => names.some((name) => name.toLowerCase() === one.toLowerCase()))
  const isAnyNamespace = wide.namespaces.length === 0 || wide.namespaces.includes('*')
  const areNamespaces =
    isAnyNamespace || (narrow.namespaces.length > 0 && narrow.namespaces.every((one) => wide.namespaces.includes(one)))
  return areNamespaces && (wide.commands.length === 0 || hasAll(wide.commands, narrow.commands))
}
