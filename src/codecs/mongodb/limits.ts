/** MsgHeader: messageLength, requestID, responseTo, opCode; four little-endian int32. (OP_MSG specification, "Standard message header") */
export const HEADER_BYTES = 16
/** What servers advertise as `maxMessageSizeBytes`. A longer length is no message of this protocol. */
export const MAX_MESSAGE_BYTES = 48_000_000
/** A hello reply beyond this is no hello reply. */
export const MAX_HELLO_BYTES = 1_048_576
/** Names of databases and collections: MongoDB's own bound on a namespace is 255 bytes. Longer ones are reported as `__other__`. */
export const MAX_NAMESPACE_BYTES = 255
/** Element names longer than this are passed over unread: no field that we look for comes near. */
export const MAX_NAME_BYTES = 1_024
/** Strings longer than this are not read, even where the field is wanted (`comment`, mostly). */
export const MAX_STRING_BYTES = 1_024
/** A token is at most type + name + NUL + length + string; the bytes kept when a chunk ends inside one. */
export const MAX_TOKEN_BYTES = 1 + MAX_NAME_BYTES + 1 + 4 + MAX_STRING_BYTES + 1
/** Deepest level that is walked: `nsInfo` → element → `ns`, inside `explain`, inside `$query`. */
export const MAX_DEPTH = 8
/** Of a compressed request beyond `max_inflate`: how much of the payload is kept, and how much of it is inflated to find the command. */
export const PREFIX_BYTES = 16_384
export const PREFIX_INFLATED_BYTES = 65_536
