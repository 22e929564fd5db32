/** What hello advertises and the server enforces; mongod's own numbers. */
export const MAX_MESSAGE_BYTES = 48_000_000
export const MAX_DOCUMENT_BYTES = 16_777_216
export const MAX_WRITE_BATCH = 100_000
/** mongod's default first batch of a find or an aggregate. */
export const FIRST_BATCH_DOCUMENTS = 101
export const MAX_WIRE_VERSION = 25
export const SESSION_TIMEOUT_MINUTES = 30
