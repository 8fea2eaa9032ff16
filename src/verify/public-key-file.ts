import { identifyPublicKey } from '../crypto/private-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeBitString, encodeNull, encodeOid, encodeSequence } from '../format/der-writer.ts'
import { decodePem, type PemBlock } from '../format/pem.ts'
import { parseCertificate } from '../x509/certificate.ts'

const MAX_BYTES = 256 * 1024
const DER_SEQUENCE = 0x30
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1'

/**
 * The public key of a file that a person has: PEM `PUBLIC KEY` (what `cosign.pub` is), PEM `RSA PUBLIC KEY` (PKCS #1),
 * or an X.509 certificate, of which nothing but the key is used; each also as DER, except PKCS #1. In a PEM file with
 * several certificates the first one counts.
 *
 * @returns DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_VERIFY_KEY if it is none of these, or a key of a kind that Chancery does not verify with.
 */
export function readPublicKeyFile(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_BYTES) throw noKey(`expected at most ${MAX_BYTES} bytes`)
  try {
    const publicKey = bytes[0] === DER_SEQUENCE ? readDer(bytes) : readPem(bytes)
    identifyPublicKey(publicKey)
    return publicKey
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code === 'ERR_VERIFY_KEY') throw cause
    throw noKey(cause.message, cause)
  }
}

function readDer(bytes: Uint8Array): Uint8Array {
  try {
    identifyPublicKey(bytes)
    return bytes
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error
    return parseCertificate(bytes).publicKey
  }
}

function readPem(bytes: Uint8Array): Uint8Array {
  const blocks = decodePem(Buffer.from(bytes).toString('latin1'))
  if (blocks.some(({ label }) => label.endsWith('PRIVATE KEY'))) {
    throw noKey('expected a public key, found a private one', undefined, [
      'Keep the private key to itself; `chancery public-key --key FILE` prints the public one.',
    ])
  }
  const [first, ...more] = blocks
  if (first === undefined) throw noKey('found nothing of the kind')
  if (more.length > 0 && first.label !== 'CERTIFICATE') throw noKey('expected one key, found more')
  return readBlock(first)
}

function readBlock({ label, bytes }: PemBlock): Uint8Array {
  switch (label) {
    case 'PUBLIC KEY':
      return bytes
    case 'RSA PUBLIC KEY':
      return encodeSequence(
        encodeSequence(encodeOid(RSA_ENCRYPTION), encodeNull()),
        encodeBitString(bytes),
      )
    case 'CERTIFICATE':
      return parseCertificate(bytes).publicKey
    default:
      throw noKey(`found a PEM block of another kind: ${label.slice(0, 40)}`)
  }
}

function noKey(reason: string, cause?: unknown, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError(
    'ERR_VERIFY_KEY',
    `expected a public key (PEM PUBLIC KEY) or a certificate: ${reason}`,
    { cause, hints },
  )
}
