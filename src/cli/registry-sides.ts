import { ChanceryError } from '../errors/chancery-error.ts'
import { text } from './flags.ts'
import type { AccessFlags } from './registry-access.ts'
import { secretsIn, type RegistryFlags } from './registry-flags.ts'

/** What is shown to the registry of one side alone; the names are skopeo's. */
export const SIDE_FLAGS = {
  srcCreds: text('For the registry of the source', 'USER:PASSWORD'),
  srcRegistryToken: text('Bearer token for the registry of the source', 'TOKEN'),
  srcCertDir: text(
    'Certificates for the registry of the source: *.crt, *.cert, *.key',
    'DIRECTORY',
  ),
  destCreds: text('For the registry of the destination', 'USER:PASSWORD'),
  destRegistryToken: text('Bearer token for the registry of the destination', 'TOKEN'),
  destCertDir: text(
    'Certificates for the registry of the destination: *.crt, *.cert, *.key',
    'DIRECTORY',
  ),
} as const

/** The values of {@link SIDE_FLAGS}. */
export interface SideFlags {
  readonly srcCreds?: string
  readonly srcRegistryToken?: string
  readonly srcCertDir?: string
  readonly destCreds?: string
  readonly destRegistryToken?: string
  readonly destCertDir?: string
}

/** How the registry of each side is reached. */
export interface Sides {
  readonly source: AccessFlags
  readonly destination: AccessFlags
}

/**
 * Says which flags are for which side; undefined if none is for one side alone.
 *
 * @throws ChanceryError ERR_CLI_USAGE if it would not be clear what one of the registries is shown.
 */
export function readSides(flags: RegistryFlags & SideFlags): Sides | undefined {
  const { srcCreds, srcRegistryToken, srcCertDir } = flags
  const { destCreds, destRegistryToken, destCertDir } = flags
  const all = [srcCreds, srcRegistryToken, srcCertDir, destCreds, destRegistryToken, destCertDir]
  if (all.every((value) => value === undefined)) return undefined
  const unclear = secretsIn(flags)
  if (unclear.length > 0) {
    throw usage(
      `expected --src-* and --dest-* without ${unclear.join(' and ')}, which name no side`,
    )
  }
  return {
    source: sideOf(flags, 'src', srcCreds, srcRegistryToken, srcCertDir),
    destination: sideOf(flags, 'dest', destCreds, destRegistryToken, destCertDir),
  }
}

function sideOf(
  flags: RegistryFlags,
  side: 'src' | 'dest',
  credentials: string | undefined,
  registryToken: string | undefined,
  certificateDirectory: string | undefined,
): AccessFlags {
  if (registryToken !== undefined && credentials !== undefined) {
    throw usage(`expected one of --${side}-creds and --${side}-registry-token`)
  }
  const common = { ...flags, certificateDirectory }
  if (registryToken !== undefined) return { ...common, registryToken }
  if (credentials === undefined) return common
  const colon = credentials.indexOf(':')
  // What is there may be the password alone, so it is not repeated.
  if (colon < 1) throw usage(`expected --${side}-creds as USER:PASSWORD`)
  return {
    ...common,
    registryUsername: credentials.slice(0, colon),
    registryPassword: credentials.slice(colon + 1),
  }
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}
