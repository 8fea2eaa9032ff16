import { randomBytes } from '../crypto/random.ts'
import { deriveScrypt } from '../crypto/scrypt.ts'
import { openSecretbox, sealSecretbox, SECRETBOX } from '../crypto/secretbox.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from '../format/base64.ts'
import { parseJson } from '../format/json.ts'
import { encodePem } from '../format/pem.ts'

/** What to do about a passphrase that does not open a file. */
export const PASSPHRASE_HINT =
  'Give the passphrase that the file was encrypted with; `chancery certificates import` reads it with --passphrase-stdin.'

/** The PEM labels of `cosign.key`: the one that cosign writes since 2.0.1, and the older one. */
export const COSIGN_KEY_LABELS: readonly string[] = [
  'ENCRYPTED SIGSTORE PRIVATE KEY',
  'ENCRYPTED COSIGN PRIVATE KEY',
]

/** The costs that cosign writes or has written; it reads no others. */
const ALLOWED_COSTS: readonly unknown[] = [32_768, 65_536, 131_072]
const WRITTEN_COST = 65_536
const BLOCK_SIZE = 8
const PARALLELIZATION = 1
const SALT_BYTES = 32
const MAX_SALT_BYTES = 64

interface CosignKey {
  readonly cost: number
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
}

/**
 * Opens the body of a `cosign.key`.
 *
 * @param body What the PEM block holds: UTF-8 JSON.
 * @param passphrase May be empty: cosign encrypts even then.
 * @returns DER PrivateKeyInfo (PKCS#8).
 * @throws ChanceryError ERR_KEYS_FILE if it is not such a body, or of a scrypt cost that cosign does not use.
 * @throws ChanceryError ERR_KEYS_PASSPHRASE if the passphrase is wrong or the file was changed.
 * Source: sigstore/cosign, pkg/cosign/keys.go; go-securesystemslib, encrypted.
 */
export async function openCosignKey(body: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const { cost, salt, nonce, ciphertext } = decodeBody(body)
  const key = await deriveKey(passphrase, salt, cost)
  const pkcs8 = openSecretbox(key, nonce, ciphertext)
  if (pkcs8 === undefined) {
    throw new ChanceryError(
      'ERR_KEYS_PASSPHRASE',
      'the cosign key does not open: the passphrase is wrong, or the file was changed',
      { field: 'passphrase', hints: [PASSPHRASE_HINT] },
    )
  }
  return pkcs8
}

/**
 * Writes a key as cosign does, in PEM.
 *
 * @param pkcs8 DER PrivateKeyInfo.
 */
export async function encodeCosignKey(pkcs8: Uint8Array, passphrase: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const nonce = randomBytes(SECRETBOX.nonceBytes)
  const key = await deriveKey(passphrase, salt, WRITTEN_COST)
  const body = {
    kdf: {
      name: 'scrypt',
      params: { N: WRITTEN_COST, r: BLOCK_SIZE, p: PARALLELIZATION },
      salt: encodeBase64(salt),
    },
    cipher: { name: 'nacl/secretbox', nonce: encodeBase64(nonce) },
    ciphertext: encodeBase64(sealSecretbox(key, nonce, pkcs8)),
  }
  const [label = ''] = COSIGN_KEY_LABELS
  return encodePem(label, Buffer.from(JSON.stringify(body), 'utf8'))
}

function deriveKey(passphrase: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  return deriveScrypt(
    Buffer.from(passphrase, 'utf8'),
    salt,
    { cost, blockSize: BLOCK_SIZE, parallelization: PARALLELIZATION },
    SECRETBOX.keyBytes,
  )
}

function decodeBody(body: Uint8Array): CosignKey {
  try {
    const document = requireObject(parseJson(Buffer.from(body).toString('utf8')))
    const kdf = requireObject(document['kdf'])
    const params = requireObject(kdf['params'])
    const cipher = requireObject(document['cipher'])
    const decoded = {
      cost: Number(params['N']),
      salt: decodeBase64(String(kdf['salt'])),
      nonce: decodeBase64(String(cipher['nonce'])),
      ciphertext: decodeBase64(String(document['ciphertext'])),
    }
    if (
      kdf['name'] === 'scrypt' &&
      ALLOWED_COSTS.includes(params['N']) &&
      params['r'] === BLOCK_SIZE &&
      params['p'] === PARALLELIZATION &&
      decoded.salt.length <= MAX_SALT_BYTES &&
      cipher['name'] === 'nacl/secretbox' &&
      decoded.nonce.length === SECRETBOX.nonceBytes
    ) {
      return decoded
    }
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) throw thrown
  }
  throw new ChanceryError(
    'ERR_KEYS_FILE',
    'expected a cosign key with scrypt (N 32768, 65536 or 131072, r 8, p 1) and nacl/secretbox',
    { hints: ['Write it anew with `cosign import-key-pair`, or check that it is complete.'] },
  )
}

function requireObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw new ChanceryError('ERR_KEYS_FILE', 'expected an object')
}
