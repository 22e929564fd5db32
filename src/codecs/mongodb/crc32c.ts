/** Castagnoli's polynomial, reflected. (OP_MSG specification, "checksum"; Node's own crc32 is the other one) */
const POLYNOMIAL = 0x82f63b78

const TABLE = new Int32Array(256).map((_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL
  return crc
})

/** CRC-32C over `[0, end)`, as a signed int32: the value that `writeInt32LE` takes. Byte by byte: only rewritten hellos need it. */
export function crc32c(bytes: Uint8Array, end = bytes.length): number {
  let crc = -1
  for (let i = 0; i < end; i++) crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc
}
