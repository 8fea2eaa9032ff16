import type { Signer } from '../crypto/signer.ts'
import { contextTag } from '../format/der-reader.ts'
import {
  encodeDer,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeSmallInteger,
} from '../format/der-writer.ts'
import { encodeSubjectName, type SubjectName } from './distinguished-name.ts'
import { OID } from './oids.ts'
import { encodeSigningExtensions, signStructure } from './signed-structure.ts'

const VERSION_1 = 0

/**
 * A PKCS#10 request for a code signing certificate, with the extensions that a self-signed one would have.
 *
 * @param emailAddress Goes into the subject alternative name.
 * @returns DER CertificationRequest; in PEM its label is `CERTIFICATE REQUEST`.
 * @throws ChanceryError ERR_X509_SUBJECT if the subject or address cannot be written.
 * @throws ChanceryError ERR_KEYS_UNAVAILABLE if the key's store does not answer.
 * Source: RFC 2986, 4; RFC 2985, 5.4.2.
 */
export async function createCertificateSigningRequest(
  subject: SubjectName,
  emailAddress: string | undefined,
  signer: Signer,
): Promise<Uint8Array> {
  const extensionRequest = encodeSequence(
    encodeOid(OID.extensionRequest),
    encodeSetOf(encodeSigningExtensions(signer.publicKey, emailAddress)),
  )
  const body = encodeSequence(
    encodeSmallInteger(VERSION_1),
    encodeSubjectName(subject),
    signer.publicKey,
    encodeDer(contextTag(0, 'constructed'), extensionRequest),
  )
  return signStructure(body, signer)
}
