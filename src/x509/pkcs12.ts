import type { HashAlgorithm } from '../crypto/algorithms.ts'
import { HASH_BYTES } from '../crypto/algorithms.ts'
import { equalBytes } from '../crypto/constant-time.ts'
import { hmac } from '../crypto/hmac.ts'
import { derivePkcs12, PKCS12_PURPOSE } from '../crypto/pkcs12-kdf.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  contextTag,
  DER_TAG,
  derError,
  readDerSequence,
  type DerReader,
} from '../format/der-reader.ts'
import { MAX_CHAIN_LENGTH } from './certificate-chain.ts'
import { OID } from './oids.ts'
import {
  decryptWithPassphrase,
  encodeBmpPassphrase,
  MAX_ITERATIONS,
} from './password-based-encryption.ts'

/** The most bytes a PKCS#12 file may have. */
const MAX_PKCS12_BYTES = 256 * 1024

const VERSION_3 = 3
const EXPLICIT_0 = contextTag(0, 'constructed')
/** An ordinary file has two encrypted parts: each costs key derivation. */
const MAX_ENCRYPTED_PARTS = 4

const KEY_BAG = '1.2.840.113549.1.12.10.1.1'
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2'
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3'
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1'

const MAC_HASHES: ReadonlyMap<string, HashAlgorithm | 'sha1'> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

/** What a PKCS#12 file holds. */
export interface Pkcs12Content {
  /** DER PrivateKeyInfo (PKCS#8), one for each key. */
  readonly privateKeys: readonly Uint8Array[]
  /** DER, in the file's order. */
  readonly certificates: readonly Uint8Array[]
}

/**
 * Opens a PKCS#12 (PFX) file: checks its MAC, then decrypts. Password privacy and integrity only, strict DER.
 *
 * Node's TLS reads such files too, but does not give the key out.
 *
 * @throws ChanceryError ERR_X509_PKCS12_PASSPHRASE if the passphrase is wrong or the file was changed.
 * @throws ChanceryError ERR_X509_PKCS12 if it is no such file, uses algorithms that Chancery does not read, or asks for
 *   too much work.
 * Source: RFC 7292, 4.
 */
export async function openPkcs12(bytes: Uint8Array, passphrase: string): Promise<Pkcs12Content> {
  if (bytes.length > MAX_PKCS12_BYTES) {
    throw new ChanceryError(
      'ERR_X509_PKCS12',
      `expected at most ${MAX_PKCS12_BYTES} bytes, found ${bytes.length}`,
    )
  }
  try {
    const authenticated = await openAuthenticatedSafe(readDerSequence(bytes), passphrase)
    return await new SafeOpener(passphrase).open(authenticated)
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError) || thrown.code !== 'ERR_FORMAT_DER') throw thrown
    throw new ChanceryError('ERR_X509_PKCS12', `expected a PKCS#12 file: ${thrown.message}`, {
      hints: [
        '`openssl pkcs12 -in OLD -legacy -out all.pem -nodes` and `openssl pkcs12 -export -in all.pem -out NEW` convert it.',
      ],
    })
  }
}

/** The AuthenticatedSafe, after its MAC was found right. */
async function openAuthenticatedSafe(pfx: DerReader, passphrase: string): Promise<Uint8Array> {
  if (pfx.readSmallInteger(VERSION_3) !== VERSION_3) throw derError('expected version 3')
  const contentInfo = pfx.enter()
  if (contentInfo.readOid() !== OID.data) {
    throw derError('expected integrity by passphrase, found a signature')
  }
  const authenticated = contentInfo.enter(EXPLICIT_0).read(DER_TAG.octetString)
  if (pfx.isAtEnd) throw derError('expected a MAC, found none')
  const macData = pfx.enter()
  pfx.expectEnd()
  const digestInfo = macData.enter()
  const hashOid = digestInfo.enter().readOid()
  const expected = digestInfo.read(DER_TAG.octetString)
  const salt = macData.read(DER_TAG.octetString)
  const iterations = macData.isAtEnd ? 1 : macData.readSmallInteger(MAX_ITERATIONS)
  const hash = MAC_HASHES.get(hashOid)
  if (hash === undefined) throw derError(`the MAC ${hashOid} is not one that Chancery reads`)
  const macBytes = hash === 'sha1' ? 20 : HASH_BYTES[hash]
  for (const encoded of encodeBmpPassphrase(passphrase)) {
    const key = await derivePkcs12(hash, PKCS12_PURPOSE.mac, encoded, salt, iterations, macBytes)
    if (equalBytes(hmac(hash, key, authenticated), expected)) return authenticated
  }
  throw wrongPassphrase()
}

function wrongPassphrase(): ChanceryError {
  return new ChanceryError(
    'ERR_X509_PKCS12_PASSPHRASE',
    'the PKCS#12 file does not open: the passphrase is wrong, or the file was changed',
  )
}

/** Opens the bags of one file. */
class SafeOpener {
  readonly #passphrase: string
  readonly #privateKeys: Uint8Array[] = []
  readonly #certificates: Uint8Array[] = []
  #encryptedParts = 0

  constructor(passphrase: string) {
    this.#passphrase = passphrase
  }

  async open(authenticated: Uint8Array): Promise<Pkcs12Content> {
    const safes = readDerSequence(authenticated)
    while (!safes.isAtEnd) {
      const contentInfo = safes.enter()
      const contentType = contentInfo.readOid()
      const content = contentInfo.enter(EXPLICIT_0)
      if (contentType === OID.data) await this.#openBags(content.read(DER_TAG.octetString))
      else if (contentType === OID.encryptedData) await this.#openEncrypted(content.enter())
      else throw derError(`expected content of a passphrase, found the type ${contentType}`)
    }
    return { privateKeys: this.#privateKeys, certificates: this.#certificates }
  }

  /** Source: RFC 5652, 8. */
  async #openEncrypted(encryptedData: DerReader): Promise<void> {
    encryptedData.readInteger()
    const contentInfo = encryptedData.enter()
    contentInfo.readOid()
    const algorithm = contentInfo.enter()
    await this.#openBags(
      await this.#decrypt(algorithm, contentInfo.read(contextTag(0, 'primitive'))),
    )
  }

  async #openBags(safeContents: Uint8Array): Promise<void> {
    const bags = readDerSequence(safeContents)
    while (!bags.isAtEnd) {
      const bag = bags.enter()
      const bagType = bag.readOid()
      const value = bag.enter(EXPLICIT_0)
      if (bagType === KEY_BAG) {
        // A copy, as all others are: whoever gets it may erase it.
        this.#privateKeys.push(Uint8Array.from(value.readAny().encoded))
      } else if (bagType === SHROUDED_KEY_BAG) {
        const encrypted = value.enter()
        const algorithm = encrypted.enter()
        this.#privateKeys.push(await this.#decrypt(algorithm, encrypted.read(DER_TAG.octetString)))
      } else if (bagType === CERTIFICATE_BAG) {
        this.#addCertificate(value.enter())
      }
    }
  }

  #addCertificate(bag: DerReader): void {
    const type = bag.readOid()
    if (type !== X509_CERTIFICATE) throw derError(`expected an X.509 certificate, found ${type}`)
    this.#certificates.push(bag.enter(EXPLICIT_0).read(DER_TAG.octetString))
    if (this.#certificates.length > MAX_CHAIN_LENGTH) {
      throw derError(`expected at most ${MAX_CHAIN_LENGTH} certificates`)
    }
  }

  async #decrypt(algorithm: DerReader, ciphertext: Uint8Array): Promise<Uint8Array> {
    this.#encryptedParts += 1
    if (this.#encryptedParts > MAX_ENCRYPTED_PARTS) {
      throw derError(`expected at most ${MAX_ENCRYPTED_PARTS} encrypted parts`)
    }
    const plaintext = await decryptWithPassphrase(algorithm, ciphertext, this.#passphrase)
    if (plaintext === undefined) throw wrongPassphrase()
    return plaintext
  }
}
