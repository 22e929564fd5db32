import { randomBytes } from 'node:crypto'
import type { TcpCodec, TcpProtocol } from '../../core/codec.js'
import { type Detail, NO_DETAIL } from '../../core/shape.js'
import { ShapeTable } from '../shared/shape-table.js'
import { AwaitedCursors } from './awaited-cursors.js'
import { type MongodbConfig, mongodbConfigSchema } from './config.js'
import { FrameList } from './frame-list.js'
import { Interner, OperationTable } from './intern.js'
import { mongodbProbe } from './probe.js'
import { ReaderPool } from './reader-pool.js'
import { ReplyFields } from './reply-fields.js'
import { RequestFields } from './request-fields.js'
import { MongoSession, type Shared } from './session.js'
import { seedOf } from './shapes/fingerprint.js'
import { RequestDetail } from './shapes/request-detail.js'
import { RequestShapes } from './shapes/request-shapes.js'
import { KeptRequests } from './values/kept-requests.js'

/** Distinct names and operations remembered per listener; beyond it they are learnt anew. */
const MAX_NAMES = 8_192
const MAX_OPERATIONS = 4_096

/** MongoDB's wire protocol: OP_MSG, OP_COMPRESSED, OP_QUERY/OP_REPLY and the legacy opcodes. */
export const mongodb: TcpProtocol<MongodbConfig> = {
  name: 'mongodb',
  transport: 'tcp',
  config: mongodbConfigSchema,
  createCodec(config, detail = NO_DETAIL): TcpCodec {
    const names = new Interner(MAX_NAMES)
    const shared: Shared = {
      requestReaders: new ReaderPool(() => new RequestFields(names), config.max_inflate),
      replyReaders: new ReaderPool(() => new ReplyFields(names), config.max_inflate),
      operations: new OperationTable(MAX_OPERATIONS),
      awaitedCursors: new AwaitedCursors(),
      detail: requestDetail(detail),
      frames: new FrameList(),
      maxOpen: config.max_open_operations,
    }
    return { open: (context) => new MongoSession(context, shared) }
  },
  probe: mongodbProbe,
}

function requestDetail({ shapes, values }: Detail): RequestDetail | undefined {
  if (!shapes && values === undefined) return undefined
  return new RequestDetail(
    shapes ? new RequestShapes(new ShapeTable('mongodb'), seedOf(randomBytes(16))) : undefined,
    values && new KeptRequests(values),
  )
}
