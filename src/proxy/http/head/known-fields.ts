import { LOWER } from './characters.js'
import type { FieldList } from './field-list.js'

/** Indexes of the fields that a head is read by; -1 when they are missing. One walk finds them all. */
export class KnownFields {
  host = -1
  contentLength = -1
  transferEncoding = -1
  connection = -1
  upgrade = -1
  expect = -1
  /** One of those that are not forwarded is there. */
  hasHopByHop = false

  find(fields: FieldList): void {
    this.host = -1
    this.contentLength = -1
    this.transferEncoding = -1
    this.connection = -1
    this.upgrade = -1
    this.expect = -1
    this.hasHopByHop = false
    const count = fields.count
    for (let i = 0; i < count; i++) this.#look(fields, i)
  }

  /** By length and first letter first: of what clients send, few names share both with one of these. */
  #look(fields: FieldList, i: number): void {
    const first = LOWER[fields.bytes[fields.lineStart(i)] as number]
    switch (fields.nameLength(i)) {
      case 2:
        if (fields.isNamed(i, 'te')) this.hasHopByHop = true
        break
      case 4:
        if (this.host < 0 && fields.isNamed(i, 'host')) this.host = i
        break
      case 6:
        if (this.expect < 0 && fields.isNamed(i, 'expect')) this.expect = i
        break
      case 7:
        if (!fields.isNamed(i, 'upgrade')) break
        this.hasHopByHop = true
        if (this.upgrade < 0) this.upgrade = i
        break
      case 10:
        if (first === 0x6b /* k */) this.hasHopByHop ||= fields.isNamed(i, 'keep-alive')
        else if (first === 0x63 /* c */ && fields.isNamed(i, 'connection')) {
          this.hasHopByHop = true
          if (this.connection < 0) this.connection = i
        }
        break
      case 14:
        if (this.contentLength < 0 && fields.isNamed(i, 'content-length')) this.contentLength = i
        break
      case 16:
        if (first === 0x70 /* p */) this.hasHopByHop ||= fields.isNamed(i, 'proxy-connection')
        break
      case 17:
        if (this.transferEncoding < 0 && fields.isNamed(i, 'transfer-encoding')) this.transferEncoding = i
        break
      default:
    }
  }
}
