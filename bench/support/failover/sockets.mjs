// Where each connection of this process to a proxy leads: every member says its name in its first hello.
import diagnostics from 'node:diagnostics_channel'

const watched = new Map()

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6

diagnostics.subscribe('net.client.socket', ({ socket }) => {
  socket.once('connect', () => watched.get(socket.remotePort)?.push(watch(socket)))
})

/** @typedef {{member: string, isMonitor: boolean, openedAtMs: number, closedAtMs: number | undefined}} Link */

/** @returns {{links: Link[], stop: () => void}} of all connections to this port from now on, whoever opens them */
export function watchPort(port) {
  const links = []
  watched.set(port, links)
  return { links, stop: () => watched.delete(port) }
}

/** @returns {Link} */
function watch(socket) {
  // Until a reply is no hello, it may be a driver's monitor.
  const link = { member: '', isMonitor: true, openedAtMs: nowMs(), closedAtMs: undefined }
  socket.on('data', (chunk) => {
    const me = memberIn(chunk)
    if (me === undefined) link.isMonitor = false
    else if (link.member === '') link.member = me
  })
  const closed = () => {
    link.closedAtMs ??= nowMs()
  }
  socket.once('end', closed)
  socket.once('close', closed)
  return link
}

/** Hello's `me`: a BSON string. On the loopback a reply of a few hundred bytes comes in one piece. */
function memberIn(chunk) {
  const at = chunk.indexOf('\u0002me\0', 0, 'latin1')
  if (at < 0) return undefined
  return chunk.toString('latin1', at + 8, at + 8 + chunk.readInt32LE(at + 4) - 1)
}
