import type { Signer } from '../crypto/signer.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag } from '../format/der-reader.ts'
import {
  encodeDer,
  encodeSequence,
  encodeSmallInteger,
  encodeTime,
  encodeUnsigned,
} from '../format/der-writer.ts'
import { encodeSubjectName, type SubjectName } from './distinguished-name.ts'
import {
  encodeSignatureAlgorithm,
  encodeSigningExtensions,
  signStructure,
} from './signed-structure.ts'

const VERSION_3 = 2
const SERIAL_NUMBER_BYTES = 20
const YEAR_10000 = Date.UTC(10000, 0)

/** What a self-signed certificate is to say. */
export interface SelfSignedRequest {
  readonly subject: SubjectName
  /** Goes into the subject alternative name. */
  readonly emailAddress?: string | undefined
  /** 20 random bytes; the first bit is cleared and the number never zero. */
  readonly serialNumber: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
}

/**
 * A version 3 certificate for code signing that a key signs for itself. It is no authority: whoever trusts it trusts this
 * one key.
 *
 * @returns DER Certificate.
 * @throws ChanceryError ERR_X509_SUBJECT if the subject or address cannot be written.
 * @throws ChanceryError ERR_X509_VALIDITY if it would end before it begins, or after the year 9999.
 * @throws ChanceryError ERR_KEYS_UNAVAILABLE if the key's store does not answer.
 * Source: RFC 5280, 4.1 and 4.2.
 */
export async function createSelfSignedCertificate(
  request: SelfSignedRequest,
  signer: Signer,
): Promise<Uint8Array> {
  const { subject, emailAddress, notBefore, notAfter } = request
  if (!(notBefore < notAfter) || notAfter.getTime() >= YEAR_10000) {
    throw new ChanceryError(
      'ERR_X509_VALIDITY',
      'expected a validity that begins before it ends, and ends before the year 10000',
    )
  }
  const name = encodeSubjectName(subject)
  const body = encodeSequence(
    encodeDer(contextTag(0, 'constructed'), encodeSmallInteger(VERSION_3)),
    encodeUnsigned(positive(request.serialNumber)),
    encodeSignatureAlgorithm(signer.algorithm),
    name,
    encodeSequence(encodeTime(notBefore.getTime()), encodeTime(notAfter.getTime())),
    name,
    signer.publicKey,
    encodeDer(
      contextTag(3, 'constructed'),
      encodeSigningExtensions(signer.publicKey, emailAddress),
    ),
  )
  return signStructure(body, signer)
}

/** Clears the sign bit and sets the next, so that the number is positive and always 20 bytes long. */
function positive(random: Uint8Array): Uint8Array {
  if (random.length !== SERIAL_NUMBER_BYTES) throw new RangeError('a serial number has 20 bytes')
  const serialNumber = Uint8Array.from(random)
  serialNumber[0] = ((serialNumber[0] ?? 0) & 0x7f) | 0x40
  return serialNumber
}
