import { createRequire } from 'node:module'
import * as zlib from 'node:zlib'
import { decompress as zstdDecompressBounded } from 'fzstd'

export type CompressorName = 'snappy' | 'zlib' | 'zstd'

/** One algorithm of OP_COMPRESSED. `expectedBytes` bounds what `decompress` may make; more or less than it is an error. */
export interface Compressor {
  readonly name: CompressorName
  readonly id: number
  compress(bytes: Buffer): Buffer | Promise<Buffer>
  decompress(bytes: Buffer, expectedBytes: number): Uint8Array
}

interface SnappyJs {
  compress(bytes: Buffer): Buffer
  uncompress(bytes: Buffer, maxBytes: number): Uint8Array
}

/** The part of node:zlib that came with Node 22.15. */
interface ZstdInZlib {
  zstdCompressSync?(bytes: Buffer): Buffer
  zstdDecompressSync?(bytes: Buffer, options: { maxOutputLength: number }): Buffer
}

const zlibCompressor: Compressor = {
  name: 'zlib',
  id: 2,
  compress: (bytes) => zlib.deflateSync(bytes),
  decompress: (bytes, expectedBytes) => zlib.inflateSync(bytes, { maxOutputLength: Math.max(expectedBytes, 1) }),
}

function snappyCompressor(): Compressor {
  // The package has no types; a require with ours keeps it out of every other module.
  const snappy: SnappyJs = createRequire(import.meta.url)('snappyjs')
  return {
    name: 'snappy',
    id: 1,
    compress: (bytes) => snappy.compress(bytes),
    decompress: (bytes, expectedBytes) => snappy.uncompress(bytes, expectedBytes),
  }
}

/** @returns undefined when this Node has no zstd and the optional package is not installed */
async function zstdCompressor(): Promise<Compressor | undefined> {
  const { zstdCompressSync, zstdDecompressSync } = zlib as ZstdInZlib
  if (zstdCompressSync !== undefined && zstdDecompressSync !== undefined) {
    return {
      name: 'zstd',
      id: 3,
      compress: (bytes) => zstdCompressSync(bytes),
      decompress: (bytes, expectedBytes) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(expectedBytes, 1) }),
    }
  }
  const native = await import('@mongodb-js/zstd').catch(() => undefined)
  if (native === undefined) return undefined
  return {
    name: 'zstd',
    id: 3,
    compress: (bytes) => native.compress(bytes),
    // The native package has no bound on its output; fzstd writes into a buffer of exactly the declared size.
    decompress: (bytes, expectedBytes) => zstdDecompressBounded(bytes, new Uint8Array(expectedBytes)),
  }
}

/** Those of `wanted` that this process can do, in that order. */
export async function loadCompressors(wanted: readonly CompressorName[]): Promise<readonly Compressor[]> {
  const loaded: Compressor[] = []
  for (const name of wanted) {
    const compressor = await loadCompressor(name)
    if (compressor !== undefined) loaded.push(compressor)
  }
  return loaded
}

async function loadCompressor(name: CompressorName): Promise<Compressor | undefined> {
  if (name === 'zlib') return zlibCompressor
  if (name === 'snappy') return snappyCompressor()
  return zstdCompressor()
}
