import { TrustedRoot } from './trusted-root.ts'

/** The certificates of an organisation's own authorities, DER. */
export interface OwnAuthorities {
  /** Each is the end of a path. */
  readonly roots: readonly Uint8Array[]
  /** Links of a path, never its end. */
  readonly intermediates: readonly Uint8Array[]
  /** Of a timestamp authority: its own certificate first, where it is given, the root last; may be empty. */
  readonly timestampChain: readonly Uint8Array[]
}

/**
 * A trusted root of certificates alone: it has no logs, and every certificate counts as long as it is valid itself.
 *
 * @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT when it is used, if a certificate does not parse.
 */
export function trustOwnAuthorities(authorities: OwnAuthorities): TrustedRoot {
  const { roots, intermediates, timestampChain } = authorities
  const always = { start: undefined, end: undefined }
  const authorityOf = (certificates: readonly Uint8Array[]) => ({
    uri: undefined,
    certificates,
    validFor: always,
  })
  return new TrustedRoot({
    logs: [],
    certificateLogs: [],
    certificateAuthorities: roots.map((root) => authorityOf([...intermediates, root])),
    timestampAuthorities: timestampChain.length === 0 ? [] : [authorityOf(timestampChain)],
  })
}
