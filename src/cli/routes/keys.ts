import { buildCommand } from '@stricli/core'
import { explain, JSON_FLAG, requiredText, text, toggle, valued } from '../flags.ts'

const YES = toggle('Replace files that are there already')

const generateKeyPair = buildCommand({
  loader: async () => (await import('../commands/key-pairs.ts')).generateKeyPair,
  parameters: {
    flags: {
      ...JSON_FLAG,
      outputKeyPrefix: {
        kind: 'parsed',
        parse: String,
        default: 'cosign',
        brief: valued('PREFIX', 'Name of the files, without .key and .pub'),
        placeholder: 'PREFIX',
      },
      yes: YES,
    },
    aliases: { y: 'yes' },
  },
  docs: explain(
    'Make a key pair in files',
    `Writes cosign.key, a P-256 key encrypted with a password, and cosign.pub; cosign reads both. The password comes from
COSIGN_PASSWORD, the terminal, or standard input. A signing server keeps its keys itself: \`chancery certificates create\`.`,
    'chancery generate-key-pair',
    'chancery generate-key-pair --output-key-prefix release',
  ),
})

const importKeyPair = buildCommand({
  loader: async () => (await import('../commands/key-pairs.ts')).importKeyPair,
  parameters: {
    flags: {
      ...JSON_FLAG,
      key: requiredText('The private key: PEM, DER, PKCS#12 or cosign.key', 'FILE'),
      passphraseFile: text('Read the passphrase of that file from a file', 'FILE'),
      outputKeyPrefix: {
        kind: 'parsed',
        parse: String,
        default: 'import-cosign',
        brief: valued('PREFIX', 'Name of the files, without .key and .pub'),
        placeholder: 'PREFIX',
      },
      yes: YES,
    },
    aliases: { k: 'key', y: 'yes' },
  },
  docs: explain(
    'Make cosign key files of a key in another format',
    `Reads PEM and DER (PKCS#8, encrypted or not, PKCS#1, SEC 1), PKCS#12 and cosign.key, and writes import-cosign.key and
import-cosign.pub. COSIGN_PASSWORD is the password of the new file and, without --passphrase-file, of the old one.`,
    'chancery import-key-pair --key release.pem',
    'chancery import-key-pair --key release.pfx --passphrase-file pfx-passphrase.txt --output-key-prefix release',
  ),
})

const publicKey = buildCommand({
  loader: async () => (await import('../commands/key-pairs.ts')).publicKey,
  parameters: {
    flags: {
      ...JSON_FLAG,
      key: requiredText('Private key, public key or certificate', 'FILE'),
      outfile: text('Write it to a file instead of stdout', 'FILE'),
    },
    aliases: { k: 'key' },
  },
  docs: explain(
    'Print the public key of a key or certificate',
    'Prints PEM, which is what --key of `chancery verify` and `cosign verify` read; with --json the fingerprint, too.',
    'chancery public-key --key cosign.key > cosign.pub',
    'chancery public-key --key release.crt --json',
  ),
})

/** Keys in files. */
export const keyRoutes = {
  'generate-key-pair': generateKeyPair,
  'import-key-pair': importKeyPair,
  'public-key': publicKey,
}
