import { ALGORITHMS } from '../crypto/algorithms.ts'
import { decodeBase64 } from '../format/base64.ts'
import type { Caller } from '../policy/caller.ts'
import { maySubmit } from '../policy/permission.ts'
import type { SigningContext } from './signing-context.ts'
import type { MySigningPolicy } from './signing-service.ts'

/** SignPath's names. */
const KEY_TYPES = { rsa: 'Rsa', ec: 'Ecdsa', ed25519: 'EdDsa' } as const

/** The active signing policies that sign hashes without approval and that the caller may submit to. */
export function listMySigningPolicies(
  context: SigningContext,
  { principal }: Caller,
  filter: { readonly projectSlug?: string; readonly signingPolicySlug?: string },
): readonly MySigningPolicy[] {
  const { catalog } = context
  return catalog
    .list('project', principal.organizationId)
    .filter((project) => project.isActive && isWanted(project.slug, filter.projectSlug))
    .flatMap((project) =>
      catalog
        .list('signing-policy', project.id)
        .filter(
          (policy) =>
            policy.isActive &&
            policy.allowHashSigning &&
            policy.requiredApprovals === 0 &&
            isWanted(policy.slug, filter.signingPolicySlug) &&
            maySubmit(principal, policy),
        )
        .flatMap((policy) => {
          const certificate = catalog.find('certificate', policy.certificateId)
          if (certificate?.isActive !== true) return []
          const [leaf] = certificate.chain
          return {
            projectSlug: project.slug,
            signingPolicySlug: policy.slug,
            signingPolicyId: policy.id,
            keyType: KEY_TYPES[ALGORITHMS[certificate.algorithm].keyType],
            keySizeInBits: ALGORITHMS[certificate.algorithm].bits,
            publicKey: decodeBase64(certificate.publicKey),
            certificate: leaf === undefined ? null : decodeBase64(leaf),
          }
        }),
    )
}

function isWanted(slug: string, wanted: string | undefined): boolean {
  return wanted === undefined || slug === wanted.toLowerCase()
}
