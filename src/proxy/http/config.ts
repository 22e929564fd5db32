import { z } from 'zod'
import { durationMs, sizeBytes } from '../../core/units.js'
import { DEFAULT_LIMITS } from './limits.js'

/** Timers of Node overflow past 2^31 ms and would fire at once. */
const MAX_DURATION_MS = 24 * 86_400_000

const duration = z
  .string({ error: 'expected a duration with its unit, like 250ms, 2s, 5m or 1h' })
  .transform((text, context) => durationMs(text, context))
  .refine((ms) => ms <= MAX_DURATION_MS, { error: 'expected at most 24d' })
const positiveDuration = duration.refine((ms) => ms > 0, { error: 'expected more than 0' })
const size = z
  .string({ error: 'expected a size with its unit, like 64KiB' })
  .transform((text, context) => sizeBytes(text, context))

/** `http:` of a listener whose protocol is HTTP, or inside it. */
export const httpSchema = z.strictObject({
  /** From a request's first byte (the connection's first: from its accept) to the end of its head; 0 is off. */
  head_timeout: duration.prefault('30s'),
  /** From a request's last byte to the head of its reply; then it is answered with 504. 0 is off. */
  request_timeout: duration.prefault('60s'),
  /** Without a byte either way while a request is open; 0 is off. */
  stream_idle_timeout: duration.prefault('5m'),
  /** Sent in place of the client's `Host`, for servers that tell sites apart by it; without it, the client's goes on. */
  host: z
    .string()
    .regex(/^[\w.:[\]-]{1,255}$/, { error: 'expected a host, with a port where it needs one' })
    .optional(),
  max_head: size
    .refine((bytes) => bytes >= 1_024 && bytes <= 1_048_576, { error: 'expected 1KiB to 1MiB' })
    .prefault(`${DEFAULT_LIMITS.maxHeadBytes / 1_024}KiB`),
  max_fields: z.int().min(10).max(10_000).default(DEFAULT_LIMITS.maxFields),
  /** Of connections to hosts: how long one waits for a next request, how many of a host wait, how many requests one carries (0: any number). */
  upstream_idle_timeout: positiveDuration.prefault('60s'),
  max_idle_connections: z.int().min(0).max(100_000).default(1_024),
  max_requests_per_connection: z.int().min(0).default(0),
})

export type HttpConfig = z.output<typeof httpSchema>
