import { z } from 'zod'
import { address } from '../core/units.js'

/** `host:port`, `[v6]:port` or `unix:/path` as an Address. */
const addressText = z
  .string()
  .transform((text, context) => address(text, { addIssue: (message) => context.addIssue({ code: 'custom', message }) }))

export const adminSchema = z.strictObject({
  /** Whoever reaches it can read names of collections and drain the proxy: loopback unless there is a reason. */
  address: addressText.prefault('127.0.0.1:9901'),
  /** Host names, beside loopback and IP addresses, under which browsers and scrapers may ask; `*` takes any. */
  allowed_hosts: z.array(z.string().min(1)).default([]),
  /** Where traces are looked at: the page links them. `{trace_id}` is replaced. */
  trace_url: z
    .string()
    .regex(
      /^https?:\/\/[^\s/]+\/\S*\{trace_id\}\S*$/,
      'expected http://… or https://… with {trace_id} in its path or query',
    )
    .optional(),
})

export type AdminConfig = z.output<typeof adminSchema>
