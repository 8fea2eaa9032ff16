import {
  ALGORITHMS,
  type AlgorithmIdentifier,
  type SignatureAlgorithm,
} from '../crypto/algorithms.ts'
import { sha256 } from '../crypto/digest.ts'
import type { Signer } from '../crypto/signer.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, readDerSequence } from '../format/der-reader.ts'
import {
  encodeBitString,
  encodeDer,
  encodeNamedBits,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeTrue,
} from '../format/der-writer.ts'
import { OID } from './oids.ts'

const DIGITAL_SIGNATURE_BIT = 0
const KEY_IDENTIFIER_BYTES = 20
const MAX_EMAIL_CHARACTERS = 254

/** DER AlgorithmIdentifier. Source: RFC 5280, 4.1.1.2. */
export function encodeAlgorithmIdentifier(identifier: AlgorithmIdentifier): Uint8Array {
  const { oid, parameters } = identifier
  if (parameters === 'absent') return encodeSequence(encodeOid(oid))
  return encodeSequence(
    encodeOid(oid),
    parameters === 'null' ? encodeNull() : encodeOid(parameters.curve),
  )
}

/** The AlgorithmIdentifier of the signatures that a key makes on certificates and requests. */
export function encodeSignatureAlgorithm(algorithm: SignatureAlgorithm): Uint8Array {
  return encodeAlgorithmIdentifier(ALGORITHMS[algorithm].certificateSignatureIdentifier)
}

/** `SEQUENCE { body, algorithm, signature }`: what certificates and certification requests are. */
export async function signStructure(body: Uint8Array, signer: Signer): Promise<Uint8Array> {
  const { certificateHash } = ALGORITHMS[signer.algorithm]
  const signature = await signer.sign(body, { hash: certificateHash, rsaPadding: 'pkcs1' })
  return encodeSequence(
    body,
    encodeSignatureAlgorithm(signer.algorithm),
    encodeBitString(signature),
  )
}

/**
 * The extensions of a signing certificate: no authority, for digital signatures, for code signing only, and the e-mail
 * address that cosign and podman take as the signer's identity.
 *
 * @returns DER Extensions (RFC 5280, 4.2).
 * @throws ChanceryError ERR_X509_SUBJECT if the address is not one of ASCII characters.
 */
export function encodeSigningExtensions(
  publicKey: Uint8Array,
  emailAddress: string | undefined,
): Uint8Array {
  const extensions = [
    encodeExtension(OID.basicConstraints, 'critical', encodeSequence()),
    encodeExtension(OID.keyUsage, 'critical', encodeNamedBits(DIGITAL_SIGNATURE_BIT)),
    encodeExtension(OID.extendedKeyUsage, 'critical', encodeSequence(encodeOid(OID.codeSigning))),
    encodeExtension(
      OID.subjectKeyIdentifier,
      'not critical',
      encodeOctetString(deriveKeyIdentifier(publicKey)),
    ),
  ]
  if (emailAddress !== undefined) {
    requireEmailAddress(emailAddress)
    const name = encodeDer(contextTag(1, 'primitive'), Buffer.from(emailAddress, 'latin1'))
    extensions.push(
      encodeExtension(OID.subjectAlternativeName, 'not critical', encodeSequence(name)),
    )
  }
  return encodeSequence(...extensions)
}

function encodeExtension(
  oid: string,
  criticality: 'critical' | 'not critical',
  value: Uint8Array,
): Uint8Array {
  const critical = criticality === 'critical' ? [encodeTrue()] : []
  return encodeSequence(encodeOid(oid), ...critical, encodeOctetString(value))
}

/** The leftmost 160 bits of the SHA-256 of the public key's bits. Source: RFC 7093, 2, method 1. */
function deriveKeyIdentifier(publicKey: Uint8Array): Uint8Array {
  const subjectPublicKeyInfo = readDerSequence(publicKey)
  subjectPublicKeyInfo.read(DER_TAG.sequence)
  return sha256(subjectPublicKeyInfo.readBitString()).subarray(0, KEY_IDENTIFIER_BYTES)
}

/** Source: RFC 5280, 4.2.1.6: a Mailbox of ASCII, without name, comment or angle brackets. */
function requireEmailAddress(text: string): void {
  if (text.length > MAX_EMAIL_CHARACTERS || !/^[!-;=?A-~]+@[!-;=?A-~]+$/.test(text)) {
    throw new ChanceryError(
      'ERR_X509_SUBJECT',
      'emailAddress: expected an address such as release@acme.example, in ASCII',
      { field: 'emailAddress' },
    )
  }
}
