import { z } from 'zod'
import { address, durationMs } from '../core/units.js'

/** Timers of Node overflow past 2^31 ms and would fire at once. */
const MAX_DURATION_MS = 24 * 86_400_000

const duration = z
  .string({ error: 'expected a duration with its unit, like 250ms, 2s, 5m or 1h' })
  .transform((text, context) => durationMs(text, context))
  .refine((ms) => ms <= MAX_DURATION_MS, { error: 'expected at most 24d' })
const positiveDuration = duration.refine((ms) => ms > 0, { error: 'expected more than 0' })
const addressText = z.string().transform((text, context) => address(text, context))
const weight = z.int().min(1).max(128)

/** `host:port` alone, or with a weight beside it. */
const hostSchema = z.union([
  addressText.transform((parsed) => ({ address: parsed, weight: 1 })),
  z.strictObject({ address: addressText, weight: weight.default(1) }),
])

const dnsSchema = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  refresh: positiveDuration.prefault('30s'),
  family: z.enum(['any', 'v4', 'v6']).default('any'),
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

/** One entry of `clusters:`. Exactly one of hosts, dns and uri says where the hosts are; a uri is taken apart by the protocol that knows it. */
export const clusterSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,63}$/, { error: 'expected 1 to 63 letters, digits, dots, dashes or underscores' }),
    hosts: z.array(hostSchema).min(1).optional(),
    dns: dnsSchema.optional(),
    uri: z.string().min(1).optional(),
    connect_timeout: positiveDuration.prefault('2s'),
    max_connect_attempts: z.int().min(1).max(16).default(3),
    load_balancer: z.enum(['round_robin', 'least_request']).default('round_robin'),
    tls: tlsSchema.optional(),
    /** Idle time before the first keep-alive probe; 0 turns probes off. */
    tcp_keepalive: duration.prefault('60s'),
  })
  .refine(
    (cluster) => [cluster.hosts, cluster.dns, cluster.uri].filter((source) => source !== undefined).length === 1,
    {
      error: 'expected exactly one of hosts, dns and uri',
    },
  )

export type ClusterConfig = z.output<typeof clusterSchema>
export type UpstreamTlsConfig = z.output<typeof tlsSchema>
export type DnsConfig = z.output<typeof dnsSchema>
