import { decodeHex, encodeHex } from '../format/hex.ts'
import { randomBytes } from './random.ts'

/*
 * ECDSA over a hash that somebody else computed. Node's OpenSSL binding signs messages only and always hashes them first.
 *
 * So OpenSSL signs some message of ours with the key, and the signature is moved from that message's hash e to the wanted
 * hash z. With s = k⁻¹(e + r·d), the signature of z under the same nonce is (r, s'), where
 *
 *     s' = k⁻¹(z + r·d) = s · (z + r·d) · (e + r·d)⁻¹   mod n
 *
 * The nonce stays OpenSSL's: made in constant time from its generator, the key and the message (BN_generate_dsa_nonce).
 * Using one nonce for two hashes gives the key away, so (r, s) must never leave, and every call takes a fresh signature.
 *
 * BigInt arithmetic is not constant-time. All that touches d is multiplied by a fresh random blind first, so that what
 * timing could tell is about a number nobody else knows.
 */

/** A curve's order and what follows from it. Source: SP 800-186, 3.2.1.3 to 3.2.1.5. */
export interface EcdsaOrder {
  readonly n: bigint
  /** The length of r and of s in bytes. */
  readonly scalarBytes: number
  /** How many leading bytes of a hash count. For P-521 every hash is shorter than the order. */
  readonly hashBytes: number
}

/** The orders of our curves, by OpenSSL's names. */
export const ECDSA_ORDERS: Readonly<Record<'prime256v1' | 'secp384r1' | 'secp521r1', EcdsaOrder>> =
  {
    prime256v1: {
      n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
      scalarBytes: 32,
      hashBytes: 32,
    },
    secp384r1: {
      n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
      scalarBytes: 48,
      hashBytes: 48,
    },
    secp521r1: {
      n: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
      scalarBytes: 66,
      hashBytes: 66,
    },
  }

/** An ECDSA signature, r‖s, and the hash it is of. */
export interface SignedHash {
  readonly hash: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Moves a fresh signature to another hash. The fresh one must not be used for anything else.
 *
 * @param scalar The private key d.
 * @returns The signature of `hash`, r‖s.
 */
export function moveSignature(
  order: EcdsaOrder,
  scalar: bigint,
  fresh: SignedHash,
  hash: Uint8Array,
): Uint8Array {
  const { n, scalarBytes } = order
  const r = toBigInt(fresh.signature.subarray(0, scalarBytes))
  const s = toBigInt(fresh.signature.subarray(scalarBytes))
  const blind = toBigInt(randomBytes(scalarBytes)) % n
  const blindedScalar = (blind * scalar) % n
  const blindedKeyTerm = r * blindedScalar
  const from = (leadingBits(order, fresh.hash) * blind + blindedKeyTerm) % n
  const to = (leadingBits(order, hash) * blind + blindedKeyTerm) % n
  const moved = (((s * to) % n) * invert(from, n)) % n
  if (moved === 0n) throw new Error('an ECDSA signature came out as zero')
  const fixed = new Uint8Array(2 * scalarBytes)
  fixed.set(fresh.signature.subarray(0, scalarBytes))
  fixed.set(decodeHex(moved.toString(16).padStart(2 * scalarBytes, '0')), scalarBytes)
  return fixed
}

/** Big-endian bytes as a number. */
export function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`)
}

/** The hash as a number modulo nothing yet: its leftmost bits, as many as the order has. Source: FIPS 186-5, 6.4.1. */
function leadingBits(order: EcdsaOrder, hash: Uint8Array): bigint {
  return toBigInt(hash.subarray(0, order.hashBytes))
}

const LEADING_BITS = 48
const COFACTOR_LIMIT = 2 ** 24

/**
 * The inverse modulo a prime, by Lehmer's algorithm: Euclid's steps on the leading bits, in ordinary numbers, applied to
 * the whole numbers a few dozen at a time. Four times as fast as Euclid's on BigInt. Source: Knuth, TAOCP 2, 4.5.2, L.
 */
function invert(value: bigint, prime: bigint): bigint {
  let [x, y] = [prime, value]
  let [u, v] = [0n, 1n]
  while (y !== 0n) {
    const matrix = simulateEuclid(x, y)
    if (matrix === undefined) {
      const quotient = x / y
      ;[x, y] = [y, x - quotient * y]
      ;[u, v] = [v, u - quotient * v]
    } else {
      const [a, b, c, d] = matrix
      ;[x, y] = [a * x + b * y, c * x + d * y]
      ;[u, v] = [a * u + b * v, c * u + d * v]
    }
  }
  const inverse = u < 0n ? u + prime : u
  if ((inverse * value) % prime !== 1n) throw new Error('a modular inverse came out wrong')
  return inverse
}

/** As many of Euclid's steps as the leading bits decide for sure, as a matrix; undefined if there is none. */
function simulateEuclid(x: bigint, y: bigint): [bigint, bigint, bigint, bigint] | undefined {
  // One bit more or less, which rounding may make of it, matters to the number of steps only.
  const bits = Math.ceil(Math.log2(Number(x)))
  if (bits <= LEADING_BITS) return undefined
  const shift = BigInt(bits - LEADING_BITS)
  let high = Number(x >> shift)
  let low = Number(y >> shift)
  let [a, b, c, d] = [1, 0, 0, 1]
  while (low + c !== 0 && low + d !== 0) {
    const quotient = Math.floor((high + a) / (low + c))
    if (quotient !== Math.floor((high + b) / (low + d))) break
    const nextC = a - quotient * c
    const nextD = b - quotient * d
    if (Math.abs(nextC) > COFACTOR_LIMIT || Math.abs(nextD) > COFACTOR_LIMIT) break
    ;[a, b, c, d] = [c, d, nextC, nextD]
    ;[high, low] = [low, high - quotient * low]
  }
  return b === 0 ? undefined : [BigInt(a), BigInt(b), BigInt(c), BigInt(d)]
}
