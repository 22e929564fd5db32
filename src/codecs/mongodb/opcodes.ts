/** Opcodes of the wire protocol. 2010 and 2011 were internal to servers before 4.2. */
export const OP_REPLY = 1
export const OP_UPDATE = 2001
export const OP_INSERT = 2002
export const OP_QUERY = 2004
export const OP_GET_MORE = 2005
export const OP_DELETE = 2006
export const OP_KILL_CURSORS = 2007
export const OP_COMMAND = 2010
export const OP_COMMANDREPLY = 2011
export const OP_COMPRESSED = 2012
export const OP_MSG = 2013

/** The name of an opcode, as a metric label. */
export function opcodeName(opcode: number): string {
  switch (opcode) {
    case OP_MSG:
      return 'OP_MSG'
    case OP_COMPRESSED:
      return 'OP_COMPRESSED'
    case OP_QUERY:
      return 'OP_QUERY'
    case OP_REPLY:
      return 'OP_REPLY'
    case OP_UPDATE:
      return 'OP_UPDATE'
    case OP_INSERT:
      return 'OP_INSERT'
    case OP_GET_MORE:
      return 'OP_GET_MORE'
    case OP_DELETE:
      return 'OP_DELETE'
    case OP_KILL_CURSORS:
      return 'OP_KILL_CURSORS'
    case OP_COMMAND:
      return 'OP_COMMAND'
    case OP_COMMANDREPLY:
      return 'OP_COMMANDREPLY'
    default:
      return '__other__'
  }
}

/** OP_MSG flag bits (OP_MSG specification, "flagBits"). */
export const FLAG_CHECKSUM_PRESENT = 1
export const FLAG_MORE_TO_COME = 2
export const FLAG_EXHAUST_ALLOWED = 1 << 16
/** Bits 0–15 are required: a receiver that doesn't know one must not guess the layout. */
export const UNKNOWN_REQUIRED_FLAGS = 0xffff & ~(FLAG_CHECKSUM_PRESENT | FLAG_MORE_TO_COME)

export const REPLY_CURSOR_NOT_FOUND = 1
export const REPLY_QUERY_FAILURE = 2
