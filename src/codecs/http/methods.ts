import { type Operation, type OperationKind, OTHER } from '../../core/exchange.js'

/**
 * The registered methods (IANA, "Hypertext Transfer Protocol (HTTP) Method Registry"), without the two that are no requests,
 * `*` and `PRI`. Safe ones (RFC 9110, 9.2.1) read.
 */
const METHODS: Readonly<Record<Extract<OperationKind, 'read' | 'write' | 'admin'>, readonly string[]>> = {
  read: ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH'],
  write: ['POST', 'PUT', 'PATCH', 'DELETE'],
  admin: [
    ...['ACL', 'BASELINE-CONTROL', 'BIND', 'CHECKIN', 'CHECKOUT', 'CONNECT', 'COPY', 'LABEL', 'LINK', 'LOCK', 'MERGE'],
    ...['MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MKREDIRECTREF', 'MKWORKSPACE', 'MOVE', 'ORDERPATCH', 'PROPPATCH'],
    ...['REBIND', 'UNBIND', 'UNCHECKOUT', 'UNLINK', 'UNLOCK', 'UPDATE', 'UPDATEREDIRECTREF', 'VERSION-CONTROL'],
  ],
}

function operation(command: string, kind: OperationKind): Operation {
  return Object.freeze({ protocol: 'http', command, kind, database: '', collection: '' })
}

const OTHER_METHOD = operation(OTHER, 'admin')
const byMethod: ReadonlyMap<string, Operation> = new Map(
  (['read', 'write', 'admin'] as const).flatMap((kind) =>
    METHODS[kind].map((method) => [method, operation(method, kind)] as const),
  ),
)

/** One object for each method, of all listeners: what is told of a request is never its target. */
export function findMethod(method: string): Operation {
  return byMethod.get(method) ?? OTHER_METHOD
}
