import { z } from 'zod'
import { address, durationMs } from '../core/units.js'
import { httpSchema } from './http/config.js'

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

const port = z.int().min(0).max(65_535)

/** A member of the set, by its own name. */
const memberSchema = z.strictObject({
  /** Where clients reach it; 0 is any free port. */
  port,
  /** Where oplens reaches it, when its own name leads nowhere from here. */
  dial: z
    .string()
    .transform((text, context) => address(text, context))
    .optional(),
  /** Told to clients in place of the listener's `advertise`. */
  advertise: z.string().min(1).max(255).optional(),
})

/** `first-last`, both included, or one port; 0 is any free port for each member. */
const portRange = z
  .union([z.string(), z.int()], { error: 'expected a range of ports like 27101-27150' })
  .transform((value, context) => {
    const [, low = '', high = low] = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(String(value)) ?? []
    const range = { first: Number(low), last: Number(high) }
    const isRange = low !== '' && range.first <= range.last && range.last <= 65_535 && (range.first > 0 || high === low)
    if (isRange) return range
    context.addIssue(`expected a range of ports like 27101-27150, got "${value}"`)
    return z.NEVER
  })

/** One entry of `listeners:`. */
export const listenerSchema = z.strictObject({
  name,
  address: z.string().transform((text, context) => address(text, context)),
  /** The name of a protocol in the codec registry, or `tcp` for none. */
  protocol: z.string().min(1),
  cluster: name,
  /**
   * `members`: a listener for each member of the replica set, hellos name those. `primary`: connections follow the primary.
   * `transparent`: nothing is rewritten. Left out, the config decides: see docs/configuration.md.
   */
  mode: z.enum(['members', 'primary', 'transparent']).default('transparent'),
  /** Mode members: the host that clients are told; without it, the host of `address`. */
  advertise: z.string().min(1).max(255).optional(),
  members: z.record(z.string().min(1).max(300), memberSchema).optional(),
  member_ports: portRange.optional(),
  /** Mode members: `replSetGetStatus` and `replSetGetConfig` name the proxy, too; commands that could write those names back are refused. */
  rewrite_status: z.boolean().default(false),
  /** Where ports given from `member_ports` are kept, so that a restart gives the same. */
  state_file: z.string().min(1).optional(),
  max_connections: z.int().min(1).default(10_000),
  /** Without a byte either way and without an operation in flight; 0 is off. */
  idle_timeout: duration.prefault('0s'),
  tls: tlsSchema.optional(),
  on_decode_error: z.enum(['pass', 'close']).default('pass'),
  drain_timeout: duration.prefault('30s'),
  /** Idle time before the first keep-alive probe to a client; 0 turns probes off. */
  tcp_keepalive: duration.prefault('60s'),
  /** Protocols on HTTP. */
  http: httpSchema.optional(),
  /** Options of the protocol: its own schema checks them, this room does not know them. */
  codec: z.record(z.string(), z.unknown()).default({}),
})

export type ListenerConfig = z.output<typeof listenerSchema>
export type DownstreamTlsConfig = z.output<typeof tlsSchema>
