import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadTrustedRoot, type TrustedRoot } from '../../src/verify/trusted-root.ts'
import { readPublicKeyFile } from '../../src/verify/public-key-file.ts'
import { verifyBundle, type VerifiedBundle } from '../../src/verify/verify-bundle.ts'

/** The directory of the vectors. */
export const vectors = join(import.meta.dirname, '../vectors/sigstore-conformance')

const beacon =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main'
const gitHub = 'https://token.actions.githubusercontent.com'

/** The vectors were made before, and no certificate that has to be valid in the present is. */
const now = new Date('2026-11-01T00:00:00Z')

const roots = new Map<string, TrustedRoot>()

/** Verifies one of the vectors as its folder says, with one entry of a log required; or with what is given instead. */
export function verifyVector(
  name: string,
  instead: {
    readonly bundle?: Uint8Array
    readonly identity?: string
    readonly issuer?: string
  } = {},
): VerifiedBundle {
  const read = (file: string): Uint8Array | undefined => {
    const path = join(vectors, name, file)
    return existsSync(path) ? readFileSync(path) : undefined
  }
  const text = (file: string): string | undefined => {
    const bytes = read(file)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').trim()
  }
  const original = readFileSync(join(vectors, name, 'bundle.sigstore.json'))
  const trustedRoot = loadOnce(name, read('trusted_root.json'))
  const key = read('key.pub')
  const bytes = read('artifact') ?? readFileSync(join(vectors, 'a.txt'))
  return verifyBundle(
    instead.bundle ?? original,
    key === undefined ? { trustedRoot } : { trustedRoot, publicKey: readPublicKeyFile(key) },
    {
      artifact: { bytes },
      requires: { log: 1 },
      ...(original.includes('dsseEnvelope') ? { predicateType: 'any' } : {}),
      ...(key === undefined
        ? {
            certificate: {
              identity: instead.identity ?? text('identity') ?? beacon,
              issuer: instead.issuer ?? text('issuer') ?? gitHub,
            },
          }
        : {}),
    },
    now,
  )
}

function loadOnce(name: string, document: Uint8Array | undefined): TrustedRoot {
  const of = document === undefined ? '' : name
  const production = join(vectors, 'production_trusted_root.json')
  const root = roots.get(of) ?? loadTrustedRoot(document ?? readFileSync(production))
  roots.set(of, root)
  return root
}
