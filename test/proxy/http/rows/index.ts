import { bodyLengths } from './body-lengths.js'
import { chunks } from './chunks.js'
import { fields } from './fields.js'
import { replies } from './replies.js'
import { requestLines } from './request-lines.js'
import { routing } from './routing.js'
import type { Row } from './row.js'

export const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'request lines': requestLines,
  fields,
  'hosts, connections, upgrades, expectations': routing,
  'lengths of bodies': bodyLengths,
  'chunks and trailers': chunks,
  replies,
}
