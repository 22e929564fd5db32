export const OP_REPLY = 1
export const OP_QUERY = 2004
export const OP_COMPRESSED = 2012
export const OP_MSG = 2013

export const HEADER_BYTES = 16

export const CHECKSUM_PRESENT = 1
export const MORE_TO_COME = 2
export const EXHAUST_ALLOWED = 0x1_0000
/** Bits 0–15 must be understood by the receiver. */
export const REQUIRED_FLAGS = 0xffff
