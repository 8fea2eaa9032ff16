import type { Catalog } from '../catalog/catalog.ts'
import type { Certificate, Project, SigningPolicy } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import { parseImagePattern } from '../policy/image-identity.ts'
import { mayApprove, maySubmit } from '../policy/permission.ts'
import type { Assignees, Principal } from '../policy/principal.ts'
import { SIGNATURE_FORMATS } from '../policy/signature-format.ts'
import type { EditSigningPolicy, SigningPolicyView } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { NOBODY, requireAssignees } from './assignees.ts'
import { badValue, requireName, requireSlug } from './configuration-value.ts'
import { getProject, getSigningPolicy } from './find-object.ts'
import { ownRights, requireNotSelf } from './own-rights.ts'
import { requireActiveProject, requireProjectAdministrator, viewAssignees } from './projects.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about signing policies. */
export type SigningPolicyAdministration = Pick<
  Administration,
  | 'listSigningPolicies'
  | 'getSigningPolicy'
  | 'createSigningPolicy'
  | 'editSigningPolicy'
  | 'setSigningPolicyActive'
>

/** What a submitter or approver of a policy cannot change about it. */
const RULES = [
  'certificateId',
  'approvers',
  'submitters',
  'requiredApprovals',
  'allowedImages',
  'signatureFormats',
  'allowedPredicateTypes',
  'allowOtherFiles',
  'allowHashSigning',
] as const satisfies readonly (keyof SigningPolicy)[]

/** Signing policies; nobody edits the rules they submit or approve under. */
export function createSigningPolicyAdministration({
  catalog,
  changes,
}: Services): SigningPolicyAdministration {
  return {
    listSigningPolicies({ principal }, project) {
      const parent = getProject(catalog, principal, project)
      return catalog
        .list('signing-policy', parent.id)
        .map((policy) => viewPolicy(catalog, parent, policy))
    },

    getSigningPolicy({ principal }, project, slug) {
      const parent = getProject(catalog, principal, project)
      return viewPolicy(catalog, parent, getSigningPolicy(catalog, principal, parent, slug))
    },

    createSigningPolicy: (caller, project, create) =>
      changes.run(caller, (principal, at) => {
        requireProjectAdministrator(principal)
        const parent = getProject(catalog, principal, project)
        const blank: SigningPolicy = {
          id: randomGuid(at),
          organizationId: parent.organizationId,
          version: 1,
          isActive: true,
          kind: 'signing-policy',
          projectId: parent.id,
          slug: create.slug,
          name: create.name,
          certificateId: '',
          submitters: NOBODY,
          approvers: NOBODY,
          requiredApprovals: 0,
          allowedImages: [],
          signatureFormats: SIGNATURE_FORMATS,
          allowedPredicateTypes: [],
          allowOtherFiles: false,
          allowHashSigning: false,
        }
        const after = applyEdit(catalog, principal, blank, create)
        requireActiveProject(parent)
        return { objects: [{ after, deed: 'Created' }], result: { id: after.id } }
      }),

    editSigningPolicy: (caller, project, slug, edit) =>
      changes.run(caller, (principal) => {
        requireProjectAdministrator(principal)
        const parent = getProject(catalog, principal, project)
        const before = getSigningPolicy(catalog, principal, parent, slug)
        const after = {
          ...applyEdit(catalog, principal, before, edit),
          version: before.version + 1,
        }
        requireOthersRules(principal, before, after)
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    setSigningPolicyActive: (caller, project, slug, isActive) =>
      changes.run(caller, (principal) => {
        requireProjectAdministrator(principal)
        const parent = getProject(catalog, principal, project)
        const before = getSigningPolicy(catalog, principal, parent, slug)
        if (isActive && !before.isActive && isBound(principal, before)) {
          throw ownRights('activate a signing policy they submit or approve under')
        }
        const after: SigningPolicy = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),
  }
}

function isBound(principal: Principal, policy: SigningPolicy): boolean {
  return maySubmit(principal, policy) || mayApprove(principal, policy)
}

/** Whoever a policy binds could otherwise loosen it, and sign what nobody let them sign. */
function requireOthersRules(
  principal: Principal,
  before: SigningPolicy,
  after: SigningPolicy,
): void {
  if (!isBound(principal, before)) return
  const changed = RULES.find((rule) => JSON.stringify(before[rule]) !== JSON.stringify(after[rule]))
  if (changed === undefined) return
  throw ownRights(`change ${changed} of a signing policy they submit or approve under`)
}

function applyEdit(
  catalog: Catalog,
  principal: Principal,
  before: SigningPolicy,
  edit: EditSigningPolicy,
): SigningPolicy {
  const { slug, name, certificateSlug, allowedImages, signatureFormats, allowedPredicateTypes } =
    edit
  const after: SigningPolicy = {
    ...before,
    slug: slug === undefined ? before.slug : requireSlug(slug),
    name: name === undefined ? before.name : requireName(name),
    certificateId:
      certificateSlug === undefined
        ? before.certificateId
        : requireCertificate(catalog, before, certificateSlug).id,
    submitters: assign(catalog, principal, before, edit.submitters, 'submitters'),
    approvers: assign(catalog, principal, before, edit.approvers, 'approvers'),
    requiredApprovals: edit.requiredApprovals ?? before.requiredApprovals,
    allowedImages:
      allowedImages === undefined ? before.allowedImages : requireImages(allowedImages),
    signatureFormats:
      signatureFormats === undefined
        ? before.signatureFormats
        : SIGNATURE_FORMATS.filter((format) => signatureFormats.includes(format)),
    allowedPredicateTypes:
      allowedPredicateTypes === undefined
        ? before.allowedPredicateTypes
        : requirePredicateTypes(allowedPredicateTypes),
    allowOtherFiles: edit.allowOtherFiles ?? before.allowOtherFiles,
    allowHashSigning: edit.allowHashSigning ?? before.allowHashSigning,
  }
  requireReachableQuorum(after)
  return after
}

function assign(
  catalog: Catalog,
  principal: Principal,
  policy: SigningPolicy,
  wanted: Assignees | undefined,
  right: 'submitters' | 'approvers',
): Assignees {
  const before = policy[right]
  if (wanted === undefined) return before
  requireNotSelf(principal, before, wanted, `${right.slice(0, -1)} of a signing policy`)
  return requireAssignees(catalog, policy.organizationId, before, wanted, right)
}

function requireCertificate(
  catalog: Catalog,
  policy: SigningPolicy,
  certificateSlug: string,
): Certificate {
  const field = 'certificateSlug'
  const certificate = catalog.findCertificate(policy.organizationId, certificateSlug)
  if (certificate === undefined) {
    throw new ChanceryError(
      'ERR_ADMINISTRATION_REFERENCE',
      `expected the slug of a certificate of the organization, found '${certificateSlug}'`,
      { field },
    )
  }
  if (!certificate.isActive && certificate.id !== policy.certificateId) {
    throw new ChanceryError(
      'ERR_ADMINISTRATION_INACTIVE',
      `expected an active certificate, found '${certificate.slug}', which is disabled`,
      { field, hints: ['choose another certificate, or have this one enabled'] },
    )
  }
  return certificate
}

function requireImages(patterns: readonly string[]): readonly string[] {
  for (const pattern of patterns) parseImagePattern(pattern)
  return [...new Set(patterns)]
}

/** Predicate types are compared character by character, so that what looks alike has to be alike. */
function requirePredicateTypes(types: readonly string[]): readonly string[] {
  const field = 'allowedPredicateTypes'
  for (const type of types) {
    if (type === COSIGN_SIGNATURE_PREDICATE) {
      throw badValue(
        field,
        `expected predicate types of attestations, found ${type}, which is the signature of an image`,
        'whether images are signed so is for signatureFormats to say',
      )
    }
    if (!URI.test(type)) {
      throw badValue(field, 'expected URIs such as https://slsa.dev/provenance/v1')
    }
  }
  return [...new Set(types)]
}

const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/

/** Groups may grow, so only what can be counted is: nobody at all, or too few people by name. */
function requireReachableQuorum(policy: SigningPolicy): void {
  const { requiredApprovals, approvers } = policy
  const isReachable = approvers.groups.length > 0 || approvers.users.length >= requiredApprovals
  if (isReachable) return
  throw badValue(
    'requiredApprovals',
    `expected at least as many approvers as required approvals, found ${approvers.users.length} for ${requiredApprovals}`,
    'name more approvers, or require fewer approvals',
  )
}

function viewPolicy(catalog: Catalog, project: Project, policy: SigningPolicy): SigningPolicyView {
  const { id, version, isActive, slug, name, certificateId, requiredApprovals } = policy
  return {
    id,
    version,
    isActive,
    projectSlug: project.slug,
    slug,
    name,
    certificateId,
    certificateSlug: catalog.find('certificate', certificateId)?.slug ?? '',
    submitters: viewAssignees(policy.submitters),
    approvers: viewAssignees(policy.approvers),
    requiredApprovals,
    allowedImages: [...policy.allowedImages],
    signatureFormats: [...policy.signatureFormats],
    allowedPredicateTypes: [...policy.allowedPredicateTypes],
    allowOtherFiles: policy.allowOtherFiles,
    allowHashSigning: policy.allowHashSigning,
  }
}
