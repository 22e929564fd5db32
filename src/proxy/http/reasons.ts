interface ReasonFacts {
  /** What the proxy answers when a request is refused for it. Of a reply, every reason makes a 502. */
  readonly status: 400 | 414 | 417 | 431 | 501 | 502 | 505
  /** For people: the body of the refusal and the log line. Sentence case without full stop. */
  readonly message: string
}

/**
 * Why a message is refused, each with what its section of RFC 9110 or 9112 asks for. One rule holds for all: what two readers
 * could take for two different messages is never forwarded. A refused connection is over: nothing behind the refused byte
 * can be read, and what was sent of the message must not be completed.
 */
export const HTTP_REASONS = {
  // Not this protocol.
  tls_on_plain_port: { status: 400, message: 'A TLS record came where an HTTP/1.1 message was expected' },
  http2_preface: { status: 505, message: 'An HTTP/2 preface came where an HTTP/1.1 request was expected' },

  // Start line: RFC 9112, 3 and 4.
  empty_line: { status: 400, message: 'More than one empty line stands before the request line' },
  invalid_method: { status: 400, message: 'The method is not a token, or is too long' },
  invalid_target: { status: 400, message: 'The request target has none of the four forms' },
  target_too_long: { status: 414, message: 'The request line does not fit into the head' },
  missing_version: { status: 400, message: 'The request line has no version (HTTP/0.9)' },
  invalid_version: { status: 400, message: 'The version is not HTTP/digit.digit' },
  unsupported_version: { status: 505, message: 'The version is neither HTTP/1.0 nor HTTP/1.1' },
  invalid_status_line: { status: 502, message: 'The status line is malformed' },
  connect_method: { status: 501, message: 'CONNECT is not supported' },

  // Lines and fields: RFC 9112, 2.2 and 5.
  bare_cr: { status: 400, message: 'A CR is not followed by LF' },
  bare_lf: { status: 400, message: 'A line ends with LF alone' },
  nul: { status: 400, message: 'A NUL byte stands in the head' },
  control_character: { status: 400, message: 'A control character stands in the head' },
  obs_fold: { status: 400, message: 'A field line begins with white space (obs-fold)' },
  space_before_colon: { status: 400, message: 'White space stands between a field name and its colon' },
  missing_colon: { status: 400, message: 'A field line has no colon' },
  empty_name: { status: 400, message: 'A field line has no name' },
  invalid_name: { status: 400, message: 'A field name is not a token' },
  head_too_large: { status: 431, message: 'The head is too large' },
  too_many_fields: { status: 431, message: 'There are too many fields' },

  // Length of the body: RFC 9112, 6.
  tab_in_framing: { status: 400, message: 'A tab stands in Content-Length or Transfer-Encoding' },
  length_and_coding: { status: 400, message: 'Both Content-Length and Transfer-Encoding are there' },
  multiple_content_length: { status: 400, message: 'There is more than one Content-Length' },
  invalid_content_length: { status: 400, message: 'Content-Length is not a decimal number' },
  content_length_overflow: { status: 400, message: 'Content-Length is too large to count' },
  multiple_transfer_encoding: { status: 400, message: 'There is more than one Transfer-Encoding' },
  chunked_not_final: { status: 400, message: 'Transfer-Encoding does not end with chunked, or has it twice' },
  unsupported_coding: { status: 501, message: 'Transfer-Encoding names a coding other than chunked' },
  coding_in_http_1_0: { status: 400, message: 'An HTTP/1.0 message has Transfer-Encoding' },
  length_without_body: { status: 502, message: 'A reply that can have no body has a Content-Length other than 0' },
  coding_without_body: { status: 502, message: 'A reply that can have no body has Transfer-Encoding' },
  coding_for_http_1_0: { status: 502, message: 'The reply to an HTTP/1.0 request has Transfer-Encoding' },

  // Routing: RFC 9110, 7.2, and RFC 9112, 3.2.
  missing_host: { status: 400, message: 'Host is missing' },
  multiple_host: { status: 400, message: 'There is more than one Host' },
  invalid_host: { status: 400, message: 'Host is not a host with an optional port' },
  host_mismatch: { status: 400, message: 'Host is not the host of the request target' },

  // Connection: RFC 9110, 7.6.1, 7.8 and 10.1.1.
  invalid_connection: { status: 400, message: 'Connection is not a list of options' },
  protected_option: { status: 400, message: 'Connection names a field that is meant for all recipients' },
  upgrade: { status: 501, message: 'Upgrade is not supported' },
  unknown_expectation: { status: 417, message: 'Expect is other than 100-continue' },
  after_close: { status: 400, message: 'Bytes follow a message that closes its connection' },
  unsolicited_reply: { status: 502, message: 'A reply came without a request' },
  upgrade_reply: { status: 502, message: 'The reply switches protocols, which no request asked for' },
  tunnel_reply: { status: 502, message: 'The reply opens a tunnel' },

  // Chunks: RFC 9112, 7.1.
  invalid_chunk_size: { status: 400, message: 'A chunk size is not a hexadecimal number' },
  chunk_size_overflow: { status: 400, message: 'A chunk size is too large to count' },
  invalid_chunk_extension: { status: 400, message: 'A chunk extension is malformed' },
  chunk_extension_too_large: { status: 400, message: 'Chunk extensions are too large' },
  missing_chunk_end: { status: 400, message: 'A chunk is not followed by CRLF' },
  trailers_too_large: { status: 431, message: 'The trailers are too large' },
  forbidden_trailer: { status: 400, message: 'A trailer frames, routes or authenticates the message' },

  truncated_message: { status: 400, message: 'The connection ended inside a message' },
} as const satisfies Record<string, ReasonFacts>

export type HttpReason = keyof typeof HTTP_REASONS
