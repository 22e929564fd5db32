import { z } from 'zod'
import { sizeBytes } from '../../core/units.js'

/** The `mongodb:` block of a listener. */
export const mongodbConfigSchema = z.strictObject({
  max_inflate: z
    .string({ error: 'expected a size with its unit, like 64KiB or 1MiB' })
    .default('1MiB')
    .transform(sizeBytes)
    .describe(
      'Compressed messages up to this inflated size are decoded whole; larger ones by a bounded prefix. At most 48MB.',
    ),
  max_open_operations: z
    .int()
    .min(1)
    .max(100_000)
    .default(1_024)
    .describe('Requests without a reply that are kept for pairing, per connection.'),
})

export type MongodbConfig = z.output<typeof mongodbConfigSchema>
