import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import { requireKeyPair } from '../crypto/key-pair-check.ts'
import { importPrivateKey, type PrivateKey, type PrivateKeyLayout } from '../crypto/private-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { DER_TAG, readDerSequence } from '../format/der-reader.ts'
import { decodePem, type PemBlock } from '../format/pem.ts'
import type { X509Certificate } from '../x509/certificate.ts'
import { orderChain } from '../x509/certificate-chain.ts'
import { decryptWithPassphrase } from '../x509/password-based-encryption.ts'
import { openPkcs12 } from '../x509/pkcs12.ts'
import { COSIGN_KEY_LABELS, openCosignKey, PASSPHRASE_HINT } from './cosign-key.ts'

/** The most bytes a private key file may have. */
export const MAX_KEY_FILE_BYTES = 256 * 1024

/** A private key as somebody brings it, with the certificates that came along. */
export interface PrivateKeyFile {
  readonly format: 'pem' | 'der' | 'pkcs12' | 'cosign'
  /** Prints nothing of the key. */
  readonly privateKey: PrivateKey
  readonly algorithm: SignatureAlgorithm
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** Leaf first; empty where the file has no certificates. */
  readonly chain: readonly X509Certificate[]
}

/** What a DER private key file is, told by its first two values. */
type DerKind = PrivateKeyLayout | 'encrypted pkcs8' | 'pkcs12'

const KEY_LABELS: ReadonlyMap<string, DerKind> = new Map([
  ['PRIVATE KEY', 'pkcs8'],
  ['ENCRYPTED PRIVATE KEY', 'encrypted pkcs8'],
  ['EC PRIVATE KEY', 'sec1'],
  ['RSA PRIVATE KEY', 'pkcs1'],
])

/** Blocks that programs put beside the key, and that say nothing it does not say itself. */
const IDLE_LABELS: readonly string[] = ['EC PARAMETERS', 'PUBLIC KEY']

/**
 * Reads a private key from PEM or DER (PKCS#8, also encrypted; SEC 1; PKCS#1), `cosign.key` or PKCS#12. PEM and PKCS#12
 * may hold the certificate and its chain too.
 *
 * @param passphrase For encrypted files; undefined counts as empty for those that know an empty one.
 * @throws ChanceryError ERR_KEYS_FILE if it is none of these, is damaged, or does not hold exactly one key.
 * @throws ChanceryError ERR_KEYS_PASSPHRASE if the passphrase is missing or wrong.
 * @throws ChanceryError ERR_CRYPTO_KEY if the key is of a kind or size that Chancery does not use, or its halves differ.
 * @throws ChanceryError ERR_FORMAT_PEM, ERR_X509_CERTIFICATE, ERR_X509_KEY or ERR_X509_CHAIN for what is wrong there.
 */
export async function readPrivateKeyFile(
  bytes: Uint8Array,
  passphrase?: string,
): Promise<PrivateKeyFile> {
  if (bytes.length > MAX_KEY_FILE_BYTES) {
    throw fileError(`expected at most ${MAX_KEY_FILE_BYTES} bytes, found ${bytes.length}`)
  }
  if (bytes[0] !== DER_TAG.sequence) return readPem(bytes, passphrase)
  const kind = recognizeDer(bytes)
  if (kind === 'pkcs12') return readPkcs12(bytes, passphrase ?? '')
  return assemble('der', await openKey(kind, bytes, passphrase), [])
}

function fileError(message: string): ChanceryError {
  return new ChanceryError('ERR_KEYS_FILE', message, {
    hints: ['Chancery reads private keys in PEM, DER, PKCS#12 (.pfx, .p12) and cosign.key.'],
  })
}

function passphraseError(message: string): ChanceryError {
  return new ChanceryError('ERR_KEYS_PASSPHRASE', message, {
    field: 'passphrase',
    hints: [PASSPHRASE_HINT],
  })
}

function assemble(
  format: PrivateKeyFile['format'],
  privateKey: PrivateKey,
  certificates: readonly Uint8Array[],
): PrivateKeyFile {
  const { algorithm, publicKey } = privateKey
  requireKeyPair(privateKey, publicKey)
  const chain = certificates.length === 0 ? [] : orderChain(certificates, publicKey)
  return { format, privateKey, algorithm, publicKey, chain }
}

async function readPem(bytes: Uint8Array, passphrase: string | undefined): Promise<PrivateKeyFile> {
  const certificates: Uint8Array[] = []
  const keys: PemBlock[] = []
  for (const block of decodePem(Buffer.from(bytes).toString('latin1'))) {
    if (block.label === 'CERTIFICATE') certificates.push(block.bytes)
    else if (KEY_LABELS.has(block.label) || COSIGN_KEY_LABELS.includes(block.label))
      keys.push(block)
    else if (!IDLE_LABELS.includes(block.label)) {
      throw fileError(`expected a private key and certificates, found ${block.label}`)
    }
  }
  const [key] = keys
  if (key === undefined || keys.length > 1) {
    throw fileError(`expected one private key, found ${keys.length}`)
  }
  const kind = KEY_LABELS.get(key.label)
  if (kind !== undefined && kind !== 'pkcs12') {
    return assemble('pem', await openKey(kind, key.bytes, passphrase), certificates)
  }
  const pkcs8 = await openCosignKey(key.bytes, passphrase ?? '')
  return assemble('cosign', importAndErase(pkcs8, 'pkcs8'), certificates)
}

/** Source: RFC 5208, 5 and 6; RFC 5915, 3; RFC 8017, A.1.2; RFC 7292, 4: the first two values differ in all of them. */
function recognizeDer(bytes: Uint8Array): DerKind {
  try {
    const sequence = readDerSequence(bytes)
    if (sequence.peekTag() === DER_TAG.sequence) {
      sequence.readAny()
      if (sequence.peekTag() === DER_TAG.octetString) return 'encrypted pkcs8'
    } else {
      const version = sequence.readSmallInteger(3)
      const next = sequence.peekTag()
      if (next === DER_TAG.integer) return 'pkcs1'
      if (next === DER_TAG.octetString) return 'sec1'
      if (next === DER_TAG.sequence) return version === 3 ? 'pkcs12' : 'pkcs8'
    }
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) throw thrown
    throw fileError(`expected a private key in DER: ${thrown.message}`)
  }
  throw fileError('expected a private key in DER, found another structure')
}

async function readPkcs12(bytes: Uint8Array, passphrase: string): Promise<PrivateKeyFile> {
  let content: Awaited<ReturnType<typeof openPkcs12>>
  try {
    content = await openPkcs12(bytes, passphrase)
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) throw thrown
    if (thrown.code === 'ERR_X509_PKCS12_PASSPHRASE') throw passphraseError(thrown.message)
    throw new ChanceryError('ERR_KEYS_FILE', thrown.message, { hints: thrown.hints })
  }
  const [pkcs8] = content.privateKeys
  if (pkcs8 === undefined || content.privateKeys.length > 1) {
    throw fileError(`expected one private key, found ${content.privateKeys.length}`)
  }
  return assemble('pkcs12', importAndErase(pkcs8, 'pkcs8'), content.certificates)
}

async function openKey(
  kind: Exclude<DerKind, 'pkcs12'>,
  bytes: Uint8Array,
  passphrase: string | undefined,
): Promise<PrivateKey> {
  const found = recognizeDer(bytes)
  if (found !== kind) throw fileError(`expected a private key in ${kind}, found one in ${found}`)
  if (kind !== 'encrypted pkcs8') return importPrivateKey(bytes, kind)
  if (passphrase === undefined)
    throw passphraseError('the private key is encrypted: say its passphrase')
  const plaintext = await decryptPkcs8(bytes, passphrase)
  if (plaintext === undefined || !isPkcs8(plaintext)) {
    throw passphraseError(
      'the private key does not open: the passphrase is wrong, or the file was changed',
    )
  }
  return importAndErase(plaintext, 'pkcs8')
}

/** Source: RFC 5958, 3. */
async function decryptPkcs8(
  bytes: Uint8Array,
  passphrase: string,
): Promise<Uint8Array | undefined> {
  try {
    const encrypted = readDerSequence(bytes)
    const algorithm = encrypted.enter()
    const ciphertext = encrypted.read(DER_TAG.octetString)
    encrypted.expectEnd()
    return await decryptWithPassphrase(algorithm, ciphertext, passphrase)
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) throw thrown
    throw fileError(`expected an encrypted private key: ${thrown.message}`)
  }
}

/** Tells a decrypted key from what a wrong passphrase leaves whose padding happens to look right. */
function isPkcs8(plaintext: Uint8Array): boolean {
  try {
    return recognizeDer(plaintext) === 'pkcs8'
  } catch {
    return false
  }
}

function importAndErase(der: Uint8Array, layout: PrivateKeyLayout): PrivateKey {
  try {
    return importPrivateKey(der, layout)
  } finally {
    der.fill(0)
  }
}
