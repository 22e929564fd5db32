import { Socket } from 'node:net'
import type { OnRead } from '../core/upstream.js'

/** Where a Socket made with `onread` keeps it: symbols of Node's own, by their description. */
interface Places {
  readonly buffer: symbol
  readonly generator: symbol
  readonly callback: symbol
}

interface Handle {
  useUserBuffer?(buffer: Uint8Array): void
}

const places = findPlaces()

function findPlaces(): Places | undefined {
  const probe = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } } as object)
  const symbols = Object.getOwnPropertySymbols(probe)
  const named = (description: string) => symbols.find((symbol) => symbol.description === description)
  probe.destroy()
  const [buffer, generator, callback] = [named('kBuffer'), named('kBufferGen'), named('kBufferCb')]
  return buffer === undefined || generator === undefined || callback === undefined
    ? undefined
    : { buffer, generator, callback }
}

/**
 * From its next read on the socket reads into buffers of ours and emits `data` no more. Node has `onread` for sockets that it
 * dials, but not for those that it accepts; this does for them what its constructor would have done. It saves an allocation
 * for each read, 10 % of the CPU of a small operation, at the price of a buffer for each connection.
 * @returns false when this Node keeps such things elsewhere, or the socket can't: it emits `data` as before
 */
export function readInto(socket: Socket, onRead: OnRead): boolean {
  const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle
  // Under TLS the handle reads what is still encrypted. What is in the stream's own buffer would be overtaken.
  const isTaken = 'encrypted' in socket || socket.readableLength > 0 || socket.destroyed
  if (places === undefined || isTaken || typeof handle?.useUserBuffer !== 'function') return false
  const buffer = onRead.buffer()
  Object.assign(socket, {
    [places.buffer]: buffer,
    [places.generator]: onRead.buffer,
    [places.callback]: onRead.callback,
  })
  handle.useUserBuffer(buffer)
  return true
}
