import { type Check, type DialHost, isFailure, SUCCESS } from './check.js'

/** A connection that stands is enough, its TLS handshake included. */
export function createTcpCheck(dial: DialHost): Check {
  return async (host, signal) => {
    const dialled = await dial(host, signal)
    if (isFailure(dialled)) return dialled
    dialled.destroy()
    return SUCCESS
  }
}
