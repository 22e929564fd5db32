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
/** Of an operation on one table; a table has no namespace. */
export const TABLE_LABELS = ['db_system_name', 'cluster', 'db_collection_name', 'db_operation_name'] as const
/** OpenTelemetry's, of plain HTTP. */
export const HTTP_LABELS = ['cluster', 'http_request_method'] as const
const TIMED = [...OPERATION_LABELS, 'outcome']
const LISTENER = ['listener']
const CLUSTER = ['cluster']
const HOST = ['cluster', 'host']
const MEMBER_ROLE = [...HOST, 'role']

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
  httpDuration: family(
    'histogram',
    'http_client_request_duration_seconds',
    [...HTTP_LABELS, 'outcome'],
    'Like db_client_operation_duration_seconds, for plain HTTP: requests that are no operation of a database.',
  ),
  httpResponses: counter(
    'oplens_http_responses_total',
    ['listener', 'cluster', 'http_request_method', 'http_response_status_code'],
    'Replies of hosts over HTTP by their status, those of databases included; answers of oplens itself are not.',
  ),
  retries: counter(
    'oplens_operation_retries_total',
    OPERATION_LABELS,
    'Operations that were a second or later try of their client, as it said itself.',
  ),
  throttled: counter(
    'oplens_throttled_operations_total',
    OPERATION_LABELS,
    'Operations that the database refused as throttled. Clients try them again.',
  ),
  scannedItems: counter(
    'oplens_scanned_items_total',
    OPERATION_LABELS,
    'Items that the database looked at to answer, before its filters.',
  ),
  tableOperations: counter(
    'oplens_table_operations_total',
    [...TABLE_LABELS, 'outcome'],
    'Operations by each table that they name: one over two tables counts for both.',
  ),
  consumedCapacity: counter(
    'oplens_consumed_capacity_units_total',
    [...TABLE_LABELS, 'index', 'unit'],
    'Capacity units that replies told: only operations that ask for ReturnConsumedCapacity are told.',
  ),
  unprocessedItems: counter(
    'oplens_unprocessed_items_total',
    TABLE_LABELS,
    'Keys and items of batches that the database gave back undone.',
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
  helloRewrites: counter(
    'oplens_hello_rewrites_total',
    ['listener', 'form', 'result'],
    'Replies of the hello family on listeners that rewrite them, by opcode and by what was done.',
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
  certificateExpiry: gauge(
    'oplens_tls_certificate_expiry_timestamp_seconds',
    ['listener', 'cluster', 'file'],
    'When the certificate of a file expires, as Unix time. cluster is empty for those of a listener, listener for those of a cluster.',
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
  upstreamDuration: family(
    'histogram',
    'oplens_upstream_operation_duration_seconds',
    MEMBER_ROLE,
    'Like db_client_operation_duration_seconds, by the host that answered and the role it had then; aborted and refused operations are left out.',
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
  connectsPending: gauge('oplens_upstream_connects_pending', HOST, 'Connections to a host being made now.'),
  hostConnectionsOverflow: counter(
    'oplens_upstream_host_connections_overflow_total',
    HOST,
    'Connects not tried because the host had max_connections of circuit_breakers.host.',
  ),
  hostPendingOverflow: counter(
    'oplens_upstream_host_pending_connects_overflow_total',
    HOST,
    'Connects not tried because the host had max_pending_connects of circuit_breakers.host.',
  ),
  clusterActive: gauge(
    'oplens_upstream_cluster_connections_active',
    CLUSTER,
    'Connections of a cluster open now or being made, those to hosts that left it included: what its circuit breaker counts.',
  ),
  clusterPending: gauge(
    'oplens_upstream_cluster_connects_pending',
    CLUSTER,
    'Connections of a cluster being made now: what its circuit breaker counts.',
  ),
  connectionsOverflow: counter(
    'oplens_upstream_connections_overflow_total',
    CLUSTER,
    'Connects not tried because the cluster had max_connections of circuit_breakers.',
  ),
  pendingOverflow: counter(
    'oplens_upstream_pending_connects_overflow_total',
    CLUSTER,
    'Connects not tried because the cluster had max_pending_connects of circuit_breakers.',
  ),
  requestsActive: gauge(
    'oplens_upstream_cluster_requests_active',
    CLUSTER,
    'Requests of protocols inside HTTP that are in flight: what the circuit breaker max_requests counts.',
  ),
  requestRetriesActive: gauge(
    'oplens_upstream_cluster_request_retries_active',
    CLUSTER,
    'Requests in flight that were sent again by the proxy: what the circuit breaker max_retries counts.',
  ),
  requestsOverflow: counter(
    'oplens_upstream_requests_overflow_total',
    CLUSTER,
    'Requests refused because the cluster had max_requests of circuit_breakers in flight.',
  ),
  requestRetries: counter(
    'oplens_upstream_request_retries_total',
    CLUSTER,
    'Requests sent again by the proxy: the connection they were sent on had been closed before anything of a reply came.',
  ),
  requestRetriesOverflow: counter(
    'oplens_upstream_request_retries_overflow_total',
    CLUSTER,
    'Requests not sent again because the cluster had max_retries of circuit_breakers in flight.',
  ),
  connectionsIdle: gauge(
    'oplens_upstream_connections_idle',
    HOST,
    'Connections to a host that are kept open for a next request and carry none now.',
  ),
  breakerOpen: gauge(
    'oplens_upstream_circuit_breaker_open',
    ['cluster', 'breaker'],
    'Whether a circuit breaker of the cluster is open: 1 while no more of what it counts is let through, 0 otherwise.',
  ),
  noPrimary: counter(
    'oplens_upstream_no_primary_total',
    CLUSTER,
    'Client connections refused because no primary was known within primary_timeout.',
  ),
  memberDown: counter(
    'oplens_upstream_member_down_total',
    CLUSTER,
    'Client connections refused because the member that they were for was down or gone.',
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
  panics: counter(
    'oplens_upstream_panic_total',
    CLUSTER,
    'Choices of a host made among all of the cluster because none was known to be usable.',
  ),
  hostHealthy: gauge(
    'oplens_upstream_host_healthy',
    HOST,
    'Whether health checks find a host healthy: 1 or 0, no sample before its first check has ended.',
  ),
  healthChecks: counter(
    'oplens_upstream_health_checks_total',
    [...HOST, 'result'],
    'Health checks that ended: success, failure (it answered wrongly), network_failure (refused or cut), timeout.',
  ),
  healthTransitions: counter(
    'oplens_upstream_health_transitions_total',
    [...HOST, 'to'],
    'Changes of what health checks find of a host, by what it became: healthy or unhealthy.',
  ),
  upstreamHosts: gauge('oplens_upstream_hosts', CLUSTER, 'Hosts in the cluster now.'),
  memberRole: gauge('oplens_upstream_member_role', MEMBER_ROLE, 'Always 1; the label tells the role of a member now.'),
  memberUp: gauge(
    'oplens_upstream_member_up',
    HOST,
    'Whether a member answers, belongs to the set and is who it is taken for.',
  ),
  memberLag: gauge(
    'oplens_upstream_member_lag_seconds',
    HOST,
    'How far the data of a member is behind the primary, or behind the freshest member without one.',
  ),
  memberRtt: gauge('oplens_upstream_member_rtt_seconds', HOST, 'Round trip of a probe, as a moving average.'),
  elections: counter(
    'oplens_upstream_elections_total',
    CLUSTER,
    'Changes of primary after the first one known, as seen by the probes.',
  ),
  reconfigs: counter('oplens_upstream_reconfigs_total', CLUSTER, 'Changes of the member list that a primary gave.'),
  probeFailures: counter('oplens_upstream_probe_failures_total', CLUSTER, 'Probes of members that failed.'),
  stalePrimaryReports: counter(
    'oplens_upstream_stale_primary_reports_total',
    CLUSTER,
    'Reports of a primary that an already known election had replaced.',
  ),
  outdatedReports: counter(
    'oplens_upstream_outdated_reports_total',
    CLUSTER,
    'Reports that a newer one of the same process had overtaken.',
  ),
  namesRefused: counter(
    'oplens_upstream_names_refused_total',
    CLUSTER,
    'Names of members left out: malformed, too long, or past the 50 that a set can have.',
  ),
  identityMismatches: counter(
    'oplens_member_identity_mismatch_total',
    CLUSTER,
    'Times a node called itself by the name of another member than the one asked for.',
  ),
  membersWithoutListener: gauge(
    'oplens_upstream_members_without_listener',
    LISTENER,
    'Members of the set that clients can not be led to, because no listener of their own could be opened.',
  ),
  digestRows: gauge('oplens_digests_rows', [], 'Rows of query shapes that are kept now.'),
  digestEvictions: counter(
    'oplens_digests_evictions_total',
    [],
    'Rows of query shapes that made room for others: their numbers are in __other__ since.',
  ),
  digestShapeless: counter(
    'oplens_digests_operations_without_shape_total',
    [],
    'Operations that no digest counts: their command has no shape, or the request could not be read.',
  ),
  slowOperations: counter('oplens_slow_operations_total', OPERATION_LABELS, 'Operations slower than their threshold.'),
  slowLogLines: counter(
    'oplens_slow_log_lines_total',
    [],
    'Lines of slow operations that were written, to file and stdout.',
  ),
  slowLogDropped: counter(
    'oplens_slow_log_dropped_total',
    ['reason'],
    'Slow operations that were not written: sampled, rate, and lines lost: queue (the target is slow), error (it failed).',
  ),
  tracesSpans: counter(
    'oplens_traces_spans_total',
    ['sampled_by'],
    'Spans made, by why: the sampled parent, the draw, or that the operation was slow or failed.',
  ),
  tracesExported: counter('oplens_traces_exported_total', [], 'Spans that the collector took.'),
  tracesDropped: counter(
    'oplens_traces_dropped_total',
    ['reason'],
    'Spans lost: queue (not made, the queue was full), export (the collector did not take them), shutdown (the process ended).',
  ),
  tracesQueued: gauge('oplens_traces_queued', [], 'Spans that wait for the collector, those on their way included.'),
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
