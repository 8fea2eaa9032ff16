import type { HashAlgorithm } from '../crypto/algorithms.ts'
import { CBC_CIPHERS, decryptCbc, type CbcCipher } from '../crypto/cbc.ts'
import { derivePbkdf2 } from '../crypto/pbkdf2.ts'
import { derivePkcs12, PKCS12_PURPOSE } from '../crypto/pkcs12-kdf.ts'
import { deriveScrypt } from '../crypto/scrypt.ts'
import { DER_TAG, derError, type DerReader } from '../format/der-reader.ts'

/** The most iterations that we run for a file from outside: about a second. */
export const MAX_ITERATIONS = 1_000_000

const MAX_SCRYPT_COST = 131_072
const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'
const SCRYPT = '1.3.6.1.4.1.11591.4.11'
const HMAC_SHA1 = '1.2.840.113549.2.7'

/** RFC 8018, B.1.2. */
const PRFS: ReadonlyMap<string, HashAlgorithm | 'sha1' | 'sha224'> = new Map([
  [HMAC_SHA1, 'sha1'],
  ['1.2.840.113549.2.8', 'sha224'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
])

/** RFC 8018, B.2; RFC 3565, 4.1. */
const PBES2_CIPHERS: ReadonlyMap<string, CbcCipher> = new Map([
  ['2.16.840.1.101.3.4.1.2', 'aes-128-cbc'],
  ['2.16.840.1.101.3.4.1.22', 'aes-192-cbc'],
  ['2.16.840.1.101.3.4.1.42', 'aes-256-cbc'],
  ['1.2.840.113549.3.7', 'des-ede3-cbc'],
])

/** RFC 7292, appendix C; all with SHA-1. */
const PKCS12_CIPHERS: ReadonlyMap<string, CbcCipher> = new Map([
  ['1.2.840.113549.1.12.1.3', 'des-ede3-cbc'],
  ['1.2.840.113549.1.12.1.5', 'rc2-128-cbc'],
  ['1.2.840.113549.1.12.1.6', 'rc2-40-cbc'],
])

/**
 * Decrypts what a passphrase encrypts in PKCS#8 and PKCS#12 files: PBES2 with PBKDF2 or scrypt, and the SHA-1 schemes of
 * PKCS#12 with 3DES or RC2.
 *
 * @param algorithm At the AlgorithmIdentifier of the encryption.
 * @returns Undefined if the passphrase is wrong, as far as the padding tells.
 * @throws ChanceryError ERR_FORMAT_DER if the algorithm is another, does not read, or asks for too much work.
 */
export async function decryptWithPassphrase(
  algorithm: DerReader,
  ciphertext: Uint8Array,
  passphrase: string,
): Promise<Uint8Array | undefined> {
  const oid = algorithm.readOid()
  const parameters = algorithm.enter()
  algorithm.expectEnd()
  if (oid === PBES2) return decryptPbes2(parameters, ciphertext, Buffer.from(passphrase, 'utf8'))
  const cipher = PKCS12_CIPHERS.get(oid)
  if (cipher === undefined) throw derError(`the encryption ${oid} is not one that Chancery reads`)
  const { keyBytes, blockBytes } = CBC_CIPHERS[cipher]
  const salt = parameters.read(DER_TAG.octetString)
  const iterations = parameters.readSmallInteger(MAX_ITERATIONS)
  parameters.expectEnd()
  for (const encoded of encodeBmpPassphrase(passphrase)) {
    const derive = (purpose: 1 | 2, length: number) =>
      derivePkcs12('sha1', purpose, encoded, salt, iterations, length)
    const key = await derive(PKCS12_PURPOSE.key, keyBytes)
    const iv = await derive(PKCS12_PURPOSE.iv, blockBytes)
    const plaintext = decryptCbc(cipher, key, iv, ciphertext)
    if (plaintext !== undefined) return plaintext
  }
  return undefined
}

/**
 * A passphrase as PKCS#12 derives keys from it: UTF-16 with two zero bytes at the end. The empty one has two forms in the
 * wild, with and without the zeros. Source: RFC 7292, B.1.
 */
export function encodeBmpPassphrase(passphrase: string): readonly Uint8Array[] {
  const encoded = Buffer.from(`${passphrase}\0`, 'utf16le').swap16()
  return passphrase === '' ? [encoded, new Uint8Array(0)] : [encoded]
}

/** Source: RFC 8018, 6.2.2 and A.4. */
async function decryptPbes2(
  parameters: DerReader,
  ciphertext: Uint8Array,
  passphrase: Uint8Array,
): Promise<Uint8Array | undefined> {
  const derivation = parameters.enter()
  const scheme = parameters.enter()
  parameters.expectEnd()
  const cipherOid = scheme.readOid()
  const cipher = PBES2_CIPHERS.get(cipherOid)
  if (cipher === undefined) throw derError(`the cipher ${cipherOid} is not one that Chancery reads`)
  const { keyBytes, blockBytes } = CBC_CIPHERS[cipher]
  const iv = scheme.read(DER_TAG.octetString)
  if (iv.length !== blockBytes) throw derError(`expected an IV of ${blockBytes} bytes`)
  const derivationOid = derivation.readOid()
  const details = derivation.enter()
  let key: Uint8Array
  if (derivationOid === PBKDF2) key = await runPbkdf2(details, passphrase, keyBytes)
  else if (derivationOid === SCRYPT) key = await runScrypt(details, passphrase, keyBytes)
  else throw derError(`the key derivation ${derivationOid} is not one that Chancery reads`)
  return decryptCbc(cipher, key, iv, ciphertext)
}

/** Source: RFC 8018, A.2. */
function runPbkdf2(
  details: DerReader,
  passphrase: Uint8Array,
  keyBytes: number,
): Promise<Uint8Array> {
  const salt = details.read(DER_TAG.octetString)
  const iterations = details.readSmallInteger(MAX_ITERATIONS)
  requireKeyLength(details, keyBytes)
  const prfOid = details.enterOptional(DER_TAG.sequence)?.readOid() ?? HMAC_SHA1
  const prf = PRFS.get(prfOid)
  if (prf === undefined || iterations === 0) {
    throw derError(`expected PBKDF2 with an HMAC and iterations, found ${prfOid}, ${iterations}`)
  }
  return derivePbkdf2(prf, passphrase, salt, iterations, keyBytes)
}

/** Source: RFC 7914, 7. */
function runScrypt(
  details: DerReader,
  passphrase: Uint8Array,
  keyBytes: number,
): Promise<Uint8Array> {
  const salt = details.read(DER_TAG.octetString)
  const cost = details.readSmallInteger(MAX_SCRYPT_COST)
  const blockSize = details.readSmallInteger(8)
  const parallelization = details.readSmallInteger(4)
  requireKeyLength(details, keyBytes)
  if (cost < 2 || !Number.isInteger(Math.log2(cost)) || blockSize === 0 || parallelization === 0) {
    throw derError('expected scrypt with a cost that is a power of two')
  }
  return deriveScrypt(passphrase, salt, { cost, blockSize, parallelization }, keyBytes)
}

/** The key length is optional, and for our ciphers can only be theirs. */
function requireKeyLength(details: DerReader, keyBytes: number): void {
  if (details.peekTag() !== DER_TAG.integer) return
  const length = details.readSmallInteger(64)
  if (length !== keyBytes) throw derError(`expected a key of ${keyBytes} bytes, found ${length}`)
}
