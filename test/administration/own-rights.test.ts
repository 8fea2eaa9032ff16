import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Administration } from '../../src/administration/administration.ts'
import type { Caller } from '../../src/policy/caller.ts'
import { assertRefused, outcomeOf, TestAuthority } from './test-authority.ts'

const OWN_RIGHTS = 'ERR_POLICY_OWN_RIGHTS'
const FORBIDDEN = 'ERR_POLICY_FORBIDDEN'
const UNAUTHENTICATED = 'ERR_IDENTITY_UNAUTHENTICATED'
const LAST_ADMINISTRATOR = 'ERR_ADMINISTRATION_LAST_ADMINISTRATOR'

const idOf = (caller: Caller): string => caller.principal.userId
const users = (...callers: readonly Caller[]): { users: string[]; groups: string[] } => ({
  users: callers.map(idOf),
  groups: [],
})
const groups = (...ids: readonly string[]): { users: string[]; groups: string[] } => ({
  users: [],
  groups: [...ids],
})

let authority: TestAuthority
let admin: Administration
let global: Caller
let userAdministrator: Caller
let projectAdministrator: Caller
let ci: Caller

beforeEach(async () => {
  authority = await TestAuthority.create()
  admin = authority.administration
  global = authority.administrator
  userAdministrator = await authority.addUser(global, 'ua', ['UserAdministrator'])
  projectAdministrator = await authority.addUser(global, 'pa', ['ProjectAdministrator'])
  ci = await authority.addUser(global, 'pipeline', [], 'ci')
  await admin.createSelfSignedX509(global, {
    slug: 'release',
    name: 'Release',
    subject: { commonName: 'Release' },
  })
  await admin.createProject(global, { slug: 'web', name: 'Web' })
  await admin.createSigningPolicy(global, 'web', {
    slug: 'release',
    name: 'Release',
    certificateSlug: 'release',
  })
})

afterEach(() => authority[Symbol.asyncDispose]())

describe('roles', () => {
  it('of oneself are changed by others only', async () => {
    for (const caller of [global, userAdministrator]) {
      await assertRefused(() => admin.editUser(caller, idOf(caller), { roles: [] }), OWN_RIGHTS)
      const all = ['UserAdministrator', 'GlobalAdministrator'] as const
      await assertRefused(
        () => admin.editUser(caller, idOf(caller), { roles: [...all] }),
        OWN_RIGHTS,
      )
      await admin.editUser(caller, idOf(caller), { emailAddress: 'me@example.org' })
    }
  })

  it('are granted by those who have them, and by Global Administrators', async () => {
    const grant = (caller: Caller, role: 'UserAdministrator' | 'GlobalReader'): Promise<string> =>
      outcomeOf(() => admin.editUser(caller, idOf(ci), { roles: [role] }))
    assert.equal(await grant(userAdministrator, 'GlobalReader'), FORBIDDEN)
    assert.equal(await grant(userAdministrator, 'UserAdministrator'), 'ok')
    assert.equal(await grant(global, 'GlobalReader'), 'ok')
    const create = (role: 'UserAdministrator' | 'CertificateAdministrator'): Promise<string> =>
      outcomeOf(() =>
        admin.createUser(userAdministrator, 'ci', { name: `with-${role}`, roles: [role] }),
      )
    assert.equal(await create('CertificateAdministrator'), FORBIDDEN)
    assert.equal(await create('UserAdministrator'), 'ok')
  })

  it('do not reach anybody by way of a new group', async () => {
    await assertRefused(
      () =>
        admin.createGroup(userAdministrator, { name: 'Admins', roles: ['GlobalAdministrator'] }),
      FORBIDDEN,
    )
    const { id } = await admin.createGroup(userAdministrator, {
      name: 'Friends',
      members: [idOf(userAdministrator)],
    })
    await assertRefused(
      () => admin.editGroup(userAdministrator, id, { roles: ['GlobalAdministrator'] }),
      FORBIDDEN,
    )
    await assertRefused(
      () => admin.editGroup(userAdministrator, id, { roles: ['UserAdministrator'] }),
      OWN_RIGHTS,
    )
    await assertRefused(
      () =>
        admin.createGroup(userAdministrator, {
          name: 'Mine',
          roles: ['UserAdministrator'],
          members: [idOf(userAdministrator)],
        }),
      OWN_RIGHTS,
    )
  })
})

describe('a User Administrator', () => {
  it('leaves alone whoever has roles it does not have, by themselves or by a group', async () => {
    const { id } = await admin.createGroup(global, {
      name: 'Auditors',
      roles: ['GlobalReader'],
      members: [idOf(ci)],
    })
    for (const target of [idOf(global), idOf(projectAdministrator), idOf(ci)]) {
      const calls = [
        () => admin.editUser(userAdministrator, target, { name: 'renamed' }),
        () => admin.editUser(userAdministrator, target, { roles: [] }),
        () => admin.setUserActive(userAdministrator, target, false),
        () =>
          admin.revokeApiToken(
            userAdministrator,
            target,
            admin.listApiTokens(global, target)[0]!.id,
          ),
      ]
      for (const call of calls) await assertRefused(call, FORBIDDEN)
      await assertRefused(() => admin.createApiToken(userAdministrator, target, {}), OWN_RIGHTS)
      await assertRefused(() => admin.regenerateApiToken(userAdministrator, target), OWN_RIGHTS)
    }
    for (const call of [
      () => admin.changeMembers(userAdministrator, id, { members: [] }),
      () => admin.modifyMembers(userAdministrator, id, { remove: [idOf(ci)] }),
      () => admin.modifyMembers(userAdministrator, id, { add: [idOf(userAdministrator)] }),
      () => admin.editGroup(userAdministrator, id, { roles: [] }),
      () => admin.setGroupActive(userAdministrator, id, false),
    ]) {
      await assertRefused(call, FORBIDDEN)
    }
  })

  it('cannot borrow the right to submit or approve by a token for who has it', async () => {
    const issue = (): Promise<string> =>
      outcomeOf(() => admin.createApiToken(userAdministrator, idOf(ci), {}))
    assert.equal(await issue(), 'ok')
    for (const right of ['submitters', 'approvers'] as const) {
      await admin.editSigningPolicy(global, 'web', 'release', { [right]: users(ci) })
      assert.equal(await issue(), OWN_RIGHTS)
      await assertRefused(() => admin.regenerateApiToken(userAdministrator, idOf(ci)), OWN_RIGHTS)
      await admin.editSigningPolicy(global, 'web', 'release', { [right]: users() })
      assert.equal(await issue(), 'ok')
    }
    const { id } = await admin.createGroup(global, { name: 'Team', members: [idOf(ci)] })
    for (const right of ['readers', 'configurators'] as const) {
      await admin.editProject(global, 'web', { [right]: groups(id) })
      assert.equal(await issue(), OWN_RIGHTS)
      await admin.editProject(global, 'web', { [right]: groups() })
      assert.equal(await issue(), 'ok')
    }
  })

  it('cannot put itself, or somebody of its making, into a group with rights', async () => {
    const { id } = await admin.createGroup(global, { name: 'Release engineers' })
    await admin.editSigningPolicy(global, 'web', 'release', { submitters: groups(id) })
    const puppet = await authority.addUser(userAdministrator, 'puppet', [], 'ci')
    await assertRefused(
      () => admin.modifyMembers(userAdministrator, id, { add: [idOf(puppet)] }),
      FORBIDDEN,
    )
    await assertRefused(
      () => admin.changeMembers(userAdministrator, id, { members: [idOf(userAdministrator)] }),
      OWN_RIGHTS,
    )
    await admin.modifyMembers(global, id, { add: [idOf(puppet), idOf(ci)] })
    await admin.modifyMembers(userAdministrator, id, { remove: [idOf(puppet)] })
    assert.deepEqual(admin.getGroup(global, id).members, [idOf(ci)])
  })

  it('cannot free the name of who has rights for somebody else', async () => {
    const { id } = await admin.createGroup(global, { name: 'Releasers' })
    await admin.editSigningPolicy(global, 'web', 'release', {
      submitters: { users: [idOf(ci)], groups: [id] },
    })
    await assertRefused(
      () => admin.editUser(userAdministrator, idOf(ci), { name: 'old' }),
      OWN_RIGHTS,
    )
    await assertRefused(() => admin.editGroup(userAdministrator, id, { name: 'old' }), OWN_RIGHTS)
    await admin.editUser(userAdministrator, idOf(ci), {
      name: 'pipeline',
      emailAddress: 'ci@example.org',
    })
    await admin.editUser(userAdministrator, idOf(userAdministrator), { name: 'ua-2' })
    await admin.editUser(global, idOf(ci), { name: 'old' })
  })

  it('gives what it has itself, and renames and issues tokens where nothing is assigned', async () => {
    const peer = await authority.addUser(global, 'peer', ['UserAdministrator'])
    await admin.createApiToken(userAdministrator, idOf(peer), {})
    await admin.editUser(userAdministrator, idOf(ci), { name: 'nightly' })
    const { id } = await admin.createGroup(global, { name: 'Releasers' })
    await admin.editGroup(userAdministrator, id, {
      name: 'Release engineers',
      roles: ['UserAdministrator'],
    })
    await admin.editSigningPolicy(global, 'web', 'release', {
      submitters: { users: [idOf(userAdministrator)], groups: [id] },
    })
    await admin.modifyMembers(userAdministrator, id, { add: [idOf(ci)] })
    await admin.createApiToken(userAdministrator, idOf(ci), {})
    assert.deepEqual(admin.getGroup(global, id).members, [idOf(ci)])
  })

  it('gives every right on projects where it administers projects as well', async () => {
    await admin.editUser(global, idOf(userAdministrator), {
      roles: ['UserAdministrator', 'ProjectAdministrator'],
    })
    const { id } = await admin.createGroup(global, { name: 'Releasers' })
    await admin.editSigningPolicy(global, 'web', 'release', { submitters: groups(id) })
    await admin.modifyMembers(userAdministrator, id, { add: [idOf(ci)] })
    await admin.createApiToken(userAdministrator, idOf(ci), {})
    await admin.editGroup(userAdministrator, id, { name: 'Release engineers' })
  })

  it('cannot wake up a group that would give it rights', async () => {
    const { id } = await admin.createGroup(global, {
      name: 'Sleeping',
      members: [idOf(userAdministrator)],
    })
    await admin.editSigningPolicy(global, 'web', 'release', { approvers: groups(id) })
    await admin.setGroupActive(userAdministrator, id, true)
    await admin.setGroupActive(global, id, false)
    await admin.setGroupActive(userAdministrator, id, false)
    await assertRefused(() => admin.setGroupActive(userAdministrator, id, true), OWN_RIGHTS)
    const other = await authority.addUser(global, 'other', ['GlobalAdministrator'])
    await admin.setGroupActive(other, id, true)
    assert.deepEqual(
      authority
        .auditEvents(authority.founded.organizationId)
        .filter(({ objectId }) => objectId === id)
        .map(({ type }) => type),
      ['UserGroup.Created', 'UserGroup.Deactivated', 'UserGroup.Activated'],
    )
  })
})

describe('nobody assigns rights to themselves', () => {
  it('directly, on projects and signing policies, old and new', async () => {
    for (const caller of [global, projectAdministrator]) {
      for (const right of ['readers', 'configurators'] as const) {
        const assignment = { [right]: users(caller) }
        await assertRefused(() => admin.editProject(caller, 'web', assignment), OWN_RIGHTS)
        await assertRefused(
          () => admin.createProject(caller, { slug: 'new', name: 'New', ...assignment }),
          OWN_RIGHTS,
        )
      }
      for (const right of ['submitters', 'approvers'] as const) {
        const assignment = { [right]: users(ci, caller) }
        await assertRefused(
          () => admin.editSigningPolicy(caller, 'web', 'release', assignment),
          OWN_RIGHTS,
        )
        const create = { slug: 'new', name: 'New', certificateSlug: 'release', ...assignment }
        await assertRefused(() => admin.createSigningPolicy(caller, 'web', create), OWN_RIGHTS)
      }
    }
  })

  it('by way of a group they are in', async () => {
    const { id } = await admin.createGroup(global, {
      name: 'Team',
      members: [idOf(projectAdministrator)],
    })
    await assertRefused(
      () =>
        admin.editSigningPolicy(projectAdministrator, 'web', 'release', { approvers: groups(id) }),
      OWN_RIGHTS,
    )
    await assertRefused(
      () => admin.editProject(projectAdministrator, 'web', { readers: groups(id) }),
      OWN_RIGHTS,
    )
    await admin.editSigningPolicy(global, 'web', 'release', { approvers: groups(id) })
  })

  it('but keep those that somebody else gave them', async () => {
    const { id } = await admin.createGroup(global, {
      name: 'Team',
      members: [idOf(projectAdministrator)],
    })
    const theirs = { users: [idOf(projectAdministrator)], groups: [id] }
    await admin.editProject(global, 'web', { readers: theirs })
    const readers = { users: [...theirs.users, idOf(ci)].sort(), groups: [id] }
    await admin.editProject(projectAdministrator, 'web', { readers })
    assert.deepEqual(admin.getProject(global, 'web').readers, readers)
  })

  it('by joining a group that has rights, as Global Administrator either', async () => {
    const { id } = await admin.createGroup(global, { name: 'Team' })
    await admin.editSigningPolicy(global, 'web', 'release', { submitters: groups(id) })
    await assertRefused(() => admin.modifyMembers(global, id, { add: [idOf(global)] }), OWN_RIGHTS)
  })

  it('by loosening a policy they submit or approve under', async () => {
    await admin.editSigningPolicy(global, 'web', 'release', {
      submitters: users(projectAdministrator),
      approvers: users(ci),
      requiredApprovals: 1,
    })
    for (const edit of [
      { requiredApprovals: 0 },
      { allowHashSigning: true },
      { allowOtherFiles: true },
      { allowedImages: ['ghcr.io/acme/**'] },
      { signatureFormats: ['legacy' as const] },
      { allowedPredicateTypes: ['https://slsa.dev/provenance/v1'] },
      { approvers: users(ci, userAdministrator) },
      { submitters: users(projectAdministrator, ci) },
    ]) {
      await assertRefused(
        () => admin.editSigningPolicy(projectAdministrator, 'web', 'release', edit),
        OWN_RIGHTS,
      )
      const { id } = await admin.createSigningPolicy(global, 'web', {
        slug: `policy-${authority.now}`,
        name: 'Of somebody else',
        certificateSlug: 'release',
        approvers: users(ci),
        requiredApprovals: 1,
      })
      await admin.editSigningPolicy(projectAdministrator, 'web', id, {
        ...edit,
        submitters: users(ci),
      })
    }
    await admin.editSigningPolicy(projectAdministrator, 'web', 'release', { name: 'Renamed' })
    await admin.setSigningPolicyActive(projectAdministrator, 'web', 'release', false)
    await assertRefused(
      () => admin.setSigningPolicyActive(projectAdministrator, 'web', 'release', true),
      OWN_RIGHTS,
    )
    await admin.setSigningPolicyActive(projectAdministrator, 'web', 'release', false)
    await admin.setSigningPolicyActive(global, 'web', 'release', true)
    await admin.setSigningPolicyActive(projectAdministrator, 'web', 'release', true)
  })

  it('but take the policies of others out of use, and bring them back', async () => {
    await admin.setSigningPolicyActive(projectAdministrator, 'web', 'release', false)
    await admin.setSigningPolicyActive(projectAdministrator, 'web', 'release', true)
    assert.equal(admin.getSigningPolicy(global, 'web', 'release').isActive, true)
  })

  it('with rights they have lost while the call was under way', async () => {
    const late = admin.editUser(global, idOf(userAdministrator), { roles: [] })
    const call = outcomeOf(() => admin.createUser(userAdministrator, 'ci', { name: 'late' }))
    await late
    assert.equal(await call, FORBIDDEN)
    await admin.setUserActive(global, idOf(projectAdministrator), false)
    await assertRefused(
      () => admin.createProject(projectAdministrator, { slug: 'late', name: 'Late' }),
      'ERR_IDENTITY_UNAUTHENTICATED',
    )
  })
})

describe('own tokens', () => {
  it('are issued by people to themselves, not by machines', async () => {
    const person = await authority.addUser(global, 'jane')
    const { apiToken } = await admin.createApiToken(person, idOf(person), {})
    assert.equal(authority.callerWith(apiToken).principal.userId, idOf(person))
    await assertRefused(() => admin.createApiToken(ci, idOf(ci), {}), FORBIDDEN)
    await assertRefused(() => admin.regenerateApiToken(ci, idOf(ci)), FORBIDDEN)
    await assertRefused(() => admin.createApiToken(person, idOf(ci), {}), FORBIDDEN)
    await assertRefused(() => admin.listApiTokens(person, idOf(ci)), FORBIDDEN)
    assert.equal(admin.listApiTokens(ci, idOf(ci)).length, 1)
    await admin.revokeApiToken(ci, idOf(ci), ci.principal.tokenId)
    await assertRefused(
      () => admin.revokeApiToken(ci, idOf(ci), ci.principal.tokenId),
      'ERR_IDENTITY_UNAUTHENTICATED',
    )
  })

  it('are issued to nobody who is inactive, and to others for as long as is asked', async () => {
    const soon = new Date(authority.now + 3_600_000).toISOString()
    const { apiToken } = await admin.createApiToken(global, idOf(global), { expiresAt: soon })
    const caller = authority.callerWith(apiToken)
    assert.equal((await admin.createApiToken(caller, idOf(ci), {})).expiresAt, null)
    assert.equal((await admin.regenerateApiToken(caller, idOf(ci))).expiresAt, null)
    const now = new Date(authority.now).toISOString()
    await assertRefused(
      () => admin.createApiToken(global, idOf(ci), { expiresAt: now }),
      'ERR_ADMINISTRATION_VALUE',
    )
    await admin.setUserActive(global, idOf(ci), false)
    for (const issue of [
      () => admin.createApiToken(global, idOf(ci), {}),
      () => admin.regenerateApiToken(global, idOf(ci)),
    ]) {
      await assertRefused(issue, 'ERR_ADMINISTRATION_INACTIVE')
    }
  })

  it('are revoked by an id in upper case, too', async () => {
    await admin.revokeApiToken(global, idOf(ci), ci.principal.tokenId.toUpperCase())
    const [token] = admin.listApiTokens(global, idOf(ci))
    assert.ok(token?.revokedAt)
  })

  it('do not outlive the token they were issued with', async () => {
    const person = await authority.addUser(global, 'jane')
    const soon = new Date(authority.now + 3_600_000).toISOString()
    const later = new Date(authority.now + 7_200_000).toISOString()
    const short = await admin.createApiToken(person, idOf(person), { expiresAt: soon })
    const caller = authority.callerWith(short.apiToken)
    const sooner = new Date(authority.now + 1_800_000).toISOString()
    const least = await admin.createApiToken(caller, idOf(person), { expiresAt: sooner })
    assert.equal(least.expiresAt, sooner)
    for (const create of [{}, { expiresAt: null }, { expiresAt: later }]) {
      const { expiresAt } = await admin.createApiToken(caller, idOf(person), create)
      assert.equal(expiresAt, soon)
    }
    assert.equal((await admin.regenerateApiToken(caller, idOf(person))).expiresAt, soon)
  })
})

describe('the last Global Administrator', () => {
  it('cannot be deactivated, nor lose the only token', async () => {
    const id = idOf(global)
    await assertRefused(() => admin.setUserActive(global, id, false), LAST_ADMINISTRATOR)
    await assertRefused(
      () => admin.revokeApiToken(global, id, global.principal.tokenId),
      LAST_ADMINISTRATOR,
    )
    const second = await authority.addUser(global, 'second', ['GlobalAdministrator'])
    await admin.setUserActive(second, id, false)
    await assertRefused(() => admin.setUserActive(second, idOf(second), false), LAST_ADMINISTRATOR)
  })

  it('cannot be demoted by way of the group that made it one', async () => {
    const member = await authority.addUser(global, 'member')
    const { id } = await admin.createGroup(global, {
      name: 'Administrators',
      roles: ['GlobalAdministrator'],
      members: [idOf(member)],
    })
    const caller = authority.refresh(member)
    await admin.editUser(caller, idOf(global), { roles: [] })
    for (const call of [
      () => admin.changeMembers(caller, id, { members: [] }),
      () => admin.modifyMembers(caller, id, { remove: [idOf(member)] }),
      () => admin.setGroupActive(caller, id, false),
      () => admin.editGroup(caller, id, { roles: [] }),
      () => admin.setUserActive(caller, idOf(member), false),
    ]) {
      await assertRefused(call, LAST_ADMINISTRATOR)
    }
  })

  it('remains when two demote each other at the same time', async () => {
    const second = await authority.addUser(global, 'second', ['GlobalAdministrator'])
    const outcomes = await Promise.all([
      outcomeOf(() => admin.editUser(global, idOf(second), { roles: [] })),
      outcomeOf(() => admin.editUser(second, idOf(global), { roles: [] })),
    ])
    assert.deepEqual(outcomes, ['ok', FORBIDDEN])
  })

  it('counts only with a token that works', async () => {
    const { id } = await admin.createUser(global, 'interactive', {
      name: 'tokenless',
      roles: ['GlobalAdministrator'],
    })
    await assertRefused(() => admin.setUserActive(global, idOf(global), false), LAST_ADMINISTRATOR)
    await admin.createApiToken(global, id, {})
    await admin.setUserActive(global, idOf(global), false)
  })

  it('gets a new token in place of the only one', async () => {
    const { apiToken } = await admin.regenerateApiToken(global, idOf(global))
    await assertRefused(() => authority.callerWith(authority.founded.apiToken), UNAUTHENTICATED)
    await admin.editUser(authority.callerWith(apiToken), idOf(ci), { name: 'renamed' })
  })

  it('whose token has expired keeps nobody else from their work', async () => {
    const expiresAt = new Date(authority.now + 60_000).toISOString()
    const { apiToken } = await admin.createApiToken(global, idOf(global), { expiresAt })
    await admin.revokeApiToken(
      authority.callerWith(apiToken),
      idOf(global),
      global.principal.tokenId,
    )
    authority.now += 60_000
    await assertRefused(() => authority.callerWith(apiToken), UNAUTHENTICATED)
    await admin.editUser(userAdministrator, idOf(ci), { name: 'renamed' })
  })
})
