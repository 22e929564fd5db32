import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { OplensError } from '../../core/errors.js'

const VERSION = 1

/**
 * The ports that an earlier run gave to members, oldest first; empty when there is no such file yet.
 * @throws OplensError OPL_STATE_FILE when there is one that can't be read: other ports than before would lead clients astray
 */
export function readPorts(path: string): ReadonlyMap<string, number> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new Map()
    throw unreadable(path, cause)
  }
  try {
    const { version, ports } = JSON.parse(text) as { version?: unknown; ports?: unknown }
    if (version !== VERSION || !Array.isArray(ports)) throw new TypeError('it is no state file of oplens')
    return new Map(ports.map(toEntry))
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** Whole or not at all: a crash in between leaves the old one. @throws what the file system says */
export function writePorts(path: string, ports: ReadonlyMap<string, number>): void {
  const entries = [...ports].map(([member, port]) => ({ member, port }))
  const draft = `${path}.new`
  writeFileSync(draft, `${JSON.stringify({ version: VERSION, ports: entries }, undefined, 2)}\n`)
  renameSync(draft, path)
}

function toEntry(value: unknown): readonly [string, number] {
  const { member, port } = (value ?? {}) as { member?: unknown; port?: unknown }
  if (typeof member === 'string' && Number.isInteger(port)) return [member, Number(port)]
  throw new TypeError('an entry has no member and port')
}

function unreadable(path: string, cause: unknown): OplensError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `The state file ${path} can't be used: ${reason}. Repair it, or remove it and tell clients the new ports`
  return new OplensError(message, { code: 'OPL_STATE_FILE', origin: 'config', cause })
}
