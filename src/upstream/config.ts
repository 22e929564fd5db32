import { z } from 'zod'
import { isServiceName, parseDnsName } from '../core/dns-name.js'
import { addressText, duration, hostSchema, positiveDuration } from './field-config.js'
import { healthChecksSchema } from './health/config.js'

const dnsSchema = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  refresh: positiveDuration.prefault('30s'),
  family: z.enum(['any', 'v4', 'v6']).default('any'),
})

/** Not quoted when it is wrong: a whole URI may have been pasted here, password included. */
const dnsName = z.string().transform((text, context) => {
  const name = parseDnsName(text)
  if (name !== undefined) return name
  context.addIssue('expected a host name alone, like cluster0.example.net')
  return z.NEVER
})

const srvSchema = z.strictObject({
  /** Its SRV records name the hosts. */
  name: dnsName,
  service: z
    .string()
    .refine(isServiceName, { error: 'expected the name of a service, like mongodb' })
    .default('mongodb'),
  /** Of routers: so many are used, chosen at random; 0 takes all. */
  max_hosts: z.int().min(0).default(0),
})

const fileSchema = z.strictObject({
  /** YAML or JSON that lists the hosts; read again when it changes. */
  path: z.string().min(1),
})

const tlsSchema = z
  .strictObject({
    /** PEM files; without `ca` the public authorities that Node carries are trusted. */
    ca: z.string().min(1).optional(),
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    server_name: z.string().min(1).optional(),
    min_version: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
    insecure_skip_verify: z.boolean().default(false),
  })
  .refine((tls) => (tls.cert === undefined) === (tls.key === undefined), {
    error: 'expected cert and key together',
  })

const cap = (fallback: number) => z.int().min(1).max(1_000_000).default(fallback)

const breakersSchema = z.strictObject({
  /** Of the whole cluster: connections that stand or are being dialled, and those being dialled. */
  max_connections: cap(20_000),
  max_pending_connects: cap(1_024),
  /** Protocols inside HTTP: requests in flight, and second tries among them. */
  max_requests: cap(10_000),
  max_retries: cap(256),
  /** Of each host. */
  host: z.strictObject({ max_connections: cap(20_000), max_pending_connects: cap(1_024) }).prefault({}),
})

const readPreferenceSchema = z.strictObject({
  mode: z.enum(['primary', 'primary_preferred', 'secondary', 'secondary_preferred', 'nearest']).default('nearest'),
  /** Tag sets in order; the first that a member fits counts. */
  tags: z.array(z.record(z.string(), z.string())).default([]),
  /** How far a secondary's data may be behind; 0 is off. */
  max_staleness: duration.prefault('0s'),
  latency_window: duration.prefault('15ms'),
})

/** `false` for none, where it would be on without a word. */
const noTls = z
  .boolean()
  .refine((isOn) => !isOn, { error: 'expected false or a mapping, {} takes all defaults' })
  .transform(() => undefined)

/** One entry of `clusters:`. Exactly one of hosts, dns, srv, file and uri says where the hosts are; a uri is taken apart by the protocol that knows it. */
export const clusterSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,63}$/, { error: 'expected 1 to 63 letters, digits, dots, dashes or underscores' }),
    hosts: z.array(hostSchema).min(1).optional(),
    dns: dnsSchema.optional(),
    srv: srvSchema.optional(),
    file: fileSchema.optional(),
    uri: z.string().min(1).optional(),
    /** The name of the replica set that the hosts must be members of; without it, the one they are found to be. */
    replica_set: z.string().min(1).max(255).optional(),
    /** Where members are dialled whose own names lead nowhere from here, by name. */
    dial: z.record(z.string().min(1).max(300), addressText).optional(),
    /** How often members are asked what they are; those that can tell news at once do. */
    heartbeat: positiveDuration.refine((ms) => ms >= 500, { error: 'expected at least 500ms' }).prefault('10s'),
    /** How long a connection for the primary waits while there is none. */
    primary_timeout: duration.prefault('10s'),
    /** Of connections that may go to any member. */
    read_preference: readPreferenceSchema.prefault({}),
    health_checks: healthChecksSchema.optional(),
    circuit_breakers: breakersSchema.prefault({}),
    connect_timeout: positiveDuration.prefault('2s'),
    max_connect_attempts: z.int().min(1).max(16).default(3),
    load_balancer: z.enum(['round_robin', 'least_request', 'random']).default('round_robin'),
    tls: z.union([tlsSchema, noTls]).optional(),
    /** Idle time before the first keep-alive probe; 0 turns probes off. */
    tcp_keepalive: duration.prefault('60s'),
  })
  .refine(
    ({ hosts, dns, srv, file, uri }) => [hosts, dns, srv, file, uri].filter((one) => one !== undefined).length === 1,
    {
      error: 'expected exactly one of hosts, dns, srv, file and uri',
    },
  )
  .refine(({ srv, replica_set }) => srv === undefined || srv.max_hosts === 0 || replica_set === undefined, {
    error: 'expected 0 beside replica_set: a set tells all its members',
    path: ['srv', 'max_hosts'],
  })

export type ClusterConfig = z.output<typeof clusterSchema>
export type UpstreamTlsConfig = z.output<typeof tlsSchema>
export type DnsConfig = z.output<typeof dnsSchema>
export type FileConfig = z.output<typeof fileSchema>
export type SrvConfig = z.output<typeof srvSchema>
