import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  readRegistryEntries,
  unusable,
  type RegistriesConfiguration,
} from './registries-configuration.ts'

/** Where `registries.conf` is looked for. */
export interface RegistriesFiles {
  /** `CONTAINERS_REGISTRIES_CONF`: this file only, which must exist. */
  readonly named?: string | undefined
  /** The user's `containers` directory: its file stands in place of the system's. */
  readonly user?: string | undefined
  /** `/etc/containers`. */
  readonly system: string
}

const MAX_FILE_BYTES = 1024 * 1024
const MAX_DROP_INS = 100

/**
 * Reads `registries.conf`, and what `registries.conf.d` of the system and then of the user has: of entries with the same
 * prefix the last one counts. The parser is loaded only if there is a file.
 *
 * Source: containers-registries.conf(5), containers-registries.conf.d(5).
 *
 * @throws ChanceryError ERR_REGISTRY_CONFIGURATION if a file is there and cannot be used: what it blocks is not known.
 */
export async function readRegistriesFiles(
  files: RegistriesFiles,
): Promise<RegistriesConfiguration> {
  const directories = [files.system, files.user].filter((one) => one !== undefined)
  const all = [await readMain(files)]
  for (const directory of directories) {
    const dropIns = join(directory, 'registries.conf.d')
    for (const name of await listDropIns(dropIns)) all.push(await readEntries(join(dropIns, name)))
  }
  const byPrefix = new Map(all.flatMap((found) => found ?? []).map((one) => [one.prefix, one]))
  return [...byPrefix.values()]
}

async function readMain(files: RegistriesFiles): Promise<RegistriesConfiguration | undefined> {
  const { named, user, system } = files
  if (named !== undefined) {
    const found = await readEntries(named)
    if (found === undefined) throw unusable(named, 'it does not exist')
    return found
  }
  const own = user === undefined ? undefined : await readEntries(join(user, 'registries.conf'))
  return own ?? (await readEntries(join(system, 'registries.conf')))
}

async function listDropIns(directory: string): Promise<readonly string[]> {
  const names = (await unlessAbsent(directory, () => readdir(directory))) ?? []
  const wanted = names.filter((name) => name.endsWith('.conf')).sort()
  if (wanted.length > MAX_DROP_INS) throw unusable(directory, `more than ${MAX_DROP_INS} files`)
  return wanted
}

async function readEntries(path: string): Promise<RegistriesConfiguration | undefined> {
  const bytes = await unlessAbsent(path, () => readFile(path))
  if (bytes === undefined) return undefined
  if (bytes.length > MAX_FILE_BYTES) throw unusable(path, `more than ${MAX_FILE_BYTES} bytes`)
  const { parse } = await import('smol-toml')
  let document: Readonly<Record<string, unknown>>
  try {
    document = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw unusable(path, `it is not TOML: ${firstLine(cause)}`, cause)
  }
  return readRegistryEntries(document, path)
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : '').split('\n', 1)[0] ?? ''
}

async function unlessAbsent<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw unusable(path, 'it cannot be read', cause)
  }
}
