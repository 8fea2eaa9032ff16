import { readPublicKeyFile } from '../verify/public-key-file.ts'
import { aboutFile, readUserFile } from './local-files.ts'

const MAX_KEY_BYTES = 1024 * 1024

/**
 * The public key in the file that `--key` names.
 *
 * @returns DER SubjectPublicKeyInfo; undefined where the flag is not given.
 * @throws ChanceryError ERR_CLI_FILE if the file cannot be read or is larger than 1 MiB; ERR_VERIFY_KEY if it holds none.
 */
export async function readPublicKeyFlag(path: string | undefined): Promise<Uint8Array | undefined> {
  if (path === undefined) return undefined
  const bytes = await readUserFile(path, MAX_KEY_BYTES)
  return aboutFile(path, () => readPublicKeyFile(bytes))
}
