import { z } from 'zod'
import { duration, positiveDuration } from '../field-config.js'

const common = {
  interval: positiveDuration.prefault('5s'),
  /** Of a whole check, connecting included. */
  timeout: positiveDuration.prefault('2s'),
  unhealthy_threshold: z.int().min(1).max(100).default(3),
  healthy_threshold: z.int().min(1).max(100).default(2),
  /** Up to so much is added to each interval, at random; to the first one, which is none, `initial_jitter`. */
  interval_jitter_percent: z.int().min(0).max(100).default(10),
  initial_jitter: duration.prefault('0s'),
}

const STATUS = /^([1-5]\d\d)-([1-5]\d\d)$/

const statusSchema = z.union([
  z
    .int()
    .min(100)
    .max(599)
    .transform((status) => ({ first: status, last: status })),
  z.string().transform((text, context) => {
    const [, first, last] = STATUS.exec(text) ?? []
    if (first !== undefined && last !== undefined && first <= last) return { first: Number(first), last: Number(last) }
    context.addIssue(`expected a status or a range of them, like 200 or 200-299, got "${text}"`)
    return z.NEVER
  }),
])

const tcpCheckSchema = z.strictObject({ kind: z.literal('tcp'), ...common })
const protocolCheckSchema = z.strictObject({ kind: z.literal('protocol'), ...common })
const httpCheckSchema = z.strictObject({
  kind: z.literal('http'),
  ...common,
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/, { error: 'expected a method in capitals, like GET' })
    .default('GET'),
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,1000}$/, { error: 'expected a path that starts with / and has no spaces' })
    .default('/'),
  /** The `Host` field; without it the host's DNS name or address. */
  host: z
    .string()
    .regex(/^[\w.:[\]-]{1,255}$/, { error: 'expected a host, with a port where it needs one' })
    .optional(),
  statuses: z.array(statusSchema).min(1).prefault([200]),
})

/** `health_checks` of a cluster. */
export const healthChecksSchema = z.discriminatedUnion('kind', [tcpCheckSchema, protocolCheckSchema, httpCheckSchema])

export type HealthChecksConfig = z.output<typeof healthChecksSchema>
export type HealthTimings = Omit<z.output<typeof tcpCheckSchema>, 'kind'>
export type HttpCheckConfig = z.output<typeof httpCheckSchema>
