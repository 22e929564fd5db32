import { Binary, type DeserializeOptions, type Document, deserialize } from 'bson'

/**
 * BSON → what the query engine compares. mingo tells values of other classes apart by their `toString`, and a Binary's is
 * UTF-8, in which all invalid bytes look alike: each gets one that tells its bytes.
 */
export function parse(bytes: Uint8Array, options?: DeserializeOptions): Document {
  const document = deserialize(bytes, options)
  markBinaries(document)
  return document
}

function markBinaries(value: object): void {
  for (const child of Object.values(value)) {
    if (typeof child !== 'object' || child === null) continue
    if (child instanceof Binary) {
      const text = `${child.sub_type}:${child.toString('hex')}`
      Object.defineProperty(child, 'toString', { value: (encoding?: string) => encoded(child, text, encoding) })
    } else if (Array.isArray(child) || Object.getPrototypeOf(child) === Object.prototype) {
      markBinaries(child)
    }
  }
}

const encoded = (binary: Binary, text: string, encoding?: string): string =>
  encoding === undefined ? text : Binary.prototype.toString.call(binary, encoding as 'hex')
