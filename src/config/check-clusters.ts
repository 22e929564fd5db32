import { DOES_NOT_EXIST, readFault } from './check-files.js'
import { isMapping, type Path } from './path.js'
import type { Report } from './problems.js'

interface Entry {
  readonly path: Path
  readonly fields: Record<string, unknown>
}

/** What a cluster asks of the listeners that use it, and of the files that it names. */
export function checkClusters(
  listeners: readonly Entry[],
  clusters: readonly Entry[],
  { error, warning }: { readonly error: Report; readonly warning: Report },
): void {
  for (const cluster of clusters) {
    const users = listeners.filter(({ fields }) => fields.cluster === cluster.fields.name)
    const watcher = users.map(({ fields }) => fields.mode).find((mode) => mode === 'members' || mode === 'primary')
    checkHostsFile(cluster, watcher, error, warning)
  }
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
