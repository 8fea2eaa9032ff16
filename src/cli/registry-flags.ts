import { parseDuration, parseSize, parseWholeNumber, text, toggle, valued } from './flags.ts'

/** The flags of every command that talks to a registry; the names are Cosign's. */
export const REGISTRY_FLAGS = {
  registryUsername: text('User name for the registry; else what docker login stored', 'NAME'),
  registryPassword: text('Password or access token for the registry', 'PASSWORD'),
  registryToken: text('Bearer token for the registry', 'TOKEN'),
  registryCacert: text("PEM certificate of the registry's own CA", 'FILE'),
  registryClientCert: text('PEM client certificate for the registry', 'FILE'),
  registryClientKey: text('PEM private key of the client certificate, not encrypted', 'FILE'),
  registryServerName: text("Name that the registry's certificate has to have", 'NAME'),
  allowHttpRegistry: toggle('Speak plain http to a registry on another machine'),
  maxReferrers: {
    kind: 'parsed',
    parse: (input: string) => parseWholeNumber(input, 1, 10_000),
    default: '1000',
    brief: valued('N', 'How many referrers of one image are looked at; more is an error'),
    placeholder: 'N',
  },
  maxAttachedSize: {
    kind: 'parsed',
    parse: (input: string) => parseSize(input, 1024 * 1024, 1024 * 1024 * 1024),
    default: '64MiB',
    brief: valued(
      'SIZE',
      'How much is read of all that is attached to one image; more is an error',
    ),
    placeholder: 'SIZE',
  },
  timeout: {
    kind: 'parsed',
    parse: parseDuration,
    default: '3m',
    brief: valued('DURATION', 'How long the whole command may take, as 90s, 10m or 2h'),
    placeholder: 'DURATION',
  },
} as const

/** A sentence for the help of commands that only read. */
export const READS_MIRRORS =
  'Images are read through the mirrors of registries.conf (podman, skopeo); what belongs to them is not.'

/** The values of {@link REGISTRY_FLAGS}. */
export interface RegistryFlags {
  readonly registryUsername?: string
  readonly registryPassword?: string
  readonly registryToken?: string
  readonly registryCacert?: string
  readonly registryClientCert?: string
  readonly registryClientKey?: string
  readonly registryServerName?: string
  readonly allowHttpRegistry?: boolean
  readonly maxReferrers: number
  /** Bytes. */
  readonly maxAttachedSize: number
  /** Milliseconds. */
  readonly timeout: number
}

/** The flags that show one registry who we are, as they are written. */
const SECRETS = {
  registryUsername: '--registry-username',
  registryPassword: '--registry-password',
  registryToken: '--registry-token',
  registryClientCert: '--registry-client-cert',
  registryClientKey: '--registry-client-key',
} as const

/** Those of the flags that were given and are for one registry, as they are written. */
export function secretsIn(flags: RegistryFlags): readonly string[] {
  return Object.entries(SECRETS)
    .filter(([name]) => flags[name as keyof typeof SECRETS] !== undefined)
    .map(([, written]) => written)
}
