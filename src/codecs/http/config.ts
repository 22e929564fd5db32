import { z } from 'zod'

/** The `http:` block of a listener: nothing to set yet. */
export const httpConfigSchema = z.strictObject({})

export type HttpConfig = z.output<typeof httpConfigSchema>
