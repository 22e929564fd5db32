/**
 * Why bytes could not be decoded: values of the `reason` label of `oplens_decode_errors_total`. docs/errors.md explains each.
 * The first group costs one message (it is forwarded as opaque); the second ends decoding for the connection.
 */
export const MESSAGE_REASONS = [
  'unknown_opcode',
  'unknown_required_flag',
  'unknown_section',
  'security_token',
  'missing_body',
  'duplicate_body',
  'truncated_message',
  'bson_length',
  'bson_type',
  'bson_unterminated',
  'bson_depth',
  'nested_compression',
  'unknown_compressor',
  'inflate_failed',
  'inflate_size',
  'inflate_limit',
  'unmatched_reply',
  'too_many_open',
  'unexpected_direction',
] as const

export const FRAMING_REASONS = ['tls_on_plain_port', 'http_on_plain_port', 'not_mongodb', 'invalid_length'] as const

/** Why a reply of the hello family was understood and not sent; no decode errors. */
export const WITHHELD_REASONS = ['hello_not_rewritten', 'identity_mismatch', 'not_primary'] as const

export type MessageReason = (typeof MESSAGE_REASONS)[number]
export type FramingReason = (typeof FRAMING_REASONS)[number]
export type WithheldReason = (typeof WITHHELD_REASONS)[number]
