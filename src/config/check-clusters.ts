import { DOES_NOT_EXIST, readFault } from './check-files.js'
import { isMapping, type Path } from './path.js'
import type { Report } from './problems.js'

interface Entry {
  readonly path: Path
  readonly fields: Record<string, unknown>
}

interface Checks {
  readonly protocols: readonly string[]
  readonly askingProtocols: readonly string[]
  readonly error: Report
  readonly warning: Report
}

/** What a cluster asks of the listeners that use it, and of the files that it names. */
export function checkClusters(listeners: readonly Entry[], clusters: readonly Entry[], checks: Checks): void {
  for (const cluster of clusters) {
    const users = listeners.filter(({ fields }) => fields.cluster === cluster.fields.name)
    const watcher = users.map(({ fields }) => fields.mode).find((mode) => mode === 'members' || mode === 'primary')
    checkHostsFile(cluster, watcher, checks.error, checks.warning)
    checkHealthChecks(cluster, users, watcher, checks)
  }
}

/** Keys that only `kind: http` reads. */
const HTTP_KEYS = ['method', 'path', 'host', 'statuses']

function checkHealthChecks(
  { path, fields }: Entry,
  users: readonly Entry[],
  watcher: unknown,
  { protocols, askingProtocols, error }: Checks,
): void {
  const checks = fields.health_checks
  if (!isMapping(checks)) return
  const at = [...path, 'health_checks']
  if (watcher !== undefined) {
    error(
      at,
      'key',
      `mode ${watcher} watches the members already`,
      'remove it; heartbeat says how often they are asked',
    )
    return
  }
  const { kind } = checks
  if (kind === 'tcp' || kind === 'protocol') {
    for (const key of HTTP_KEYS) {
      if (checks[key] === undefined) continue
      error([...at, key], 'key', `${key} is read with kind http only`, 'remove it, or write kind: http')
    }
  }
  const spoken = users.map(({ fields: { protocol } }) => String(protocol)).filter((name) => protocols.includes(name))
  if (kind !== 'protocol' || spoken.length === 0 || spoken.some((name) => askingProtocols.includes(name))) return
  error([...at, 'kind'], 'value', `protocol ${spoken[0]} has no question for a health check`, 'write kind: tcp or http')
}

/** @param watcher the mode of a listener for whose sake the members are watched */
function checkHostsFile({ path, fields }: Entry, watcher: unknown, error: Report, warning: Report): void {
  if (!isMapping(fields.file)) return
  if (watcher !== undefined) {
    const message = `mode ${watcher} hears of the members from the set itself`
    error([...path, 'file'], 'key', message, 'write some of its members as hosts, or mode: transparent')
    return
  }
  const file = fields.file.path
  if (typeof file !== 'string' || file === '') return
  const fault = readFault(file)
  const at = [...path, 'file', 'path']
  if (fault === DOES_NOT_EXIST) {
    warning(at, 'value', `${file} does not exist: the cluster has no hosts until it does`, 'write it first')
  } else if (fault !== '') error(at, 'value', `${file} ${fault}`, 'name a YAML or JSON file that this user may read')
}
