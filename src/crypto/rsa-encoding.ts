import { HASH_BYTES, type HashAlgorithm } from './algorithms.ts'
import { hashMessage } from './digest.ts'
import { decodeHex } from '../format/hex.ts'
import { randomBytes } from './random.ts'

/** What precedes the hash in DigestInfo. Source: RFC 8017, 9.2, note 1. */
const DIGEST_INFO_PREFIX: Readonly<Record<HashAlgorithm, Uint8Array>> = {
  sha256: decodeHex('3031300d060960864801650304020105000420'),
  sha384: decodeHex('3041300d060960864801650304020205000430'),
  sha512: decodeHex('3051300d060960864801650304020305000440'),
}

/** DER DigestInfo: what RSASSA-PKCS1-v1_5 pads and signs. Source: RFC 8017, 9.2. */
export function encodeDigestInfo(algorithm: HashAlgorithm, hash: Uint8Array): Uint8Array {
  return Buffer.concat([DIGEST_INFO_PREFIX[algorithm], hash])
}

/**
 * EMSA-PSS over a hash, with MGF1 of the same hash function and a random salt as long as the hash.
 *
 * @param modulusBytes The modulus length, of which all bits count (its number of bits is a multiple of 8).
 * Source: RFC 8017, 9.1.1.
 */
export function encodePss(
  algorithm: HashAlgorithm,
  hash: Uint8Array,
  modulusBytes: number,
): Uint8Array {
  const hashBytes = HASH_BYTES[algorithm]
  const salt = randomBytes(hashBytes)
  const innerHash = hashMessage(algorithm, Buffer.concat([new Uint8Array(8), hash, salt]))
  const encoded = new Uint8Array(modulusBytes)
  const maskedLength = modulusBytes - hashBytes - 1
  encoded[maskedLength - salt.length - 1] = 0x01
  encoded.set(salt, maskedLength - salt.length)
  maskMgf1(algorithm, innerHash, encoded.subarray(0, maskedLength))
  encoded[0] = (encoded[0] ?? 0) & 0x7f
  encoded.set(innerHash, maskedLength)
  encoded[modulusBytes - 1] = 0xbc
  return encoded
}

/** XORs MGF1(seed) over the bytes. Source: RFC 8017, B.2.1. */
function maskMgf1(algorithm: HashAlgorithm, seed: Uint8Array, bytes: Uint8Array): void {
  const hashBytes = HASH_BYTES[algorithm]
  const counted = new Uint8Array(seed.length + 4)
  counted.set(seed)
  const counter = new DataView(counted.buffer, seed.length)
  for (let start = 0; start < bytes.length; start += hashBytes) {
    counter.setUint32(0, start / hashBytes)
    const mask = hashMessage(algorithm, counted)
    const block = bytes.subarray(start, start + hashBytes)
    for (let i = 0; i < block.length; i++) block[i] = (block[i] ?? 0) ^ (mask[i] ?? 0)
  }
}
