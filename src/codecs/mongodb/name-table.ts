/**
 * A fixed set of names, found by their bytes: no string is made to ask "is this a field I know?".
 * Open addressing over a hash of length, first, middle and last byte; a hit is checked byte for byte.
 */
export class NameTable {
  readonly #slots: Int16Array
  readonly #mask: number
  readonly #names: readonly Uint8Array[]

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => Uint8Array.from(Buffer.from(name)))
    let size = 8
    while (size < names.length * 4) size *= 2
    this.#mask = size - 1
    this.#slots = new Int16Array(size).fill(-1)
    this.#names.forEach((name, index) => {
      let slot = this.#hash(name, 0, name.length)
      while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = index
    })
  }

  /** Index of the name at `[start, end)` of `bytes`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    let slot = this.#hash(bytes, start, end)
    for (;;) {
      const index = this.#slots[slot] as number
      if (index < 0) return -1
      if (equalBytes(this.#names[index] as Uint8Array, bytes, start, end)) return index
      slot = (slot + 1) & this.#mask
    }
  }

  #hash(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length === 0) return 0
    const first = bytes[start] as number
    const middle = bytes[start + (length >> 1)] as number
    const last = bytes[end - 1] as number
    return (length * 7 + first * 31 + middle * 131 + last * 523) & this.#mask
  }
}

/** Whether `name` stands at `[start, end)` of `bytes`. */
export function equalBytes(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
