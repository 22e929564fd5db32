import { readInt32 } from './bson.js'
import { command } from './commands.js'
import { OP_DELETE, OP_GET_MORE, OP_INSERT, OP_UPDATE, REPLY_QUERY_FAILURE } from './opcodes.js'
import type { ReplyFields } from './reply-fields.js'
import { DELETES, type RequestFields, UPDATES } from './request-fields.js'

/** The fixed parts of the legacy opcodes, read into the fields. (Wire protocol, "Legacy opcodes") */

const CMD_SUFFIX = Buffer.from('.$cmd')
/** OP_REPLY: `flags | cursor id | starting from | number returned`. */
export const REPLY_HEAD_BYTES = 20
/** Behind the namespace of OP_QUERY: `NUL | skip | return`. */
export const QUERY_TAIL_BYTES = 9

/** Behind the namespace's NUL, before documents: OP_GET_MORE has `return | cursor id`. */
export function legacyTailBytes(opcode: number): number {
  return opcode === OP_GET_MORE ? 12 : 0
}

/** OP_QUERY: `flags | ns | skip | return | query`. @returns whether the query document is a command (`db.$cmd`) */
export function readQueryHead(fields: RequestFields, bytes: Buffer, at: number, nsEnd: number): boolean {
  const suffixAt = nsEnd - CMD_SUFFIX.length
  if (suffixAt > at + 4 && bytes.compare(CMD_SUFFIX, 0, CMD_SUFFIX.length, suffixAt, nsEnd) === 0) {
    fields.legacyDatabase(bytes, at + 4, suffixAt)
    return true
  }
  fields.legacy(command('find'), bytes, at + 4, nsEnd)
  fields.limit = readInt32(bytes, nsEnd + 5)
  return false
}

/** @param isCommand whether the request was one. @returns whether a command's reply follows as a document */
export function readReplyHead(fields: ReplyFields, bytes: Buffer, at: number, isCommand: boolean): boolean {
  const flags = readInt32(bytes, at)
  const documents = readInt32(bytes, at + 16)
  const isWalked = isCommand || (flags & REPLY_QUERY_FAILURE) !== 0
  fields.legacy(flags, bytes, at + 4, documents, isWalked)
  return isWalked && documents > 0
}

/** OP_INSERT, OP_UPDATE, OP_DELETE, OP_GET_MORE: `int32 | ns | …`. @returns whether the rest is documents to be counted */
export function readLegacyHead(
  opcode: number,
  fields: RequestFields,
  bytes: Buffer,
  at: number,
  nsEnd: number,
): boolean {
  switch (opcode) {
    case OP_INSERT:
      fields.legacy(command('insert'), bytes, at + 4, nsEnd)
      return true
    case OP_GET_MORE:
      fields.legacy(command('getMore'), bytes, at + 4, nsEnd)
      fields.setCursorId(bytes, nsEnd + 5)
      return false
    case OP_UPDATE:
      fields.legacy(command('update'), bytes, at + 4, nsEnd)
      fields.count(UPDATES, 1)
      return false
    case OP_DELETE:
      fields.legacy(command('delete'), bytes, at + 4, nsEnd)
      fields.count(DELETES, 1)
      return false
    default:
      fields.legacy(command('killCursors'), bytes, at, at)
      return false
  }
}
