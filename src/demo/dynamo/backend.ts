import { EventEmitter } from 'node:events'
import type { IncomingHttpHeaders, Server } from 'node:http'

/** One call of the API. */
export interface Call {
  /** `GetItem`. */
  readonly operation: string
  readonly headers: IncomingHttpHeaders
  /** JSON. */
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body: string
}

export type Backend = (call: Call) => Promise<Answer>

export const API = 'DynamoDB_20120810.'

/** Loads dynalite: tables in memory, called without a socket. What it throws for a call becomes a 500. */
export async function createBackend(): Promise<Backend> {
  const { default: dynalite } = await import('dynalite')
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  return (call) => ask(server, call)
}

/**
 * It throws what a request's socket tells, which would end the process when a client leaves: so it gets whole bodies, and
 * neither a socket nor a stream.
 */
function ask(server: Server, { operation, headers, body }: Call): Promise<Answer> {
  return new Promise((resolve) => {
    const request = Object.assign(new EventEmitter(), {
      method: 'POST',
      url: '/',
      headers: { ...headers, 'x-amz-target': API + operation },
    })
    const told: Record<string, string> = {}
    const response = {
      statusCode: 200,
      setHeader: (name: string, value: unknown) => {
        told[name.toLowerCase()] = String(value)
      },
      end: (text = '') => resolve({ status: response.statusCode, headers: told, body: text }),
    }
    try {
      server.emit('request', request, response)
      request.emit('data', Buffer.from(body))
      request.emit('end')
    } catch (error) {
      resolve(failure(500, 'InternalServerError', error instanceof Error ? error.message : String(error)))
    }
  })
}

export function failure(status: number, name: string, message: string, more: object = {}): Answer {
  const type = `com.amazonaws.dynamodb.v20120810#${name}`
  return answer(status, { __type: type, message, ...more })
}

export function answer(status: number, value: object): Answer {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: JSON.stringify(value),
  }
}
