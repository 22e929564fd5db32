import type { Socket } from 'node:net'
import { formatAddress, type Host } from '../../core/upstream.js'
import { brokenConnection, CLOSED } from '../topology/probe-failure.js'
import { type Check, type CheckResult, cut, type DialHost, isFailure, refused, SUCCESS, timedOut } from './check.js'
import { HttpAnswer } from './http-answer.js'

export interface StatusRange {
  readonly first: number
  readonly last: number
}

export interface HttpQuestion {
  readonly method: string
  readonly path: string
  /** The `Host` field; undefined takes the host's own name. */
  readonly host?: string | undefined
  readonly statuses: readonly StatusRange[]
  readonly isTls: boolean
  /** The name that certificates must carry, where it is configured: the hosts go by that one. */
  readonly serverName: string | undefined
}

/** One request on a connection of its own; the head of the final reply decides. */
export function createHttpCheck(question: HttpQuestion, dial: DialHost): Check {
  return async (host, signal) => {
    const dialled = await dial(host, signal)
    return isFailure(dialled) ? dialled : exchange(dialled, requestFor(question, host), question.statuses, signal)
  }
}

function requestFor({ method, path, host: field, isTls, serverName }: HttpQuestion, host: Host): string {
  return [
    `${method} ${path} HTTP/1.1`,
    `Host: ${field ?? authorityOf(host, isTls, serverName)}`,
    'User-Agent: oplens-health-check',
    'Accept: */*',
    'Connection: close',
    '',
    '',
  ].join('\r\n')
}

/** (RFC 9110, section 7.2: the port may be left out where the scheme's own is meant, and some servers want it so.) */
export function authorityOf({ address, hostname }: Host, isTls: boolean, serverName?: string): string {
  const name = serverName ?? hostname
  if (address.kind === 'unix') return name === '' ? 'localhost' : name
  const whole = formatAddress(name === '' ? address : { ...address, host: name })
  return address.port === (isTls ? 443 : 80) ? whole.slice(0, whole.lastIndexOf(':')) : whole
}

function exchange(
  socket: Socket,
  request: string,
  statuses: readonly StatusRange[],
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const answer = new HttpAnswer()
    const settle = (result: CheckResult) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve(result)
    }
    const onAbort = () => settle(timedOut('it gave no answer in time'))
    const onEnd = () => settle(cut(CLOSED.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    // What comes after the first of these changes nothing: a promise settles once.
    socket.on('error', (error) => settle(cut(brokenConnection(error).reason)))
    socket.on('end', onEnd)
    socket.on('close', onEnd)
    socket.on('data', (chunk: Buffer) => {
      const found = answer.push(chunk)
      if (found !== undefined) settle(judge(found, statuses))
    })
    if (socket.destroyed || socket.readableEnded) return onEnd()
    socket.resume()
    socket.write(request)
  })
}

function judge(status: number | 'malformed', statuses: readonly StatusRange[]): CheckResult {
  if (status === 'malformed') return refused('its answer is no HTTP')
  const isExpected = statuses.some(({ first, last }) => status >= first && status <= last)
  return isExpected ? SUCCESS : refused(`it answered with status ${status}`)
}
