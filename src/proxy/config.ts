import { z } from 'zod'
import { address, durationMs } from '../core/units.js'

/** Timers of Node overflow past 2^31 ms and would fire at once. */
const MAX_DURATION_MS = 24 * 86_400_000

const duration = z
  .string({ error: 'expected a duration with its unit, like 250ms, 2s, 5m or 1h' })
  .transform((text, context) => durationMs(text, context))
  .refine((ms) => ms <= MAX_DURATION_MS, { error: 'expected at most 24d' })
const name = z
  .string()
  .regex(/^[\w.-]{1,63}$/, { error: 'expected 1 to 63 letters, digits, dots, dashes or underscores' })

const tlsSchema = z.strictObject({
  /** PEM files. With `ca`, clients must show a certificate that it signed. */
  cert: z.string().min(1),
  key: z.string().min(1),
  ca: z.string().min(1).optional(),
  min_version: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  handshake_timeout: duration.refine((ms) => ms > 0, { error: 'expected more than 0' }).prefault('10s'),
})

/** One entry of `listeners:`. */
export const listenerSchema = z.strictObject({
  name,
  address: z.string().transform((text, context) => address(text, context)),
  /** The name of a protocol in the codec registry, or `tcp` for none. */
  protocol: z.string().min(1),
  cluster: name,
  mode: z.enum(['transparent']).default('transparent'),
  max_connections: z.int().min(1).default(10_000),
  /** Without a byte either way and without an operation in flight; 0 is off. */
  idle_timeout: duration.prefault('0s'),
  tls: tlsSchema.optional(),
  on_decode_error: z.enum(['pass', 'close']).default('pass'),
  drain_timeout: duration.prefault('30s'),
  /** Idle time before the first keep-alive probe to a client; 0 turns probes off. */
  tcp_keepalive: duration.prefault('60s'),
  /** Options of the protocol: its own schema checks them, this room does not know them. */
  codec: z.record(z.string(), z.unknown()).default({}),
})

export type ListenerConfig = z.output<typeof listenerSchema>
export type DownstreamTlsConfig = z.output<typeof tlsSchema>
