import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  isAssigned,
  mayAdministerCertificates,
  mayAdministerOrganization,
  mayAdministerProjects,
  mayAdministerTrustedBuildSystems,
  mayAdministerUsers,
  mayApprove,
  mayCancel,
  mayConfigureProject,
  mayReadAuditLog,
  mayReadOrganization,
  mayReadProject,
  mayReadSigningRequest,
  maySubmit,
  requirePermission,
} from './permission.ts'
import { ROLES, type Assignees, type Principal, type Role } from './principal.ts'

const nobody: Assignees = { users: [], groups: [] }
const ME = 'user-me'
const OTHER = 'user-other'
const OWN = 'organization-own'
const FOREIGN = 'organization-foreign'

function principal(roles: readonly Role[] = [], groupIds: readonly string[] = []): Principal {
  return {
    organizationId: OWN,
    userId: ME,
    userName: 'me',
    userType: 'interactive',
    tokenId: 'token',
    roles: new Set(roles),
    groupIds: new Set(groupIds),
  }
}

interface Assigned {
  readonly readers?: Assignees
  readonly configurators?: Assignees
  readonly submitters?: Assignees
  readonly approvers?: Assignees
}

/** Every function, on a project and a policy of the organization, for a request of somebody else. */
const FUNCTIONS: Record<
  string,
  (who: Principal, given: Assigned, organizationId: string) => boolean
> = {
  mayReadOrganization: (who) => mayReadOrganization(who),
  mayAdministerOrganization: (who) => mayAdministerOrganization(who),
  mayReadAuditLog: (who) => mayReadAuditLog(who),
  mayAdministerUsers: (who) => mayAdministerUsers(who),
  mayAdministerProjects: (who) => mayAdministerProjects(who),
  mayAdministerCertificates: (who) => mayAdministerCertificates(who),
  mayAdministerTrustedBuildSystems: (who) => mayAdministerTrustedBuildSystems(who),
  mayConfigureProject: (who, given, id) => mayConfigureProject(who, project(given, id)),
  mayReadProject: (who, given, id) => mayReadProject(who, project(given, id)),
  maySubmit: (who, given, id) => maySubmit(who, policy(given, id)),
  mayApprove: (who, given, id) => mayApprove(who, policy(given, id)),
  mayReadSigningRequest: (who, given, id) =>
    mayReadSigningRequest(who, project(given, id), policy(given, id), OTHER),
  mayCancel: (who, given, id) => mayCancel(who, project(given, id), OTHER),
}

function project(given: Assigned, organizationId: string) {
  return {
    organizationId,
    readers: given.readers ?? nobody,
    configurators: given.configurators ?? nobody,
  }
}

function policy(given: Assigned, organizationId: string) {
  return {
    organizationId,
    submitters: given.submitters ?? nobody,
    approvers: given.approvers ?? nobody,
  }
}

function allowed(who: Principal, given: Assigned = {}, organizationId = OWN): string[] {
  return Object.entries(FUNCTIONS)
    .filter(([, may]) => may(who, given, organizationId))
    .map(([name]) => name)
}

const BY_ROLE: Record<Role, readonly string[]> = {
  GlobalAdministrator: [
    'mayReadOrganization',
    'mayAdministerOrganization',
    'mayReadAuditLog',
    'mayAdministerUsers',
    'mayAdministerProjects',
    'mayAdministerCertificates',
    'mayAdministerTrustedBuildSystems',
    'mayConfigureProject',
    'mayReadProject',
    'mayReadSigningRequest',
    'mayCancel',
  ],
  CertificateAdministrator: ['mayAdministerCertificates'],
  UserAdministrator: ['mayAdministerUsers'],
  ProjectAdministrator: [
    'mayReadOrganization',
    'mayAdministerProjects',
    'mayConfigureProject',
    'mayReadProject',
    'mayReadSigningRequest',
    'mayCancel',
  ],
  GlobalReader: [
    'mayReadOrganization',
    'mayReadAuditLog',
    'mayReadProject',
    'mayReadSigningRequest',
  ],
  RegularUser: [],
  DirectorySynchronizer: [],
}

const BY_ASSIGNMENT: Record<keyof Assigned, readonly string[]> = {
  readers: ['mayReadProject', 'mayReadSigningRequest'],
  configurators: ['mayConfigureProject', 'mayReadProject', 'mayReadSigningRequest'],
  submitters: ['maySubmit', 'mayReadSigningRequest'],
  approvers: ['mayApprove', 'mayReadSigningRequest'],
}

describe('permissions by role', () => {
  for (const role of ROLES) {
    it(`${role}: every function`, () => {
      assert.deepEqual(allowed(principal([role])), BY_ROLE[role])
    })
    it(`${role}: no object of another organization`, () => {
      const unbound = BY_ROLE[role].filter((name) => /Organization|Administer|AuditLog/.test(name))
      assert.deepEqual(allowed(principal([role]), {}, FOREIGN), unbound)
    })
  }

  it('no role, no right', () => {
    assert.deepEqual(allowed(principal()), [])
  })

  it('several roles add up and give nothing more', () => {
    const both = principal(['CertificateAdministrator', 'UserAdministrator'])
    assert.deepEqual(allowed(both), ['mayAdministerUsers', 'mayAdministerCertificates'])
  })
})

describe('permissions by assignment', () => {
  for (const [assignment, expected] of Object.entries(BY_ASSIGNMENT)) {
    it(`${assignment}: as a user, as a group member, not as somebody else, not across organizations`, () => {
      const me = { [assignment]: { users: [OTHER, ME], groups: [] } }
      const mine = { [assignment]: { users: [], groups: ['g1', 'g2'] } }
      const others = { [assignment]: { users: [OTHER], groups: ['g3'] } }
      assert.deepEqual(allowed(principal(), me), expected)
      assert.deepEqual(allowed(principal([], ['g2']), mine), expected)
      assert.deepEqual(allowed(principal([], ['g2']), others), [])
      assert.deepEqual(allowed(principal([], ['g2']), me, FOREIGN), [])
      assert.deepEqual(allowed(principal([], ['g2']), mine, FOREIGN), [])
    })
  }

  it('a user id is never taken for a group id', () => {
    assert.equal(isAssigned(principal([], ['x']), { users: ['x'], groups: [ME] }), false)
  })

  it('the submitter of a request reads and cancels it without any other right', () => {
    const none = project({}, OWN)
    assert.equal(mayReadSigningRequest(principal(), none, policy({}, OWN), ME), true)
    assert.equal(mayCancel(principal(), none, ME), true)
    const foreign = project({}, FOREIGN)
    assert.equal(mayReadSigningRequest(principal(), foreign, policy({}, FOREIGN), ME), false)
    assert.equal(mayCancel(principal(), foreign, ME), false)
  })
})

describe('requirePermission', () => {
  it('passes where allowed', () => {
    requirePermission(true, 'anything')
  })

  it('names the right that is missing', () => {
    assert.throws(
      () => requirePermission(false, "submitter of the signing policy 'release-signing'"),
      (error) =>
        error instanceof ChanceryError &&
        error.code === 'ERR_POLICY_FORBIDDEN' &&
        error.httpStatus === 403 &&
        error.message.includes("submitter of the signing policy 'release-signing'"),
    )
  })
})
