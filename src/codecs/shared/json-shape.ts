/** What is wanted of one JSON value. Built once at start; a value without a shape is skipped. */
export interface JsonShape {
  /** The caller's own number: what events are told by. */
  readonly id: number
  /** Wanted members of an object, by name. */
  readonly fields: readonly JsonField[]
  /** Every other member; its name is told by `name`. */
  readonly any: JsonShape | undefined
  /** Each element of an array. */
  readonly items: JsonShape | undefined
  /** An array is entered to count its elements, even when none of them is wanted. */
  readonly isCounted: boolean
  /** A string is told up to so many bytes. */
  readonly maxBytes: number
}

export interface JsonField {
  readonly name: Uint8Array
  readonly shape: JsonShape
}

export interface ShapeWant {
  readonly fields?: Readonly<Record<string, JsonShape>>
  readonly any?: JsonShape
  readonly items?: JsonShape
  readonly isCounted?: boolean
  readonly maxBytes?: number
}

/** Longest name of a member that is told; also what a string may have when its shape says nothing. An ARN has at most 1,011 characters. */
export const MAX_NAME_BYTES = 1_024

export function jsonShape(id: number, want: ShapeWant = {}): JsonShape {
  const fields = Object.entries(want.fields ?? {}).map(([name, shape]) => ({
    name: Uint8Array.from(Buffer.from(name)),
    shape,
  }))
  return {
    id,
    fields,
    any: want.any,
    items: want.items,
    isCounted: want.isCounted ?? want.items !== undefined,
    maxBytes: want.maxBytes ?? MAX_NAME_BYTES,
  }
}

/** The shape of the member named at `[start, end)`; undefined when its value is not wanted. */
export function memberShape(parent: JsonShape, bytes: Uint8Array, start: number, end: number): JsonShape | undefined {
  const { fields } = parent
  const length = end - start
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as JsonField
    if (field.name.length === length && equalAt(field.name, bytes, start)) return field.shape
  }
  return undefined
}

function equalAt(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
