import { type HostConfig, hostTextSchema, weightedHostSchema } from '../field-config.js'

/** Each is a label of metrics and a line of a page. */
const MAX_HOSTS = 1_000

/**
 * What a file of hosts says: a list of `host:port` or `{ address, weight }`, alone or under `hosts`. All of it or nothing: half
 * of a list would move the load of the other half.
 * @throws Error whose message names the entry and what is wrong with it
 */
export function parseHosts(value: unknown): readonly HostConfig[] {
  const list = listOf(value)
  if (list.length === 0) throw new Error('it lists no host')
  if (list.length > MAX_HOSTS) throw new Error(`it lists ${list.length} hosts, at most ${MAX_HOSTS} are taken`)
  return list.map(parseHost)
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'object' && value !== null && 'hosts' in value && Array.isArray(value.hosts)) {
    const other = Object.keys(value).find((key) => key !== 'hosts')
    if (other !== undefined) throw new Error(`unknown key "${other}" beside hosts`)
    return value.hosts
  }
  throw new Error('expected a list of hosts, alone or under hosts')
}

function parseHost(entry: unknown, index: number): HostConfig {
  const schema = typeof entry === 'string' ? hostTextSchema : weightedHostSchema
  const parsed = schema.safeParse(entry)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = (issue?.path ?? []).map((part) => `.${String(part)}`).join('')
  throw new Error(`hosts[${index}]${path}: ${issue?.message ?? 'unusable'}`)
}
