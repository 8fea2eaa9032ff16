import { hash as digest } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { HASH_BYTES, type HashAlgorithm } from './algorithms.ts'

/** What the derived bytes are for. Source: RFC 7292, B.3. */
export const PKCS12_PURPOSE = { key: 1, iv: 2, mac: 3 } as const

const ITERATIONS_PER_TURN = 1000

/**
 * The key derivation of PKCS#12, which old files use for encryption and nearly all for their integrity. It hashes on the
 * calling thread and lets others run every 1,000 iterations, a few milliseconds.
 *
 * @param passphrase As BMPString with its two zero bytes (RFC 7292, B.1).
 * @param iterations The caller bounds a number it did not choose.
 * Source: RFC 7292, B.2.
 */
export async function derivePkcs12(
  hash: HashAlgorithm | 'sha1',
  purpose: (typeof PKCS12_PURPOSE)[keyof typeof PKCS12_PURPOSE],
  passphrase: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array> {
  const hashBytes = hash === 'sha1' ? 20 : HASH_BYTES[hash]
  const blockBytes = hash === 'sha384' || hash === 'sha512' ? 128 : 64
  const diversifier = new Uint8Array(blockBytes).fill(purpose)
  const input = Buffer.concat([
    repeatToBlocks(salt, blockBytes),
    repeatToBlocks(passphrase, blockBytes),
  ])
  const derived = new Uint8Array(Math.ceil(length / hashBytes) * hashBytes)
  for (let offset = 0; offset < length; offset += hashBytes) {
    let block: Uint8Array = digest(hash, Buffer.concat([diversifier, input]), 'buffer')
    for (let i = 1; i < iterations; i++) {
      block = digest(hash, block, 'buffer')
      if (i % ITERATIONS_PER_TURN === 0) await setImmediate()
    }
    derived.set(block, offset)
    addToEachBlock(input, repeatToBlocks(block, blockBytes).subarray(0, blockBytes))
  }
  return derived.subarray(0, length)
}

/** The bytes repeated to a whole number of blocks; nothing stays nothing. */
function repeatToBlocks(bytes: Uint8Array, blockBytes: number): Uint8Array {
  const repeated = new Uint8Array(Math.ceil(bytes.length / blockBytes) * blockBytes)
  for (let i = 0; i < repeated.length; i++) repeated[i] = bytes[i % bytes.length] ?? 0
  return repeated
}

/** Adds a block plus one to every block of the input, each a big-endian number, without the carry out of it. */
function addToEachBlock(input: Uint8Array, block: Uint8Array): void {
  for (let start = 0; start < input.length; start += block.length) {
    let carry = 1
    for (let i = block.length - 1; i >= 0; i--) {
      const sum = (input[start + i] ?? 0) + (block[i] ?? 0) + carry
      input[start + i] = sum
      carry = sum >> 8
    }
  }
}
