import { adminSchema } from '../admin/config.js'
import { protocols } from '../codecs/registry.js'
import type { Config, ConfigParts } from '../config/config.js'
import { observeSchema } from '../observe/config.js'
import { listenerSchema } from '../proxy/config.js'
import { clusterSchema } from '../upstream/config.js'

/** Every section of the config file, from the room that reads it. */
export const configParts = {
  listener: listenerSchema,
  cluster: clusterSchema,
  admin: adminSchema,
  observe: observeSchema,
  protocols,
} satisfies ConfigParts

export type OplensConfig = Config<typeof configParts>
