import { decodeHex } from '../format/hex.ts'

/** The table of RFC 2268, 2. */
const PI_TABLE = decodeHex(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2' +
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec' +
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9' +
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
)

const BLOCK_BYTES = 8
const ROTATIONS = [1, 2, 3, 5] as const

/**
 * Decrypts RC2 in CBC mode, without looking at the padding. Only to read old PKCS#12 files: OpenSSL without its legacy
 * provider, as Node has it, cannot.
 *
 * @param key 1 to 128 bytes; its length is its effective length.
 * @param iv 8 bytes.
 * @param ciphertext Whole blocks of 8 bytes.
 * Source: RFC 2268.
 */
export function decryptRc2Cbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const roundKeys = expandKey(key, key.length * 8)
  const plaintext = new Uint8Array(ciphertext.length)
  let previous = iv
  for (let start = 0; start < ciphertext.length; start += BLOCK_BYTES) {
    const block = ciphertext.subarray(start, start + BLOCK_BYTES)
    const decrypted = decryptBlock(roundKeys, block)
    for (let i = 0; i < BLOCK_BYTES; i++) {
      plaintext[start + i] = (decrypted[i] ?? 0) ^ (previous[i] ?? 0)
    }
    previous = block
  }
  return plaintext
}

/** Source: RFC 2268, 2. */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const bytes = new Uint8Array(128)
  bytes.set(key)
  const pi = (index: number): number => PI_TABLE[index & 0xff] ?? 0
  const at = (index: number): number => bytes[index] ?? 0
  for (let i = key.length; i < 128; i++) bytes[i] = pi(at(i - 1) + at(i - key.length))
  const effectiveBytes = Math.ceil(effectiveBits / 8)
  const mask = 0xff >> (8 * effectiveBytes - effectiveBits)
  bytes[128 - effectiveBytes] = pi(at(128 - effectiveBytes) & mask)
  for (let i = 127 - effectiveBytes; i >= 0; i--) bytes[i] = pi(at(i + 1) ^ at(i + effectiveBytes))
  return Uint16Array.from({ length: 64 }, (_, i) => at(2 * i) | (at(2 * i + 1) << 8))
}

/** Source: RFC 2268, 4. */
function decryptBlock(roundKeys: Uint16Array, block: Uint8Array): Uint8Array {
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_BYTES)
  const words = Uint16Array.from({ length: 4 }, (_, i) => view.getUint16(2 * i, true))
  const at = (index: number): number => words[index & 3] ?? 0
  let next = 63
  for (let round = 15; round >= 0; round--) {
    for (let i = 3; i >= 0; i--) {
      const bits = ROTATIONS[i as 0 | 1 | 2 | 3]
      const rotated = (at(i) >> bits) | (at(i) << (16 - bits))
      words[i] =
        rotated - (roundKeys[next] ?? 0) - (at(i - 1) & at(i - 2)) - (~at(i - 1) & at(i - 3))
      next -= 1
    }
    if (round !== 11 && round !== 5) continue
    for (let i = 3; i >= 0; i--) words[i] = at(i) - (roundKeys[at(i - 1) & 63] ?? 0)
  }
  const decrypted = new Uint8Array(BLOCK_BYTES)
  const output = new DataView(decrypted.buffer)
  for (let i = 0; i < 4; i++) output.setUint16(2 * i, at(i), true)
  return decrypted
}
