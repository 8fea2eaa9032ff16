import { ALGORITHMS } from '../../crypto/algorithms.ts'
import { sha256Hex } from '../../crypto/digest.ts'
import { generatePrivateKey, identifyPublicKey, type PrivateKey } from '../../crypto/private-key.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { encodePem } from '../../format/pem.ts'
import { encodeCosignKey } from '../../keys/cosign-key.ts'
import { MAX_KEY_FILE_BYTES } from '../../keys/key-file.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { openKeyFile, readNewPassword } from '../key-passwords.ts'
import {
  aboutFile,
  createUserFile,
  OWNER_ONLY,
  readUserFile,
  requireOtherFiles,
  userFileExists,
  writeSecretFile,
  writeUserFile,
} from '../local-files.ts'

/** The flags of commands that write a pair of key files. */
export interface KeyPairFlags extends JsonFlag {
  readonly outputKeyPrefix: string
  readonly yes?: boolean
}

/** The flags of `chancery import-key-pair`. */
export interface ImportKeyPairFlags extends KeyPairFlags {
  readonly key: string
  readonly passphraseFile?: string
}

/** The flags of `chancery public-key`. */
export interface PublicKeyFlags extends JsonFlag {
  readonly key: string
  readonly outfile?: string
}

const MAX_PASSPHRASE_BYTES = 4096
const DER_SEQUENCE = 0x30

/** `chancery generate-key-pair` */
export async function generateKeyPair(this: CliContext, flags: KeyPairFlags): Promise<void> {
  const mayReplace = await mayWrite(this, flags)
  const password = await readNewPassword(this)
  await writeKeyPair(this, flags, await generatePrivateKey('ecdsa-p256'), password, mayReplace)
}

/** `chancery import-key-pair` */
export async function importKeyPair(this: CliContext, flags: ImportKeyPairFlags): Promise<void> {
  const mayReplace = await mayWrite(this, flags)
  const passphrase =
    flags.passphraseFile === undefined ? undefined : await readPassphrase(flags.passphraseFile)
  const { privateKey, chain } = await openKeyFile(this, flags.key, passphrase)
  for (const warning of ALGORITHMS[privateKey.algorithm].warnings) this.output.warn(warning)
  if (chain.length > 0) this.output.warn('only the key is imported, not its certificates')
  const password = await readNewPassword(this)
  await writeKeyPair(this, flags, privateKey, password, mayReplace)
}

/** `chancery public-key` */
export async function publicKey(this: CliContext, flags: PublicKeyFlags): Promise<void> {
  await requireOtherFiles([flags.key], [flags.outfile])
  const bytes = await readUserFile(flags.key, MAX_KEY_FILE_BYTES)
  const key = isPrivate(bytes)
    ? (await openKeyFile(this, flags.key)).publicKey
    : await aboutFile(flags.key, () => readPublicKeyFile(bytes))
  const pem = encodePem('PUBLIC KEY', key)
  if (flags.outfile !== undefined) {
    await writeUserFile(flags.outfile, new TextEncoder().encode(pem))
    this.output.progress(`wrote the public key to ${flags.outfile}`)
  }
  const document = { ...describe(key), publicKey: pem }
  this.output.result(flags.json, document, () => (flags.outfile === undefined ? pem : ''))
}

/** Whether the files may replace others: only where the user says so. */
async function mayWrite(context: CliContext, flags: KeyPairFlags): Promise<boolean> {
  if (flags.yes === true) return true
  const { privateFile, publicFile } = filesOf(flags)
  for (const file of [privateFile, publicFile]) {
    if (!(await userFileExists(file))) continue
    const answer = await context.terminal?.ask(`${file} is there already. Replace it? (y/N) `)
    if (answer !== undefined && /^y(?:es)?$/i.test(answer.trim())) return true
    throw new ChanceryError('ERR_CLI_FILE_EXISTS', `${file} is there already`, {
      hints: [
        'A key that is replaced is lost: whoever verifies with its public key accepts nothing new.',
        'Say --yes to replace it, or --output-key-prefix to write other files.',
      ],
    })
  }
  return false
}

async function writeKeyPair(
  context: CliContext,
  flags: KeyPairFlags,
  key: PrivateKey,
  password: string,
  mayReplace: boolean,
): Promise<void> {
  const { privateFile, publicFile } = filesOf(flags)
  const pkcs8 = key.exportPkcs8()
  const encrypted = await encodeCosignKey(pkcs8, password)
  pkcs8.fill(0)
  const encoder = new TextEncoder()
  const secret = encoder.encode(encrypted)
  if (mayReplace) await writeSecretFile(privateFile, secret)
  else await createUserFile(privateFile, secret, OWNER_ONLY)
  context.output.progress(`Private key written to ${privateFile}`)
  const pem = encoder.encode(encodePem('PUBLIC KEY', key.publicKey))
  await (mayReplace ? writeUserFile : createUserFile)(publicFile, pem)
  context.output.progress(`Public key written to ${publicFile}`)
  const document = { privateKeyFile: privateFile, publicKeyFile: publicFile }
  context.output.result(flags.json, { ...document, ...describe(key.publicKey) }, () => '')
}

function filesOf({ outputKeyPrefix }: KeyPairFlags): { privateFile: string; publicFile: string } {
  return { privateFile: `${outputKeyPrefix}.key`, publicFile: `${outputKeyPrefix}.pub` }
}

function describe(key: Uint8Array): { algorithm: string; fingerprint: string } {
  return { algorithm: identifyPublicKey(key), fingerprint: `sha256:${sha256Hex(key)}` }
}

/** Whether a file holds a private key, and not a public one or a certificate alone. */
function isPrivate(bytes: Uint8Array): boolean {
  if (bytes[0] !== DER_SEQUENCE) {
    return /^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(Buffer.from(bytes).toString('latin1'))
  }
  try {
    readPublicKeyFile(bytes)
    return false
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) throw thrown
    return true
  }
}

async function readPassphrase(path: string): Promise<string> {
  const bytes = await readUserFile(path, MAX_PASSPHRASE_BYTES)
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, '')
}
