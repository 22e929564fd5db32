import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/**
 * Ends a socket so that its peer can't take what came for all there is: with a reset, at once, and without what was not written
 * yet. Node's own `resetAndDestroy` waits until a slow peer took everything, and says an orderly end then; what it sets is used
 * here without that. Under TLS and on Unix sockets there is no reset: they are destroyed (TLS without its `close_notify`).
 */
export function resetSocket(socket: Socket): void {
  const isTcp = socket.remoteFamily !== undefined && !(socket instanceof TLSSocket)
  if (isTcp) Object.assign(socket, { resetAndClosing: true })
  socket.destroy()
}
