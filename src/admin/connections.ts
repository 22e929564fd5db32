import type { ConnectionInfo } from '../core/connection.js'
import type { ConnectionRow, ConnectionsReport } from './frames.js'

/** The oldest first, at most `limit`; `total` is of all. */
export function connectionRows(open: Iterable<ConnectionInfo>, nowMs: number, limit: number): ConnectionsReport {
  const listed: ConnectionRow[] = []
  let total = 0
  for (const c of open) {
    if (total++ >= limit) continue
    const { id, listener, cluster, peer, application, driver, driverVersion, bytesReceived, bytesSent, operations } = c
    const ageMs = Math.round(nowMs - c.openedAtMs)
    const client = { application, driver, driverVersion }
    const host = c.host?.name ?? ''
    listed.push({ id, listener, cluster, peer, host, ageMs, ...client, bytesReceived, bytesSent, operations })
  }
  return { total, connections: listed }
}
