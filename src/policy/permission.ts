import { ChanceryError } from '../errors/chancery-error.ts'
import type { Assignees, Principal, Role } from './principal.ts'

/** What of a project decides about rights. */
export interface ProjectRights {
  readonly organizationId: string
  readonly readers: Assignees
  readonly configurators: Assignees
}

/** What of a signing policy decides about rights. */
export interface SigningPolicyRights {
  readonly organizationId: string
  readonly submitters: Assignees
  readonly approvers: Assignees
}

function hasRole(principal: Principal, ...roles: readonly Role[]): boolean {
  return roles.some((role) => principal.roles.has(role))
}

/** Ids are unique across organizations, but no right may ever depend on that alone. */
function isOwn(principal: Principal, object: { readonly organizationId: string }): boolean {
  return principal.organizationId === object.organizationId
}

/** Whether the user itself, or a group it is in, is among the assignees. */
export function isAssigned(
  principal: Pick<Principal, 'userId' | 'groupIds'>,
  assignees: Assignees,
): boolean {
  return (
    assignees.users.includes(principal.userId) ||
    assignees.groups.some((groupId) => principal.groupIds.has(groupId))
  )
}

/**
 * Whether the principal reads every project of its organization, with all requests and artifacts.
 *
 * Configuration other than artifacts is open to every user of the organization and needs no right.
 * Source: SignPath documentation, "Users", read access to signing requests.
 */
export function mayReadOrganization(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator', 'ProjectAdministrator', 'GlobalReader')
}

/** Whether the principal changes the organization itself. */
export function mayAdministerOrganization(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator')
}

/** Whether the principal reads, exports and verifies the organization's audit log. */
export function mayReadAuditLog(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator', 'GlobalReader')
}

/**
 * Whether the principal changes users, groups, roles and other users' tokens.
 *
 * A Directory Synchronizer does not: its right is bound to SCIM.
 */
export function mayAdministerUsers(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator', 'UserAdministrator')
}

/** Whether the principal creates and changes projects and signing policies. */
export function mayAdministerProjects(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator', 'ProjectAdministrator')
}

/** Whether the principal creates, imports, disables and reads the administration of certificates. */
export function mayAdministerCertificates(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator', 'CertificateAdministrator')
}

/** Whether the principal creates trusted build systems and their tokens. */
export function mayAdministerTrustedBuildSystems(principal: Principal): boolean {
  return hasRole(principal, 'GlobalAdministrator')
}

/** Whether the principal edits the project's artifact configurations. */
export function mayConfigureProject(principal: Principal, project: ProjectRights): boolean {
  return (
    isOwn(principal, project) &&
    (mayAdministerProjects(principal) || isAssigned(principal, project.configurators))
  )
}

/** Whether the principal reads the project's requests and artifacts, under all of its signing policies. */
export function mayReadProject(principal: Principal, project: ProjectRights): boolean {
  return (
    isOwn(principal, project) &&
    (mayReadOrganization(principal) ||
      isAssigned(principal, project.readers) ||
      isAssigned(principal, project.configurators))
  )
}

/** Whether the principal submits under the policy. No role includes this right: it is always assigned. */
export function maySubmit(principal: Principal, policy: SigningPolicyRights): boolean {
  return isOwn(principal, policy) && isAssigned(principal, policy.submitters)
}

/** Whether the principal approves and denies under the policy. No role includes this right: it is always assigned. */
export function mayApprove(principal: Principal, policy: SigningPolicyRights): boolean {
  return isOwn(principal, policy) && isAssigned(principal, policy.approvers)
}

/**
 * Whether the principal reads a signing request and its artifacts: whoever reads the project, the policy's
 * submitters and approvers, and the request's own submitter even after losing the right to submit.
 */
export function mayReadSigningRequest(
  principal: Principal,
  project: ProjectRights,
  policy: SigningPolicyRights,
  submitterId: string,
): boolean {
  return (
    mayReadProject(principal, project) ||
    (isOwn(principal, project) &&
      (maySubmit(principal, policy) ||
        mayApprove(principal, policy) ||
        principal.userId === submitterId))
  )
}

/** Whether the principal cancels a signing request: its submitter, and who administers projects. */
export function mayCancel(
  principal: Principal,
  project: ProjectRights,
  submitterId: string,
): boolean {
  return (
    isOwn(principal, project) &&
    (principal.userId === submitterId || mayAdministerProjects(principal))
  )
}

/**
 * Turns a missing right into an error.
 *
 * @param what The right, as in `submitter of the signing policy 'release-signing'`.
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if not allowed; the message names the right.
 */
export function requirePermission(allowed: boolean, what: string): asserts allowed {
  if (allowed) return
  throw new ChanceryError('ERR_POLICY_FORBIDDEN', `this takes a right you do not have: ${what}`, {
    hints: [
      'ask an administrator of the organization for it, or use the token of a user who has it',
    ],
  })
}
