import { z } from 'zod'
import { sizeBytes } from '../../core/units.js'
import { resignSchema } from './resign/config.js'

const size = z.string({ error: 'expected a size with its unit, like 64KiB or 1MiB' })

/** The `dynamodb:` block of a listener. */
export const dynamodbConfigSchema = z.strictObject({
  max_statement: size
    .default('8KiB')
    .transform(sizeBytes)
    .describe('How much of a PartiQL statement is looked at for its table. DynamoDB takes at most 8,192 characters.'),
  max_inflate: size
    .default('64MiB')
    .transform(sizeBytes)
    .describe(
      'Compressed replies are read up to this inflated size, in pieces; of larger ones, time and size are known.',
    ),
  resign: resignSchema
    .optional()
    .describe(
      'Requests are signed again, with credentials of oplens. Without it they keep the signature they came with.',
    ),
})

export type DynamodbConfig = z.output<typeof dynamodbConfigSchema>
