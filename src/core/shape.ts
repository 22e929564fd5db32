/**
 * What operations of one kind do, without their values: made by a codec, shared by all exchanges that do the same. Equal
 * shapes may be different objects (after a codec's table was emptied): `id` tells.
 */
export interface Shape {
  /** 16 hex digits, of the command and the text: the same in every process. It is oplens's own, not the server's `queryShapeHash`. */
  readonly id: string
  /** The command that it was made of: of a getMore, the one that opened its cursor. */
  readonly command: string
  /** Operators and field names, with types in place of values; at most 4 KiB. '' of a command that has nothing more to say. */
  readonly text: string
  /** The request was larger or deeper than what is looked at, or the text longer. */
  readonly isTruncated: boolean
}

/** A request with its values, kept where the operator asked for them. */
export interface RequestValues {
  /** At most 4 KiB. @param isRedacted whether the values under a field of this name stay hidden */
  text(isRedacted: (field: string) => boolean): string
}

/** What observers want of each operation beside its name and numbers. Codecs leave out what nobody wants. */
export interface Detail {
  readonly shapes: boolean
  /** Where requests may be kept with their values; undefined: nowhere. */
  readonly values: ((database: string, collection: string) => boolean) | undefined
}

export const NO_DETAIL: Detail = Object.freeze({ shapes: false, values: undefined })
