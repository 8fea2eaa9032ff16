import { readFile, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { inspect } from 'node:util'
import { equalBytes } from '../crypto/constant-time.ts'
import { deriveHkdf } from '../crypto/hkdf.ts'
import { randomBytes } from '../crypto/random.ts'
import { deriveScrypt, SCRYPT_COST, type ScryptCost } from '../crypto/scrypt.ts'
import { writeDurableFile } from '../db/durable-file.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from '../format/base64.ts'
import { parseJson } from '../format/json.ts'

const KEY_BYTES = 32
const SALT_BYTES = 32
const MIN_PASSPHRASE_CHARACTERS = 12
const MAX_FILE_BYTES = 4096
const FILE_NAME = 'master-key.json'

/** Where the master key comes from. It is never kept in the data directory. */
export type MasterKeySource =
  /** The key itself: 32 bytes in base64, as an environment variable carries it. */
  | { readonly kind: 'key'; readonly base64: string }
  /** A file that holds the same base64 text, readable by its owner only, outside the data directory. */
  | { readonly kind: 'file'; readonly path: string }
  /** A passphrase, from which scrypt derives the key. At least 12 characters. */
  | { readonly kind: 'passphrase'; readonly passphrase: string }

/** What the master key is used for; each use has a key of its own. */
export type SubkeyLabel = 'software keys' | 'audit head'

/** The key that protects everything secret at rest. Printing it shows nothing. */
export class MasterKey {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** The 32-byte key of one use: the same every time, and telling nothing about the others. */
  deriveSubkey(label: SubkeyLabel): Uint8Array {
    return deriveHkdf(this.#key, `chancery ${label}`, KEY_BYTES)
  }

  /** A value that tells the right master key from a wrong one and says nothing else. */
  deriveCheckValue(): Uint8Array {
    return deriveHkdf(this.#key, 'chancery master key check', KEY_BYTES)
  }

  toJSON(): unknown {
    return {}
  }

  [inspect.custom](): string {
    return 'MasterKey {}'
  }
}

/** `master-key.json`: not secret. Base64 values. */
interface MasterKeyFile {
  readonly version: 1
  /** Null where the source is the key itself. */
  readonly scrypt: { readonly cost: ScryptCost; readonly salt: Uint8Array } | null
  readonly checkValue: Uint8Array
}

/**
 * Binds a new data directory to its master key by writing `master-key.json` into it, durably. One process at a time
 * may do so; the caller holds the directory's lock.
 *
 * @throws ChanceryError ERR_KEYS_MASTER_KEY_EXISTS if the directory is bound already.
 * @throws ChanceryError ERR_KEYS_MASTER_KEY_SOURCE if the source cannot be read or is not kept as it must be.
 */
export async function createMasterKey(
  source: MasterKeySource,
  dataDirectory: string,
): Promise<MasterKey> {
  if (await hasMasterKey(dataDirectory)) {
    throw new ChanceryError(
      'ERR_KEYS_MASTER_KEY_EXISTS',
      'the data directory already belongs to a master key',
      { hints: ['Use an empty directory, or the authority that is in this one.'] },
    )
  }
  const isPassphrase = source.kind === 'passphrase'
  if (isPassphrase && source.passphrase.length < MIN_PASSPHRASE_CHARACTERS) {
    throw sourceError(
      `expected a passphrase of at least ${MIN_PASSPHRASE_CHARACTERS} characters, found ${source.passphrase.length}`,
      ['Whoever has the data directory can try passphrases; use several random words.'],
    )
  }
  const scrypt = isPassphrase ? { cost: SCRYPT_COST, salt: randomBytes(SALT_BYTES) } : null
  const masterKey = new MasterKey(await readKey(source, dataDirectory, scrypt))
  const file = encodeFile({ version: 1, scrypt, checkValue: masterKey.deriveCheckValue() })
  await writeDurableFile(join(dataDirectory, FILE_NAME), Buffer.from(file, 'utf8'))
  return masterKey
}

/**
 * Opens the master key of an existing data directory. Writes nothing.
 *
 * @throws ChanceryError ERR_KEYS_MASTER_KEY if the key is another one than the directory was created with.
 * @throws ChanceryError ERR_KEYS_MASTER_KEY_SOURCE if the source or `master-key.json` cannot be read, or the source is
 *   not kept as it must be.
 */
export async function loadMasterKey(
  source: MasterKeySource,
  dataDirectory: string,
): Promise<MasterKey> {
  const file = await readMasterKeyFile(dataDirectory)
  if ((file.scrypt !== null) !== (source.kind === 'passphrase')) {
    throw wrongKey(
      file.scrypt === null
        ? 'the data directory was created with a key, not with a passphrase'
        : 'the data directory was created with a passphrase, not with a key',
    )
  }
  const masterKey = new MasterKey(await readKey(source, dataDirectory, file.scrypt))
  if (!equalBytes(masterKey.deriveCheckValue(), file.checkValue)) {
    throw wrongKey('the master key is not the one that this data directory was created with')
  }
  return masterKey
}

/** True if the data directory is bound to a master key. */
export async function hasMasterKey(dataDirectory: string): Promise<boolean> {
  return (await stat(join(dataDirectory, FILE_NAME)).catch(() => undefined)) !== undefined
}

/** A new random master key, in the base64 that a file or an environment variable holds. */
export function generateMasterKey(): string {
  return encodeBase64(randomBytes(KEY_BYTES))
}

function wrongKey(message: string): ChanceryError {
  return new ChanceryError('ERR_KEYS_MASTER_KEY', message, {
    hints: [
      'Give the master key that `chancery init` was given. Without it the keys in this directory cannot be used.',
    ],
  })
}

function sourceError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_KEYS_MASTER_KEY_SOURCE', message, { hints })
}

async function readKey(
  source: MasterKeySource,
  dataDirectory: string,
  scrypt: MasterKeyFile['scrypt'],
): Promise<Uint8Array> {
  switch (source.kind) {
    case 'key':
      return decodeKey(source.base64)
    case 'file':
      return decodeKey(await readKeyFile(source.path, dataDirectory))
    case 'passphrase': {
      if (scrypt === null) throw new TypeError('a passphrase needs its scrypt parameters')
      const passphrase = Buffer.from(source.passphrase.normalize('NFC'), 'utf8')
      return deriveScrypt(passphrase, scrypt.salt, scrypt.cost, KEY_BYTES)
    }
  }
}

function decodeKey(text: string): Uint8Array {
  const hints = ['A master key is 32 bytes in base64, as `openssl rand -base64 32` prints them.']
  let key: Uint8Array
  try {
    key = decodeBase64(text.trim())
  } catch {
    throw sourceError('expected the master key in base64', hints)
  }
  if (key.length !== KEY_BYTES) {
    throw sourceError(`expected a master key of ${KEY_BYTES} bytes, found ${key.length}`, hints)
  }
  return key
}

async function readKeyFile(path: string, dataDirectory: string): Promise<string> {
  let found: { readonly path: string; readonly mode: number; readonly size: number }
  let directory: string
  try {
    const real = await realpath(path)
    const { mode, size } = await stat(real)
    found = { path: real, mode, size }
    directory = await realpath(dataDirectory)
  } catch (cause) {
    throw new ChanceryError('ERR_KEYS_MASTER_KEY_SOURCE', 'the master key file cannot be found', {
      cause,
      hints: [
        'Check --master-key-file. Only the key that `chancery init` was given opens the data directory.',
      ],
    })
  }
  const inside = relative(directory, found.path)
  if (inside !== '..' && !inside.startsWith(`..${sep}`)) {
    throw sourceError('the master key file lies inside the data directory that it protects', [
      'Keep it elsewhere, so that a copy of the data directory is not enough to sign.',
    ])
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    throw sourceError(`the master key file may be used by others than its owner (mode ${mode})`, [
      'Run `chmod 600` on it.',
    ])
  }
  if (found.size > MAX_FILE_BYTES) throw sourceError('the master key file is too large to be one')
  try {
    return await readFile(found.path, 'latin1')
  } catch (cause) {
    throw new ChanceryError('ERR_KEYS_MASTER_KEY_SOURCE', 'the master key file cannot be read', {
      cause,
    })
  }
}

function encodeFile(file: MasterKeyFile): string {
  const { scrypt, checkValue } = file
  const document = {
    version: file.version,
    scrypt: scrypt === null ? null : { ...scrypt.cost, salt: encodeBase64(scrypt.salt) },
    checkValue: encodeBase64(checkValue),
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

async function readMasterKeyFile(dataDirectory: string): Promise<MasterKeyFile> {
  let text: string
  try {
    text = await readFile(join(dataDirectory, FILE_NAME), 'utf8')
  } catch (cause) {
    throw new ChanceryError(
      'ERR_KEYS_MASTER_KEY_SOURCE',
      `the data directory has no readable ${FILE_NAME}`,
      {
        cause,
        hints: [
          'Check --data-dir. `chancery init` makes an authority with this file; where it was lost, restore it from a backup.',
        ],
      },
    )
  }
  const file = decodeFile(text)
  if (file === undefined) {
    throw sourceError(`${FILE_NAME} is damaged or of a later version`, [
      'Restore it from a backup.',
    ])
  }
  return file
}

function decodeFile(text: string): MasterKeyFile | undefined {
  try {
    const { version, scrypt, checkValue } = parseJson(text) as Record<string, unknown>
    if (version !== 1) return undefined
    if (scrypt === null) return { version, scrypt, checkValue: decodeBase64(checkValue as string) }
    const { cost, blockSize, parallelization, salt } = scrypt as Record<string, unknown>
    // One cost exists; a file that names another was not written by this version.
    if (
      cost !== SCRYPT_COST.cost ||
      blockSize !== SCRYPT_COST.blockSize ||
      parallelization !== SCRYPT_COST.parallelization
    ) {
      return undefined
    }
    return {
      version,
      scrypt: { cost: SCRYPT_COST, salt: decodeBase64(salt as string) },
      checkValue: decodeBase64(checkValue as string),
    }
  } catch {
    return undefined
  }
}
