import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import { requireKeyPair } from '../crypto/key-pair-check.ts'
import { LocalSigner } from '../crypto/local-signer.ts'
import { generatePrivateKey, importPrivateKey, type PrivateKey } from '../crypto/private-key.ts'
import { seal, unseal } from '../crypto/seal.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Reader, Statement } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { MasterKey } from './master-key.ts'

/** Whose a new key is. */
export interface KeyOwner {
  /** A GUID that no key has had. */
  readonly keyId: string
  readonly organizationId: string
  /** Milliseconds since 1970 UTC. */
  readonly createdAt: number
}

/** A key that exists once its statements are committed. */
export interface NewKey {
  readonly keyId: string
  readonly algorithm: SignatureAlgorithm
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** The key's row, sealed; to be committed in the change that gives the key its use. */
  readonly statements: readonly Statement[]
  /** Signs before the row is committed, so that a certificate can come in the same change. */
  readonly signer: Signer
}

interface KeyRow {
  readonly organization_id: string
  readonly algorithm: SignatureAlgorithm
  readonly public_key: Uint8Array
  readonly sealed_private_key: Uint8Array
}

const INSERT =
  'INSERT INTO software_keys (key_id, organization_id, algorithm, public_key, sealed_private_key, created_at) ' +
  'VALUES (?, ?, ?, ?, ?, ?)'
const SELECT =
  'SELECT organization_id, algorithm, public_key, sealed_private_key FROM software_keys WHERE key_id = ?'

/**
 * Keys in the database, each sealed under the master key for its id, organization and algorithm, so that no row can pass
 * for another. Opened keys stay in memory, as handles.
 */
export class SoftwareKeyStore {
  readonly #reader: Reader
  readonly #sealingKey: Uint8Array
  readonly #signers = new Map<string, LocalSigner>()

  constructor(reader: Reader, masterKey: MasterKey) {
    this.#reader = reader
    this.#sealingKey = masterKey.deriveSubkey('software keys')
  }

  /** Generates a key. */
  async generate(algorithm: SignatureAlgorithm, owner: KeyOwner): Promise<NewKey> {
    return this.import(await generatePrivateKey(algorithm), owner)
  }

  /**
   * Takes over a key that exists already.
   *
   * @throws ChanceryError ERR_CRYPTO_KEY if its private and public half do not belong together.
   */
  import(privateKey: PrivateKey, owner: KeyOwner): NewKey {
    const { algorithm, publicKey } = privateKey
    const { keyId, organizationId, createdAt } = owner
    requireKeyPair(privateKey, publicKey)
    const sealed = seal(
      this.#sealingKey,
      privateKey.exportPkcs8(),
      associatedData(keyId, organizationId, algorithm),
    )
    const statement: Statement = {
      sql: INSERT,
      parameters: [keyId, organizationId, algorithm, publicKey, sealed, createdAt],
      expectChanges: 1,
    }
    const signer = new LocalSigner(keyId, privateKey)
    return { keyId, algorithm, publicKey, statements: [statement], signer }
  }

  /**
   * The signer of a committed key; after the first call, from memory.
   *
   * @throws ChanceryError ERR_KEYS_MISSING if there is no such key.
   * @throws ChanceryError ERR_KEYS_UNAVAILABLE if its row does not open: it was changed or belongs to another key.
   */
  openSigner(keyId: string): Signer {
    const opened = this.#signers.get(keyId)
    if (opened !== undefined) return opened
    const row = this.#reader.get<KeyRow>(SELECT, keyId)
    if (row === undefined) {
      throw new ChanceryError('ERR_KEYS_MISSING', `the key store has no key ${keyId}`)
    }
    const signer = new LocalSigner(keyId, this.#openRow(keyId, row))
    this.#signers.set(keyId, signer)
    return signer
  }

  /** Drops an opened key from memory; the next {@link openSigner} reads it again. */
  forget(keyId: string): void {
    this.#signers.delete(keyId)
  }

  #openRow(keyId: string, row: KeyRow): PrivateKey {
    try {
      const context = associatedData(keyId, row.organization_id, row.algorithm)
      const pkcs8 = unseal(this.#sealingKey, row.sealed_private_key, context)
      const privateKey = importPrivateKey(pkcs8, 'pkcs8')
      pkcs8.fill(0)
      requireKeyPair(privateKey, row.public_key)
      return privateKey
    } catch (cause) {
      if (!(cause instanceof ChanceryError)) throw cause
      throw new ChanceryError('ERR_KEYS_UNAVAILABLE', `the key ${keyId} cannot be opened`, {
        cause,
        hints: [
          'Its row was changed or damaged after it was written: run `chancery fsck`, restore from a backup.',
        ],
      })
    }
  }
}

/** What a sealed row belongs to. The parts cannot contain a line break. */
function associatedData(
  keyId: string,
  organizationId: string,
  algorithm: SignatureAlgorithm,
): Uint8Array {
  return Buffer.from(`chancery software key v1\n${keyId}\n${organizationId}\n${algorithm}`, 'utf8')
}
