export interface Value {
  readonly stringValue?: string
  readonly intValue?: string | number
  readonly doubleValue?: number
  readonly boolValue?: boolean
  readonly arrayValue?: { readonly values: readonly Value[] }
}
export interface KeyValue {
  readonly key: string
  readonly value: Value
}
interface Event {
  readonly name: string
  readonly timeUnixNano: string
  readonly attributes?: readonly KeyValue[]
}
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes?: readonly KeyValue[]
  readonly events?: readonly Event[]
  readonly status?: { readonly code?: number; readonly message?: string }
}
/** As OTLP's JSON has it. */
export interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

/** One field of a protobuf message: a number for varints and fixed64 (as text of 64 bits), bytes for what has a length. */
interface Field {
  readonly number: number
  readonly bytes: Buffer
  readonly integer: bigint
}

/** Protocol Buffers, "Encoding": enough of it to read any message without its schema. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('A varint is cut')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = Number(varint())
    const number = key >> 3
    const none = Buffer.alloc(0)
    switch (key & 7) {
      case 0:
        fields.push({ number, bytes: none, integer: varint() })
        break
      case 1:
        fields.push({ number, bytes: message.subarray(at, at + 8), integer: message.readBigUInt64LE(at) })
        at += 8
        break
      case 2: {
        const length = Number(varint())
        if (at + length > message.length) throw new Error('A field is cut')
        fields.push({ number, bytes: message.subarray(at, at + length), integer: 0n })
        at += length
        break
      }
      case 5:
        fields.push({ number, bytes: message.subarray(at, at + 4), integer: BigInt(message.readUInt32LE(at)) })
        at += 4
        break
      default:
        throw new Error(`No such wire type: ${key & 7}`)
    }
  }
  return fields
}

const all = (fields: readonly Field[], number: number) => fields.filter((field) => field.number === number)
const bytes = (fields: readonly Field[], number: number) => all(fields, number)[0]?.bytes ?? Buffer.alloc(0)
const text = (fields: readonly Field[], number: number) => bytes(fields, number).toString()
const integer = (fields: readonly Field[], number: number) => all(fields, number)[0]?.integer ?? 0n

/** `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`, as its JSON would be. */
export function exportRequestOf(message: Buffer): ExportRequest {
  const resourceSpans = all(fieldsOf(message), 1).map((field) => {
    const fields = fieldsOf(field.bytes)
    const scopeSpans = all(fields, 2).map((scope) => ({
      spans: all(fieldsOf(scope.bytes), 2).map((span) => spanOf(fieldsOf(span.bytes))),
    }))
    return { resource: { attributes: keyValues(fieldsOf(bytes(fields, 1)), 1) }, scopeSpans }
  })
  return { resourceSpans }
}

function spanOf(fields: readonly Field[]): Span {
  const status = fieldsOf(bytes(fields, 15))
  return {
    traceId: bytes(fields, 1).toString('hex'),
    spanId: bytes(fields, 2).toString('hex'),
    parentSpanId: bytes(fields, 4).toString('hex'),
    name: text(fields, 5),
    kind: Number(integer(fields, 6)),
    startTimeUnixNano: String(integer(fields, 7)),
    endTimeUnixNano: String(integer(fields, 8)),
    attributes: keyValues(fields, 9),
    events: all(fields, 11).map((field) => {
      const event = fieldsOf(field.bytes)
      return { name: text(event, 2), timeUnixNano: String(integer(event, 1)), attributes: keyValues(event, 3) }
    }),
    status: { code: Number(integer(status, 3)), message: text(status, 2) },
  }
}

const keyValues = (fields: readonly Field[], number: number): KeyValue[] =>
  all(fields, number).map((field) => {
    const pair = fieldsOf(field.bytes)
    return { key: text(pair, 1), value: valueIn(fieldsOf(bytes(pair, 2))) }
  })

function valueIn(fields: readonly Field[]): KeyValue['value'] {
  const [first] = fields
  switch (first?.number) {
    case 2:
      return { boolValue: first.integer === 1n }
    case 3:
      return { intValue: String(BigInt.asIntN(64, first.integer)) }
    case 4:
      return { doubleValue: first.bytes.readDoubleLE() }
    case 5:
      return { arrayValue: { values: all(fieldsOf(first.bytes), 1).map((value) => valueIn(fieldsOf(value.bytes))) } }
    default:
      return { stringValue: text(fields, 1) }
  }
}
