import type { Address } from './upstream.js'

/**
 * The units of the config file as pure parsers. Each has the shape of a schema library's transform: it reports what it
 * expected through `context` and returns `never` then, so that every config.ts can use it without core knowing a library.
 */
export interface UnitContext {
  addIssue(message: string): void
}

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  KiB: 1_024,
  MB: 1_000_000,
  MiB: 1_048_576,
  GB: 1_000_000_000,
  GiB: 1_073_741_824,
}
/** What every system takes (Linux 107, macOS 103). Beyond it Node 20 listens on a path cut short, without a word. */
const MAX_SOCKET_PATH_BYTES = 103
const NEVER = undefined as never

function withUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim())
  const factor = units[match?.[2] ?? '']
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor
}

/** `250ms`, `2s`, `5m`, `1h`, `1d` → milliseconds. */
export function durationMs(text: string, context: UnitContext): number {
  const ms = text.trim() === '0' ? 0 : withUnit(text, DURATION_MS)
  if (ms !== undefined) return ms
  context.addIssue(`expected a duration with its unit, like 250ms, 2s, 5m or 1h, got "${text}"`)
  return NEVER
}

/** `512B`, `64KiB`, `48MiB`, `1GiB` (and decimal kB, MB, GB) → bytes. */
export function sizeBytes(text: string, context: UnitContext): number {
  const bytes = text.trim() === '0' ? 0 : withUnit(text, SIZE_BYTES)
  if (bytes !== undefined) return Math.round(bytes)
  context.addIssue(`expected a size with its unit, like 64KiB or 48MiB, got "${text}"`)
  return NEVER
}

/** `host:port`, `[v6]:port`, `:port` (all of loopback's 127.0.0.1) or `unix:/path` → Address. Port 0 asks for any free port. */
export function address(text: string, context: UnitContext): Address {
  const parsed = parseAddress(text)
  if (parsed?.kind === 'unix' && Buffer.byteLength(parsed.path) > MAX_SOCKET_PATH_BYTES) {
    context.addIssue(`expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, got "${text}"`)
    return NEVER
  }
  if (parsed !== undefined) return parsed
  context.addIssue(`expected host:port, [v6]:port or unix:/path, got "${text}"`)
  return NEVER
}

export function parseAddress(text: string, defaultPort?: number): Address | undefined {
  const trimmed = text.trim()
  if (trimmed.startsWith('unix:')) return trimmed.length > 5 ? { kind: 'unix', path: trimmed.slice(5) } : undefined
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([\w.-]*))(?::(\d{1,5}))?$/.exec(trimmed)
  if (match === null) return undefined
  const host = match[1] ?? match[2] ?? ''
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  if (port === undefined || port > 65_535 || (host === '' && match[3] === undefined)) return undefined
  return { kind: 'tcp', host: host === '' ? '127.0.0.1' : host, port }
}
