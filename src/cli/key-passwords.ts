import { readKeyPassword } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { MAX_KEY_FILE_BYTES, readPrivateKeyFile, type PrivateKeyFile } from '../keys/key-file.ts'
import type { CliContext } from './context.ts'
import { aboutFile, readUserFile } from './local-files.ts'

/**
 * The password for a key that is about to be written: `COSIGN_PASSWORD`, else asked for twice at the terminal, else
 * standard input without the line break at its end. May be empty.
 *
 * @throws ChanceryError ERR_CLI_PASSWORD if it is not typed twice in the same way.
 */
export async function readNewPassword(context: CliContext): Promise<string> {
  const { terminal } = context
  const fromEnvironment = readKeyPassword()
  if (fromEnvironment !== undefined) return fromEnvironment
  if (terminal === undefined) return withoutLineBreak(await readPiped(context, 'the new key'))
  const password = await terminal.askSecret('Enter password for private key: ')
  const again = await terminal.askSecret('Enter password for private key again: ')
  if (password === again) return password
  throw new ChanceryError('ERR_CLI_PASSWORD', 'expected the same password twice')
}

/**
 * Reads a private key file that the user named. One that needs a password is opened with `passphrase`, else
 * `COSIGN_PASSWORD`, else what is asked for at the terminal, else standard input: without the line break at its end,
 * and, as cosign takes it, with it.
 *
 * @param passphrase For this file, where a flag says it.
 * @throws ChanceryError what {@link readPrivateKeyFile} throws; ERR_CLI_FILE if the file cannot be read.
 */
export function openKeyFile(
  context: CliContext,
  path: string,
  passphrase: string | undefined = readKeyPassword(),
): Promise<PrivateKeyFile> {
  return aboutFile(path, () => openWith(context, path, passphrase))
}

async function openWith(
  context: CliContext,
  path: string,
  passphrase: string | undefined,
): Promise<PrivateKeyFile> {
  const bytes = await readUserFile(path, MAX_KEY_FILE_BYTES)
  const unlocked = await tryPassphrase(bytes, passphrase)
  if (!(unlocked instanceof ChanceryError)) return unlocked
  if (passphrase !== undefined) throw unlocked
  if (context.terminal !== undefined) {
    const typed = await context.terminal.askSecret(`Enter password for ${path}: `)
    return readPrivateKeyFile(bytes, typed)
  }
  const piped = await readPiped(context, path)
  const bare = withoutLineBreak(piped)
  const opened = await tryPassphrase(bytes, bare)
  if (!(opened instanceof ChanceryError)) return opened
  if (piped === bare) throw withHint(opened)
  return readPrivateKeyFile(bytes, piped)
}

/** The key, or the error that the passphrase is not the one. */
async function tryPassphrase(
  bytes: Uint8Array,
  passphrase: string | undefined,
): Promise<PrivateKeyFile | ChanceryError> {
  try {
    return await readPrivateKeyFile(bytes, passphrase)
  } catch (thrown) {
    if (thrown instanceof ChanceryError && thrown.code === 'ERR_KEYS_PASSPHRASE') return thrown
    throw thrown
  }
}

function withHint({ code, message, field }: ChanceryError): ChanceryError {
  return new ChanceryError(code, message, {
    hints: ['The password comes from COSIGN_PASSWORD, the terminal, or standard input.'],
    ...(field === undefined ? {} : { field }),
  })
}

function readPiped(context: CliContext, what: string): Promise<string> {
  context.output.progress(`reading the password of ${what} from standard input`)
  return context.readStandardInput()
}

function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '')
}
