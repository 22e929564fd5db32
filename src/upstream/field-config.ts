import { z } from 'zod'
import { address, durationMs } from '../core/units.js'

/** Timers of Node overflow past 2^31 ms and would fire at once. */
const MAX_DURATION_MS = 24 * 86_400_000

export const duration = z
  .string({ error: 'expected a duration with its unit, like 250ms, 2s, 5m or 1h' })
  .transform((text, context) => durationMs(text, context))
  .refine((ms) => ms <= MAX_DURATION_MS, { error: 'expected at most 24d' })
export const positiveDuration = duration.refine((ms) => ms > 0, { error: 'expected more than 0' })
export const addressText = z.string().transform((text, context) => address(text, context))
const weight = z.int().min(1).max(128)

/** `host:port` alone, or with a weight beside it. */
export const hostTextSchema = addressText.transform((parsed) => ({ address: parsed, weight: 1 }))
export const weightedHostSchema = z.strictObject({ address: addressText, weight: weight.default(1) })
export const hostSchema = z.union([hostTextSchema, weightedHostSchema])

export type HostConfig = z.output<typeof hostSchema>
