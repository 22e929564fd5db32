/** One metric family as users see it; docs/metrics.md lists exactly these (a test compares both ways). */
export interface Family {
  /** Counters end in `_total`; OpenMetrics drops the suffix where its rules say so. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
}

const family = (type: Family['type'], name: string, labels: readonly string[], help: string): Family =>
  Object.freeze({ name, type, help, labels: Object.freeze([...labels]) })
const counter = (name: string, labels: readonly string[], help: string) => family('counter', name, labels, help)
const gauge = (name: string, labels: readonly string[], help: string) => family('gauge', name, labels, help)

/** OpenTelemetry's attribute names with `_` for `.`. */
export const OPERATION_LABELS = [
  'db_system_name',
  'cluster',
  'db_namespace',
  'db_collection_name',
  'db_operation_name',
] as const
const TIMED = [...OPERATION_LABELS, 'outcome']
const LISTENER = ['listener']
const CLUSTER = ['cluster']
const HOST = ['cluster', 'host']

export const FAMILIES = {
  operationDuration: family(
    'histogram',
    'db_client_operation_duration_seconds',
    TIMED,
    'Time from the first byte of a request to the last byte of its reply, as seen by the proxy.',
  ),
  awaitedDuration: family(
    'histogram',
    'oplens_awaited_operation_duration_seconds',
    TIMED,
    'Like db_client_operation_duration_seconds, for operations that wait on purpose: awaited hello, getMore on awaitData cursors.',
  ),
  unacknowledged: counter(
    'oplens_unacknowledged_operations_total',
    OPERATION_LABELS,
    'Operations sent without asking for a reply (write concern 0). They have no latency, so no histogram has them.',
  ),
  operationErrors: counter(
    'oplens_operation_errors_total',
    [...OPERATION_LABELS, 'outcome', 'db_response_status_code', 'ended_by'],
    'Operations that failed: command_error, write_error, write_concern_error, refused and aborted.',
  ),
  requestBytes: counter(
    'oplens_operation_request_bytes_total',
    OPERATION_LABELS,
    'Bytes of requests on the wire, headers included, compressed when the message was.',
  ),
  replyBytes: counter('oplens_operation_reply_bytes_total', OPERATION_LABELS, 'Bytes of replies on the wire.'),
  documentsReturned: counter(
    'oplens_operation_documents_returned_total',
    OPERATION_LABELS,
    'Documents in the batches of replies.',
  ),
  documentsSent: counter(
    'oplens_operation_documents_sent_total',
    OPERATION_LABELS,
    'Documents, updates, deletes or bulk operations in requests.',
  ),
  operationsActive: gauge(
    'oplens_operations_active',
    ['cluster', 'listener'],
    'Operations without their last reply now, awaited ones left out.',
  ),
  awaitedActive: gauge(
    'oplens_awaited_operations_active',
    ['cluster', 'listener'],
    'Awaited operations without their last reply now.',
  ),
  messages: counter('oplens_messages_total', ['direction', 'opcode'], 'Wire messages whose header was seen.'),
  decodeErrors: counter(
    'oplens_decode_errors_total',
    ['listener', 'direction', 'reason'],
    'Messages that could not be understood and passed as opaque, and connections whose decoding was lost.',
  ),
  decodingLost: counter(
    'oplens_decoding_lost_total',
    ['listener', 'direction', 'reason'],
    'Connections whose framing was lost: from there on their bytes pass undecoded.',
  ),
  downstreamTotal: counter('oplens_downstream_connections_total', LISTENER, 'Client connections accepted.'),
  downstreamActive: gauge('oplens_downstream_connections_active', LISTENER, 'Client connections open now.'),
  downstreamOverflow: counter(
    'oplens_downstream_connections_overflow_total',
    LISTENER,
    'Client connections refused because max_connections stood.',
  ),
  downstreamClosed: counter(
    'oplens_downstream_connections_closed_total',
    ['listener', 'reason'],
    'Client connections that ended, by why.',
  ),
  downstreamReceived: counter('oplens_downstream_received_bytes_total', LISTENER, 'Bytes read from clients.'),
  downstreamSent: counter('oplens_downstream_sent_bytes_total', LISTENER, 'Bytes written to clients.'),
  downstreamTlsErrors: counter(
    'oplens_downstream_tls_handshake_errors_total',
    LISTENER,
    'TLS handshakes with clients that failed.',
  ),
  readingPaused: counter(
    'oplens_downstream_reading_paused_total',
    LISTENER,
    'Times one side of a connection was paused because the other could not take more.',
  ),
  certificateReloads: counter(
    'oplens_downstream_certificate_reloads_total',
    LISTENER,
    'Certificates of a listener read again after their files changed.',
  ),
  certificateReloadFailures: counter(
    'oplens_downstream_certificate_reload_failures_total',
    LISTENER,
    'Certificate files of a listener that changed and could not be used: the old certificate stays.',
  ),
  acceptErrors: counter(
    'oplens_downstream_accept_errors_total',
    LISTENER,
    'Accepts that failed, mostly for want of file descriptors.',
  ),
  upstreamCertificateReloads: counter(
    'oplens_upstream_certificate_reloads_total',
    CLUSTER,
    'Certificates of a cluster read again after their files changed.',
  ),
  upstreamCertificateReloadFailures: counter(
    'oplens_upstream_certificate_reload_failures_total',
    CLUSTER,
    'Certificate files of a cluster that changed and could not be used: the old certificate stays.',
  ),
  upstreamTotal: counter('oplens_upstream_connections_total', HOST, 'Connection attempts to a host.'),
  upstreamActive: gauge('oplens_upstream_connections_active', HOST, 'Connections to a host open now.'),
  connectFailures: counter(
    'oplens_upstream_connect_failures_total',
    HOST,
    'Connection attempts that failed, timeouts included.',
  ),
  connectTimeouts: counter('oplens_upstream_connect_timeouts_total', HOST, 'Connection attempts that timed out.'),
  upstreamSent: counter('oplens_upstream_sent_bytes_total', HOST, 'Bytes written to a host.'),
  upstreamReceived: counter('oplens_upstream_received_bytes_total', HOST, 'Bytes read from a host.'),
  upstreamOperations: counter('oplens_upstream_operations_total', HOST, 'Operations sent to a host.'),
  upstreamOperationsActive: gauge(
    'oplens_upstream_operations_active',
    HOST,
    'Operations at a host without their last reply now.',
  ),
  upstreamOperationsFailed: counter(
    'oplens_upstream_operations_failed_total',
    HOST,
    'Operations with an outcome other than ok, write_error and unacknowledged.',
  ),
  noUsableHost: counter(
    'oplens_upstream_no_usable_host_total',
    CLUSTER,
    'Client connections refused because no host of the cluster could be used.',
  ),
  connectRetries: counter(
    'oplens_upstream_connect_retries_total',
    CLUSTER,
    'Connects that went on to another host after a failure.',
  ),
  membershipChanges: counter('oplens_upstream_membership_changes_total', CLUSTER, 'Times the set of hosts changed.'),
  discoveryFailures: counter(
    'oplens_upstream_discovery_failures_total',
    CLUSTER,
    'Times the hosts of a cluster could not be looked up: the last known ones stay.',
  ),
  upstreamHosts: gauge('oplens_upstream_hosts', CLUSTER, 'Hosts in the cluster now.'),
  observerErrors: counter(
    'oplens_observer_errors_total',
    ['observer'],
    'Exceptions thrown by an observer (metrics, logs, …); traffic is not touched by them.',
  ),
  metricsOverflow: counter(
    'oplens_metrics_overflow_total',
    ['label'],
    'Times a name was folded into __other__ because its label was full. A name may be counted more than once.',
  ),
  buildInfo: gauge('oplens_build_info', ['version', 'node_version'], 'Always 1; the labels tell what runs.'),
} as const satisfies Record<string, Family>

export type FamilyKey = keyof typeof FAMILIES
