import type { HttpProtocol } from '../../core/codec.js'
import type { ConnectionInfo } from '../../core/connection.js'
import type { HttpCodec, HttpHeaders, HttpReader, HttpRequestHead } from '../../core/http.js'
import { type Detail, NO_DETAIL } from '../../core/shape.js'
import { ShapeTable } from '../shared/shape-table.js'
import { noteClient } from './client-headers.js'
import { type DynamodbConfig, dynamodbConfigSchema } from './config.js'
import { ErrorNames } from './errors.js'
import { BodyRoom } from './kept-body.js'
import { OperationTable } from './operation-table.js'
import { findOperation, isDynamodbTarget, OPERATIONS } from './operations.js'
import { DynamodbReader, type Shared } from './reader.js'
import { requestShape } from './request-shapes.js'
import { DynamodbSigner } from './resign/signer.js'

/** Distinct operations remembered per listener; beyond it they are learnt anew. */
const MAX_OPERATIONS = 4_096

/** DynamoDB and DynamoDB Streams, API version 2012-08-10: `application/x-amz-json-1.0` over HTTP. */
export const dynamodb: HttpProtocol<DynamodbConfig> = {
  name: 'dynamodb',
  transport: 'http',
  config: dynamodbConfigSchema,
  // What no client asks needs no signature: the service answers 200, DynamoDB Local 400.
  health: { method: 'GET', path: '/', statuses: [200, 400] },
  createCodec(config, { shapes, values }: Detail = NO_DETAIL): HttpCodec {
    const shared: Shared = {
      operations: new OperationTable(MAX_OPERATIONS),
      errorNames: new ErrorNames(),
      shapes: OPERATIONS.map(({ source }) => requestShape(source, config.max_statement, shapes)),
      maxInflateBytes: config.max_inflate,
      shapeTable: shapes ? new ShapeTable('aws.dynamodb') : undefined,
      bodies: values === undefined ? undefined : new BodyRoom(values),
    }
    return new DynamodbCodec(shared)
  },
  createSigner({ resign }, context) {
    return resign === undefined ? undefined : new DynamodbSigner(resign, context)
  },
}

class DynamodbCodec implements HttpCodec {
  readonly #shared: Shared
  /** Of the request asked about last: who asks opens it next. */
  #target = ''
  #headers: HttpHeaders | undefined = undefined

  constructor(shared: Shared) {
    this.#shared = shared
  }

  matches({ method, headers }: HttpRequestHead): boolean {
    if (method !== 'POST') return false
    this.#target = headers.get('x-amz-target') ?? ''
    this.#headers = headers
    return isDynamodbTarget(this.#target)
  }

  open({ headers }: HttpRequestHead, connection: ConnectionInfo): HttpReader {
    noteClient(connection, headers)
    const target = headers === this.#headers ? this.#target : (headers.get('x-amz-target') ?? '')
    this.#headers = undefined
    return new DynamodbReader(findOperation(target), headers, this.#shared)
  }
}
