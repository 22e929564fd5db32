import { NameTable } from './name-table.js'

/** What is looked for in one document: the fields named in `table`, everything else is skipped by its length. */
export interface Node {
  readonly table: NameTable
  readonly wants: readonly Want[]
  /** Report the document's first element through `BsonSink.first`, whatever its name: in a command, it is the command. */
  readonly first: boolean
}

export interface Want {
  readonly field: number
  /** Walk into the value when it is a document. */
  readonly document?: Node
  /** When it is an array: count its elements, report them one by one, or walk into the first one. */
  readonly array?: 'count' | 'values' | Node
}

export function node(wants: Readonly<Record<string, Want>>, first = false): Node {
  return { table: new NameTable(Object.keys(wants)), wants: Object.values(wants), first }
}

export interface BsonSink {
  /**
   * The first element of a document whose node has `first`.
   * @returns the node to walk into a document value with, or undefined to pass it over
   */
  first(
    node: Node,
    bytes: Buffer,
    nameStart: number,
    nameEnd: number,
    type: number,
    start: number,
    end: number,
  ): Node | undefined
  /**
   * A wanted field. Numbers and the like stand at `start`; a string is `[start, end)`, at most MAX_STRING_BYTES of it;
   * for a document, array or binary `start === end`: it is there, no more. `bytes` is only valid during the call.
   */
  value(field: number, type: number, bytes: Buffer, start: number, end: number): void
  /** An array wanted as `count`, or by its first element, ended with `elements` elements. */
  count(field: number, elements: number): void
}
