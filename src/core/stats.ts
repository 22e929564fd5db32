import { CertificateExpiry } from './certificates.js'

/**
 * Plain counters that the data path adds to and a scrape reads: the cheapest thing that can be summed over workers.
 * Words are Envoy's where it has one.
 */

export class HostStats {
  /** Being dialled now. */
  connectsPending = 0
  /** Not even tried: a circuit breaker of this host was open. */
  connectionsOverflow = 0
  connectsPendingOverflow = 0
  /** Connection attempts, those standing now, and failures (a timeout counts in both). */
  connectionsTotal = 0
  connectionsActive = 0
  /** Of those standing, kept open for a next request: they carry none now. */
  connectionsIdle = 0
  connectFailures = 0
  connectTimeouts = 0
  bytesSent = 0
  bytesReceived = 0
  operationsTotal = 0
  operationsActive = 0
  /** Outcomes other than ok, write_error and unacknowledged: what a host may be to blame for. */
  operationsFailed = 0
}

export class ClusterStats {
  connectionsActive = 0
  connectsPending = 0
  /** Not even tried: a circuit breaker of the cluster was open. */
  connectionsOverflow = 0
  connectsPendingOverflow = 0
  requestsActive = 0
  retriesActive = 0
  /** Refused because `max_requests` were in flight; retries that were made, and those not made because of `max_retries`. */
  requestsOverflow = 0
  retriesTotal = 0
  retriesOverflow = 0
  noPrimary = 0
  memberDown = 0
  noUsableHost = 0
  /** Choices made among all hosts because none was known to be usable. */
  panics = 0
  /** Connects that went on to another host after a failure. */
  connectRetries = 0
  membershipChanges = 0
  discoveryFailures = 0
  /** Certificates read again after their files changed, and re-reads that failed (the old ones stay). */
  certificateReloads = 0
  certificateReloadFailures = 0
  readonly certificateExpiry = new CertificateExpiry()
}

export class ListenerStats {
  connectionsTotal = 0
  connectionsActive = 0
  /** Refused because `max_connections` stood. */
  connectionsOverflow = 0
  tlsHandshakeErrors = 0
  /** `accept` itself failed: out of file descriptors, mostly. */
  acceptErrors = 0
  bytesReceived = 0
  bytesSent = 0
  /** Times a side was paused because the other could not take more. */
  readingPaused = 0
  /** Certificates read again after their files changed, and re-reads that failed (the old ones stay). */
  certificateReloads = 0
  certificateReloadFailures = 0
  readonly certificateExpiry = new CertificateExpiry()
}
