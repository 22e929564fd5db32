declare module 'snappyjs' {
  /** @throws when `input` is no snappy data, or claims more than `maxLength` bytes */
  export function uncompress(input: Uint8Array, maxLength?: number): Uint8Array
  export function compress(input: Uint8Array): Uint8Array
}
