/** A body whole, byte by byte and at three random cuts. */
export function everyCut(bytes: Buffer, random: () => number): readonly (readonly [name: string, chunks: Buffer[]])[] {
  return [
    ['whole', [bytes]],
    ['byte by byte', [...bytes].map((byte) => Buffer.from([byte]))],
    ...[1, 2, 3].map((i) => [`cut at random (${i})`, randomCut(bytes, random)] as const),
  ]
}

export function randomCut(bytes: Buffer, random: () => number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() ** 3 * Math.min(400, bytes.length))
    // A copy of exactly this piece: what is read beyond it would show.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
  }
  return chunks
}
