import { parseAwsHost } from '../core/aws-host.js'
import { parseAddress } from '../core/units.js'
import type { ListenerEntry } from './check-modes.js'
import { isMapping } from './path.js'
import type { Report } from './problems.js'
import { isLoopback } from './reach.js'

type Fields = Record<string, unknown>

/** What signatures of AWS ask of a listener and its cluster. */
export function checkResign(
  listeners: readonly ListenerEntry[],
  clusters: readonly ListenerEntry[],
  error: Report,
): void {
  for (const listener of listeners) {
    const { codec, protocol, cluster: name } = listener.fields
    const resign = isMapping(codec) ? codec.resign : undefined
    const cluster = clusters.find(({ fields }) => fields.name === name)?.fields
    const isDynamodb = protocol === 'dynamodb'
    if (!isDynamodb && resign !== undefined) {
      error([...listener.path, 'codec', 'resign'], 'key', 'resign is for protocol dynamodb', 'remove it')
    } else if (isDynamodb && resign === undefined) checkNames(listener, cluster, error)
    else if (isMapping(resign)) {
      checkReach(listener, resign, error)
      if (cluster !== undefined) checkUpstream(listener, resign, cluster, error)
    }
  }
}

/** The names that the cluster's hosts go by, without ports. */
function hostNames({ hosts, dns, tls }: Fields): readonly string[] {
  if (isMapping(tls) && typeof tls.server_name === 'string') return [tls.server_name]
  if (isMapping(dns)) return typeof dns.host === 'string' ? [dns.host] : []
  const entries: readonly unknown[] = Array.isArray(hosts) ? hosts : []
  return entries.flatMap((entry) => {
    const text = isMapping(entry) ? entry.address : entry
    const address = typeof text === 'string' ? parseAddress(text) : undefined
    return address?.kind === 'tcp' ? [address.host] : []
  })
}

/** A client signs for the host that it dials, and AWS takes its own names only, any of a region's. */
function checkNames({ path, fields }: ListenerEntry, cluster: Fields | undefined, error: Report): void {
  const address = typeof fields.address === 'string' ? parseAddress(fields.address) : undefined
  if (cluster === undefined || address === undefined) return
  const own =
    typeof fields.advertise === 'string' ? fields.advertise : address.kind === 'tcp' ? address.host : 'a socket'
  const region = parseAwsHost(own)?.region
  const host = hostNames(cluster).find((name) => {
    const aws = parseAwsHost(name)
    return aws !== undefined && aws.region !== region
  })
  if (host === undefined) return
  const message = `clients sign for the name they dial, ${own}, and ${host} refuses such requests`
  const suggestion = `add codec: { resign: {} }, or let DNS lead ${host} to oplens and add advertise: ${host}`
  error([...path, 'cluster'], 'value', message, suggestion)
}

/** Whoever reaches the listener acts with the credentials of oplens. */
function checkReach({ path, fields }: ListenerEntry, resign: Fields, error: Report): void {
  const address = typeof fields.address === 'string' ? parseAddress(fields.address) : undefined
  if (address?.kind === 'unix' && resign.allow_clients !== undefined) {
    const message = 'clients of a socket have no address'
    error([...path, 'codec', 'resign', 'allow_clients'], 'key', message, 'remove it: who may open the file may connect')
  }
  if (address?.kind !== 'tcp' || isLoopback(address.host)) return
  const isKnown = isMapping(fields.tls) && fields.tls.ca !== undefined
  if (isKnown || resign.allow_clients !== undefined || resign.allow_any_client === true) return
  error(
    [...path, 'address'],
    'value',
    'resign lends the AWS credentials of oplens to everyone who reaches this address',
    'listen on 127.0.0.1, or in a config file add tls.ca (client certificates), resign.allow_clients: [ 10.0.0.0/8 ] or resign.allow_any_client: true',
  )
}

function checkUpstream({ path }: ListenerEntry, resign: Fields, cluster: Fields, error: Report): void {
  const at = [...path, 'codec', 'resign']
  const names = hostNames(cluster)
  const aws = names.find((name) => parseAwsHost(name) !== undefined)
  const name = String(cluster.name)
  if (aws !== undefined && !isMapping(cluster.tls)) {
    const message = `requests with the credentials of oplens would go to ${aws} unencrypted`
    error(at, 'key', message, `add tls: {} to cluster ${name}`)
    return
  }
  const regions = [...new Set(names.map((host) => parseAwsHost(host)?.region))]
  const [region] = regions
  if (regions.length > 1) {
    error(at, 'key', `a signature is for one region, and cluster ${name} has hosts of more`, 'give each a cluster')
  } else if (region === undefined && resign.region === undefined) {
    const suggestion = 'add region: eu-central-1, or whichever it is'
    error(at, 'key', `no region to sign for: cluster ${name} has no host name of AWS`, suggestion)
  } else if (region !== undefined && typeof resign.region === 'string' && resign.region !== region) {
    error([...at, 'region'], 'value', `cluster ${name} is in ${region}`, `write ${region}, or leave region out`)
  }
}
