import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { writeZip } from '../../src/format/zip-writer.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestProject,
} from '../support/authority.ts'
import { PREDICATE_TYPE, statementOf } from '../support/statements.ts'

/** So many files that signing them takes far longer than one change of the configuration. */
const MANY = Array.from({ length: 400 }, (_, index) => `payload-${index}.json`)

async function submit(
  { services }: TestAuthority,
  { submitter, submission }: TestProject,
  names: readonly string[],
): Promise<string> {
  const entries = names.map((path) => ({ path, bytes: payloadFor() }))
  const { signingRequestId } = await services.signing.submitWithArtifact(
    submitter.caller(),
    { ...submission, parameters: {} },
    { fileName: 'payloads.zip', bytes: writeZip(entries, new Date(0)), isEntry: false },
  )
  return signingRequestId
}

async function settled({ services, admin }: TestAuthority, id: string): Promise<string> {
  for (;;) {
    const { status } = services.signing.getStatus(admin.caller(), id)
    if (status !== 'InProgress') return status
    await sleep(20)
  }
}

describe('what changes while a request is signed', () => {
  it('denies what a narrowed policy does not allow any more', async () => {
    await using authority = await startAuthority()
    const { administration } = authority.services
    const project = await addProject(authority, { algorithm: 'ecdsa-p384' })
    const id = await submit(authority, project, MANY)
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      allowedImages: ['registry.acme.test/other/**'],
    })
    assert.equal(await settled(authority, id), 'Denied')
  })

  it('fails what a disabled certificate would have to sign', async () => {
    await using authority = await startAuthority()
    const { administration } = authority.services
    const project = await addProject(authority, { algorithm: 'ecdsa-p384' })
    const id = await submit(authority, project, MANY)
    await administration.setCertificateActive(authority.admin.caller(), 'release', false)
    assert.equal(await settled(authority, id), 'Failed')
  })

  it('fails what belongs to a project that was disabled', async () => {
    await using authority = await startAuthority()
    const { administration } = authority.services
    const project = await addProject(authority, { algorithm: 'ecdsa-p384' })
    const id = await submit(authority, project, MANY)
    await administration.setProjectActive(authority.admin.caller(), 'app', false)
    assert.equal(await settled(authority, id), 'Failed')
  })

  it('waits for the approvals that the policy asks for now', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const approver = await authority.addUser('approver')
    const project = await addProject(authority, { algorithm: 'ecdsa-p384' })
    const id = await submit(authority, project, MANY)
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      approvers: { users: [approver.id], groups: [] },
      requiredApprovals: 1,
    })
    assert.equal(await settled(authority, id), 'WaitingForApproval')
    await signing.approve(approver.caller(), id, undefined)
    assert.equal(await settled(authority, id), 'Completed')
  })

  it('does not count the approval of somebody who is no approver any more', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const project = await addProject(authority, {
      algorithm: 'ecdsa-p384',
      requiredApprovals: 1,
      approverCount: 2,
    })
    const [first, second] = project.approvers
    const id = await submit(authority, project, MANY)
    const approving = signing.approve(first!.caller(), id, undefined)
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      approvers: { users: [second!.id], groups: [] },
    })
    await approving
    assert.equal(await settled(authority, id), 'WaitingForApproval')
    const { events } = await authority.services.audit.list(authority.admin.caller(), {
      objectId: id,
    })
    assert.ok(!events.some(({ type }) => type === 'SigningRequest.Signed'))
  })

  it('fails a request of a project that was disabled while it waited', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const id = await submit(authority, project, ['payload.json'])
    await administration.setProjectActive(authority.admin.caller(), 'app', false)
    const { status } = await signing.approve(project.approvers[0]!.caller(), id, undefined)
    assert.equal(status, 'Failed')
  })

  it('fails the request of somebody who was deactivated while it waited, whoever approves it', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const id = await submit(authority, project, ['payload.json'])
    await administration.setUserActive(authority.admin.caller(), project.submitter.id, false)
    const { status } = await signing.approve(project.approvers[0]!.caller(), id, undefined)
    assert.equal(status, 'Failed')
    const { statusReason } = signing.get(authority.admin.caller(), id)
    assert.match(statusReason ?? '', /no active submitter of the signing policy 'release' any more/)
  })

  it('signs nothing in the background for somebody who is no submitter any more', async () => {
    await using authority = await startAuthority()
    const { administration } = authority.services
    const project = await addProject(authority, { algorithm: 'ecdsa-p384' })
    const id = await submit(authority, project, MANY)
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      submitters: { users: [], groups: [] },
    })
    assert.equal(await settled(authority, id), 'Failed')
  })

  it('is the same request by an id in upper case', async () => {
    await using authority = await startAuthority()
    const { signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 2, approverCount: 2 })
    const [first, second] = project.approvers
    const id = await submit(authority, project, ['payload.json'])
    await signing.approve(first!.caller(), id.toUpperCase(), undefined)
    await assert.rejects(signing.approve(first!.caller(), id, undefined), {
      code: 'ERR_SIGNING_STATE',
    })
    const { status } = await signing.approve(second!.caller(), id, undefined)
    assert.equal(status, 'Completed')
  })
})

/** The thread that examines has only this before what is submitted next: some seconds of work. */
function occupyExaminer({ services }: TestAuthority, project: TestProject): Promise<unknown> {
  const nested = `${'['.repeat(60)}${']'.repeat(60)}`
  return services.signing.submitWithArtifact(
    project.submitter.caller(),
    { ...project.submission, parameters: {} },
    {
      fileName: 'long.json',
      bytes: statementOf(`{"a":[${`${nested},`.repeat(10_000)}0]}`),
      isEntry: true,
    },
  )
}

const LARGE = {
  fileName: 'statement.json',
  bytes: statementOf(`{"a":"${'x'.repeat(300_000)}"}`),
  isEntry: true,
}

describe('rights that are taken back while an artifact is examined', { timeout: 300_000 }, () => {
  const takings: readonly (readonly [
    what: string,
    take: (authority: TestAuthority, userId: string, groupId: string) => Promise<void>,
    code: string,
  ])[] = [
    [
      'a user who is deactivated',
      ({ services, admin }, userId) =>
        services.administration.setUserActive(admin.caller(), userId, false),
      'ERR_IDENTITY_UNAUTHENTICATED',
    ],
    [
      'a token that is revoked',
      async ({ services: { administration }, admin }, userId) => {
        const [token] = administration.listApiTokens(admin.caller(), userId)
        await administration.revokeApiToken(admin.caller(), userId, token!.id)
      },
      'ERR_IDENTITY_UNAUTHENTICATED',
    ],
    [
      'a member who is taken out of the submitting group',
      ({ services, admin }, userId, groupId) =>
        services.administration.modifyMembers(admin.caller(), groupId, { remove: [userId] }),
      'ERR_POLICY_FORBIDDEN',
    ],
  ]
  for (const [what, take, code] of takings) {
    it(`sign nothing for ${what}: submitted, uploaded`, async () => {
      await using authority = await startAuthority()
      const { administration, signing, audit } = authority.services
      const admin = authority.admin.caller()
      const project = await addProject(authority, { allowedPredicateTypes: [PREDICATE_TYPE] })
      const user = await authority.addUser('member')
      const { id: groupId } = await administration.createGroup(admin, {
        name: 'submitters',
        members: [user.id],
      })
      await administration.editSigningPolicy(admin, 'app', 'release', {
        submitters: { users: [project.submitter.id], groups: [groupId] },
      })
      const submission = { ...project.submission, parameters: {} }
      const zip = writeZip([{ path: 'statement.json', bytes: LARGE.bytes }], new Date(0))
      const announced = await signing.submitWithoutArtifact(user.caller(), submission, {
        fileName: 'statement.zip',
        sha256Hash: createHash('sha256').update(zip).digest('hex'),
      })
      const busy = occupyExaminer(authority, project)
      const submitted = signing.submitWithArtifact(user.caller(), submission, LARGE)
      const uploaded = signing.uploadUnsignedArtifact(
        user.caller(),
        announced.signingRequestId,
        zip,
      )
      const refused = Promise.all([
        assert.rejects(submitted, { code }),
        assert.rejects(uploaded, { code }),
      ])
      await take(authority, user.id, groupId)
      await refused
      await busy
      const { events } = await audit.list(admin, { actorId: user.id, order: 'asc' })
      assert.deepEqual(events.map(({ type, data }) => [type, data['tried']]).sort(), [
        ...(code === 'ERR_POLICY_FORBIDDEN'
          ? [
              ['SigningRequest.SubmissionRefused', 'submit'],
              ['SigningRequest.SubmissionRefused', 'upload'],
            ]
          : []),
        ['SigningRequest.Submitted', undefined],
      ])
      const { status } = signing.getStatus(admin, announced.signingRequestId)
      assert.equal(status, 'WaitingForArtifactUpload')
    })
  }

  it('do not count as an approval of whoever is no approver any more', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority, { allowedPredicateTypes: [PREDICATE_TYPE] })
    const approver = await authority.addUser('approver')
    await administration.createSigningPolicy(admin, 'app', {
      slug: 'approved',
      name: 'Approved',
      certificateSlug: 'release',
      submitters: { users: [project.submitter.id], groups: [] },
      approvers: { users: [approver.id], groups: [] },
      requiredApprovals: 1,
      allowedImages: ['registry.acme.test/team/**'],
      allowedPredicateTypes: [PREDICATE_TYPE],
    })
    const { signingRequestId: id } = await signing.submitWithArtifact(
      project.submitter.caller(),
      { projectSlug: 'app', signingPolicySlug: 'approved', parameters: {} },
      LARGE,
    )
    // After the first run of the chores, which would see by themselves that the approval does not count.
    await sleep(1500)
    const busy = occupyExaminer(authority, project)
    const approving = signing.approve(approver.caller(), id, undefined)
    // The approval is durable, and the examination waits for its turn.
    while (signing.getStatus(admin, id).status === 'WaitingForApproval') await sleep(1)
    await administration.setUserActive(admin, approver.id, false)
    assert.equal((await approving).status, 'WaitingForApproval')
    await busy
    assert.deepEqual(signing.get(admin, id).signatures, [])
  })
})
