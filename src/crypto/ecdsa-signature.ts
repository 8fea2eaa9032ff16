import { derError, readDerSequence } from '../format/der-reader.ts'
import { encodeSequence, encodeUnsigned } from '../format/der-writer.ts'

/**
 * From DER `Ecdsa-Sig-Value` to fixed-length r‖s.
 *
 * @param scalarBytes The length of r and of s: that of the curve's order.
 * @throws ChanceryError ERR_FORMAT_DER if it is not two positive integers that fit.
 * Source: RFC 3279, 2.2.3; IEEE P1363, annex E.3.1.
 */
export function decodeEcdsaSignature(der: Uint8Array, scalarBytes: number): Uint8Array {
  const sequence = readDerSequence(der)
  const fixed = new Uint8Array(2 * scalarBytes)
  for (const end of [scalarBytes, 2 * scalarBytes]) {
    const integer = sequence.readInteger()
    const magnitude = integer[0] === 0 ? integer.subarray(1) : integer
    if ((integer[0] ?? 0) >= 0x80 || magnitude.length > scalarBytes) {
      throw derError(`expected a positive integer of at most ${scalarBytes} bytes`)
    }
    fixed.set(magnitude, end - magnitude.length)
  }
  sequence.expectEnd()
  return fixed
}

/** From fixed-length r‖s to DER `Ecdsa-Sig-Value`. Source: RFC 3279, 2.2.3. */
export function encodeEcdsaSignature(fixed: Uint8Array): Uint8Array {
  const middle = fixed.length / 2
  return encodeSequence(
    encodeUnsigned(fixed.subarray(0, middle)),
    encodeUnsigned(fixed.subarray(middle)),
  )
}
