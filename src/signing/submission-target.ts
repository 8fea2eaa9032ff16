import type { Catalog } from '../catalog/catalog.ts'
import type {
  ArtifactConfiguration,
  Certificate,
  Project,
  SigningPolicy,
} from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import { parseGuid } from '../format/guid.ts'
import type { Caller } from '../policy/caller.ts'
import { maySubmit, requirePermission } from '../policy/permission.ts'
import type { Principal } from '../policy/principal.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import type { SigningContext } from './signing-context.ts'
import type { Submission } from './signing-service.ts'

/** What a submission is made to. All of it is active and of the caller's organization. */
export interface SubmissionTarget {
  readonly project: Project
  readonly policy: SigningPolicy
  readonly configuration: ArtifactConfiguration
  readonly certificate: Certificate
}

/**
 * Finds what a submission names, and checks that the principal may submit to it.
 *
 * @throws ChanceryError ERR_SIGNING_INPUT, ERR_SIGNING_UNKNOWN, ERR_SIGNING_INACTIVE, ERR_SIGNING_CERTIFICATE,
 *   ERR_POLICY_FORBIDDEN.
 */
export function findSubmissionTarget(
  catalog: Catalog,
  principal: Principal,
  submission: Submission,
  now: number,
): SubmissionTarget {
  const policy = findPolicy(catalog, principal, submission)
  requirePermission(
    maySubmit(principal, policy),
    `submitter of the signing policy '${policy.slug}'`,
  )
  const project = catalog.find('project', policy.projectId)
  if (project === undefined) throw new Error(`the policy ${policy.id} has no project`)
  requireActive(project, `project '${project.slug}'`, 'ProjectSlug')
  requireActive(policy, `signing policy '${policy.slug}'`, 'SigningPolicySlug')
  const configuration = findConfiguration(catalog, project, submission)
  requireActive(
    configuration,
    `artifact configuration '${configuration.slug}'`,
    'ArtifactConfigurationSlug',
  )
  return {
    project,
    policy,
    configuration,
    certificate: findSigningCertificate(catalog, policy, now),
  }
}

/**
 * Whether the call may still submit to what it found: all of it is as it was, the caller still accepted and a submitter.
 * To be asked right before the commit, as {@link isCurrent}.
 */
export function isStillTarget(
  context: Pick<SigningContext, 'catalog' | 'presentPrincipal'>,
  { principal }: Caller,
  target: SubmissionTarget,
): boolean {
  if (!isCurrent(context.catalog, target)) return false
  const present = context.presentPrincipal(principal)
  return present === principal || (present !== undefined && maySubmit(present, target.policy))
}

/**
 * The caller as it is now, for another attempt.
 *
 * @throws ChanceryError ERR_IDENTITY_UNAUTHENTICATED if its token or user is not accepted any more.
 */
export function presentCaller(
  context: Pick<SigningContext, 'presentPrincipal'>,
  caller: Caller,
): Caller {
  const principal = context.presentPrincipal(caller.principal)
  if (principal !== undefined) return { ...caller, principal }
  throw new ChanceryError(
    'ERR_IDENTITY_UNAUTHENTICATED',
    'the API token of this call is no longer accepted; nothing was signed',
  )
}

/**
 * Whether all of it is as it was found. Signing takes time, in which a policy may be narrowed or a certificate disabled;
 * what is asked right before the commit is that no such change was answered before it.
 */
export function isCurrent(
  catalog: Catalog,
  { project, policy, certificate }: Omit<SubmissionTarget, 'configuration'>,
): boolean {
  return (
    catalog.find('project', project.id) === project &&
    catalog.find('signing-policy', policy.id) === policy &&
    catalog.find('certificate', certificate.id) === certificate
  )
}

/**
 * The certificate of a policy, if it can sign.
 *
 * @param now Milliseconds since 1970.
 * @throws ChanceryError ERR_SIGNING_CERTIFICATE if it is disabled, waits for its X.509 certificate or is not valid now.
 */
export function findSigningCertificate(
  catalog: Catalog,
  policy: SigningPolicy,
  now: number,
): Certificate {
  const certificate = catalog.find('certificate', policy.certificateId)
  if (certificate === undefined) throw new Error(`the policy ${policy.id} has no certificate`)
  if (!certificate.isActive) {
    throw new ChanceryError(
      'ERR_SIGNING_CERTIFICATE',
      `the certificate '${certificate.slug}' of the signing policy '${policy.slug}' is disabled`,
      {
        field: 'SigningPolicySlug',
        hints: ['have it enabled, or give the policy another certificate'],
      },
    )
  }
  if (certificate.creationMethod === 'Csr' && certificate.chain.length === 0) {
    throw new ChanceryError(
      'ERR_SIGNING_CERTIFICATE',
      `the certificate '${certificate.slug}' has a certificate signing request but no certificate yet`,
      { field: 'SigningPolicySlug', hints: ['upload the certificate that the CA issued'] },
    )
  }
  requireValidNow(certificate, now)
  return certificate
}

const leaves = new WeakMap<Certificate, X509Certificate>()

function requireValidNow(certificate: Certificate, now: number): void {
  const [der] = certificate.chain
  if (der === undefined) return
  let leaf = leaves.get(certificate)
  if (leaf === undefined) {
    leaf = parseCertificate(decodeBase64(der))
    leaves.set(certificate, leaf)
  }
  if (now >= leaf.notBefore.getTime() && now < leaf.notAfter.getTime() + 1000) return
  throw new ChanceryError(
    'ERR_SIGNING_CERTIFICATE',
    `the certificate '${certificate.slug}' is valid from ${leaf.notBefore.toISOString()} to ${leaf.notAfter.toISOString()}, not now`,
    {
      field: 'SigningPolicySlug',
      hints: ['give the policy a certificate that is valid, or upload a new one'],
    },
  )
}

/** The policy that a submission names, whether or not the principal may submit to it. @throws As {@link findSubmissionTarget}. */
export function findPolicy(
  catalog: Catalog,
  principal: Principal,
  submission: Submission,
): SigningPolicy {
  const { organizationId } = principal
  const { projectSlug, signingPolicySlug, signingPolicyId } = submission
  if (signingPolicyId !== undefined) {
    if (projectSlug !== undefined || signingPolicySlug !== undefined) {
      throw new ChanceryError('ERR_SIGNING_INPUT', 'expected either ids or slugs, found both', {
        field: 'SigningPolicyId',
      })
    }
    const policy = catalog.find('signing-policy', parseGuid(signingPolicyId, 'SigningPolicyId'))
    if (policy?.organizationId === organizationId) return policy
    throw new ChanceryError('ERR_SIGNING_UNKNOWN', 'There is no signing policy with this id.', {
      field: 'SigningPolicyId',
    })
  }
  const projectName = required(projectSlug, 'ProjectSlug')
  const policyName = required(signingPolicySlug, 'SigningPolicySlug')
  const project = catalog.findProject(organizationId, projectName)
  if (project === undefined) {
    throw new ChanceryError(
      'ERR_SIGNING_UNKNOWN',
      `There is no project with slug '${projectName}'.`,
      {
        field: 'ProjectSlug',
      },
    )
  }
  const policy = catalog.findSigningPolicy(project.id, policyName)
  if (policy === undefined) {
    throw new ChanceryError(
      'ERR_SIGNING_UNKNOWN',
      `There is no signing policy with slug '${policyName}' in the project with slug '${project.slug}'.`,
      { field: 'SigningPolicySlug' },
    )
  }
  return policy
}

function findConfiguration(
  catalog: Catalog,
  project: Project,
  submission: Submission,
): ArtifactConfiguration {
  const { artifactConfigurationId, artifactConfigurationSlug } = submission
  const field =
    artifactConfigurationId === undefined ? 'ArtifactConfigurationSlug' : 'ArtifactConfigurationId'
  const name =
    artifactConfigurationId ?? artifactConfigurationSlug ?? project.defaultArtifactConfigurationId
  if (name === null || name === '') {
    throw new ChanceryError(
      'ERR_SIGNING_UNKNOWN',
      `The project with slug '${project.slug}' has no default artifact configuration.`,
      { field, hints: ['name one, or have one made the default'] },
    )
  }
  const configuration = catalog.findArtifactConfiguration(project.id, name)
  if (configuration === undefined) {
    throw new ChanceryError(
      'ERR_SIGNING_UNKNOWN',
      `There is no artifact configuration with slug '${name}' in the project with slug '${project.slug}'.`,
      { field },
    )
  }
  return configuration
}

function required(slug: string | undefined, field: string): string {
  if (slug !== undefined && slug !== '') return slug
  throw new ChanceryError('ERR_SIGNING_INPUT', `The ${field} field is required.`, { field })
}

/** @throws ChanceryError ERR_SIGNING_INACTIVE if nothing can be signed for or under the object. */
export function requireActive(
  object: { readonly isActive: boolean },
  name: string,
  field?: string,
): void {
  if (object.isActive) return
  throw new ChanceryError(
    'ERR_SIGNING_INACTIVE',
    `the ${name} is disabled`,
    field === undefined ? {} : { field },
  )
}
