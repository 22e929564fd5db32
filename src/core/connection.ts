import type { Host } from './upstream.js'

/** One downstream connection, as observers and codecs know it. Created at accept; the mutable fields fill in as they are learnt. */
export class ConnectionInfo {
  /** Unique in this process, from 1. */
  readonly id: number
  readonly listener: string
  readonly cluster: string
  /** `host:port` of the client, or the path of the Unix socket. */
  readonly peer: string
  readonly openedAtMs: number
  /** Bound once an upstream connection stands. */
  host: Host | undefined = undefined
  /** How long the upstream connection took; -1 before it stands, and where requests choose their own. */
  connectMs = -1
  /** From the protocol's handshake; '' until (or unless) the client said so. */
  application = ''
  driver = ''
  driverVersion = ''
  /** Bytes read from the client, and bytes read from the upstream. */
  bytesReceived = 0
  bytesSent = 0
  operations = 0

  constructor(id: number, listener: string, cluster: string, peer: string, openedAtMs: number) {
    this.id = id
    this.listener = listener
    this.cluster = cluster
    this.peer = peer
    this.openedAtMs = openedAtMs
  }
}
