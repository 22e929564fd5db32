import type { HttpProtocol } from '../../core/codec.js'
import type { HttpCodec } from '../../core/http.js'
import { noteClient } from './client-headers.js'
import { type DynamodbConfig, dynamodbConfigSchema } from './config.js'
import { ErrorNames } from './errors.js'
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
  createCodec(config): HttpCodec {
    const shared: Shared = {
      operations: new OperationTable(MAX_OPERATIONS),
      errorNames: new ErrorNames(),
      shapes: OPERATIONS.map(({ source }) => requestShape(source, config.max_statement, config.shapes)),
      maxInflateBytes: config.max_inflate,
      withShapes: config.shapes,
    }
    return {
      matches: ({ method, headers }) => method === 'POST' && isDynamodbTarget(headers.get('x-amz-target') ?? ''),
      open(head, connection) {
        noteClient(connection, head.headers)
        const info = findOperation(head.headers.get('x-amz-target') ?? '')
        return new DynamodbReader(info, head.headers, shared)
      },
    }
  },
  createSigner({ resign }, context) {
    return resign === undefined ? undefined : new DynamodbSigner(resign, context)
  },
}
