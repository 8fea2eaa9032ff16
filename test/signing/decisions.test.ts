import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { readZip } from '../../src/format/zip-reader.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestProject,
} from '../support/authority.ts'

const STATE = { code: 'ERR_SIGNING_STATE' }
const FORBIDDEN = { code: 'ERR_POLICY_FORBIDDEN' }

async function submit(
  { services }: TestAuthority,
  { submitter, submission }: TestProject,
): Promise<string> {
  const { signingRequestId } = await services.signing.submitWithArtifact(
    submitter.caller(),
    { ...submission, parameters: {} },
    { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
  )
  return signingRequestId
}

/** The audit events about a request, oldest first. */
async function eventsOf({ services, admin }: TestAuthority, id: string) {
  const { events } = await services.audit.list(admin.caller(), { objectId: id, order: 'asc' })
  return events.map(({ type, data }) => ({ type: type.replace('SigningRequest.', ''), data }))
}

describe('an approval', () => {
  it('does not count once its author is inactive, or has left the group that approves', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority, { requiredApprovals: 2, approverCount: 2 })
    const [first, second] = project.approvers
    const member = await authority.addUser('member')
    const { id: groupId } = await administration.createGroup(admin, {
      name: 'Approvers',
      members: [member.id],
    })
    await administration.editSigningPolicy(admin, 'app', 'release', {
      approvers: { users: [first!.id, second!.id], groups: [groupId] },
    })
    const id = await submit(authority, project)
    const approve = async (by: typeof member): Promise<string> =>
      (await signing.approve(by.caller(), id, undefined)).status
    assert.equal(await approve(first!), 'WaitingForApproval')
    await administration.setUserActive(admin, first!.id, false)
    assert.equal(await approve(member), 'WaitingForApproval')
    await administration.changeMembers(admin, groupId, { members: [] })
    assert.equal(await approve(second!), 'WaitingForApproval')
    await administration.changeMembers(admin, groupId, { members: [member.id] })
    const third = await authority.addUser('third')
    await administration.modifyMembers(admin, groupId, { add: [third.id] })
    assert.equal(await approve(third), 'Completed')
  })

  it('says in the audit log which version of the policy it was given under, and for what', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 2 })
    const id = await submit(authority, project)
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      name: 'Renamed',
    })
    const [, second] = project.approvers
    await signing.approve(second!.caller(), id, 'looks right')
    const record = signing.get(project.submitter.caller(), id)
    assert.equal(record.signingPolicyVersion, 2)
    const events = await eventsOf(authority, id)
    assert.deepEqual(
      events.map(({ type }) => type),
      ['Submitted', 'Approved', 'Examined', 'Signed'],
    )
    const [submitted, approved, examined] = events
    assert.deepEqual(approved!.data, {
      reason: 'looks right',
      signingPolicyVersion: 2,
      sha256: submitted!.data['sha256'],
      images: record.images,
    })
    assert.equal(examined!.data['outcome'], 'allowed')
    assert.equal(examined!.data['signingPolicyVersion'], 2)
  })

  it('is one decision, whichever way, and has a reason of at most 2,000 characters', async () => {
    await using authority = await startAuthority()
    const { signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 2, approverCount: 2 })
    const [first, second] = project.approvers
    const id = await submit(authority, project)
    const long = { code: 'ERR_SIGNING_INPUT' }
    await assert.rejects(signing.approve(first!.caller(), id, 'a'.repeat(2001)), long)
    await assert.rejects(signing.deny(first!.caller(), id, 'a'.repeat(2001)), long)
    await signing.approve(first!.caller(), id, 'a'.repeat(2000))
    await assert.rejects(signing.deny(first!.caller(), id, undefined), STATE)
    assert.equal((await signing.deny(second!.caller(), id, undefined)).status, 'Denied')
    const record = signing.get(project.submitter.caller(), id)
    assert.equal(record.statusReason, 'denied by an approver')
    await assert.rejects(signing.deny(second!.caller(), id, undefined), STATE)
    assert.deepEqual(
      (await eventsOf(authority, id)).map(({ type }) => type),
      ['Submitted', 'Approved', 'Denied'],
    )
  })
})

describe('a request', () => {
  it('is canceled by its submitter and by who administers projects, and by nobody when it is final', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const approver = project.approvers[0]!
    const admin = authority.admin.caller()
    const reader = await authority.addUser('reader')
    await administration.editProject(admin, 'app', { readers: { users: [reader.id], groups: [] } })
    const id = await submit(authority, project)
    for (const by of [approver, reader]) {
      await assert.rejects(signing.cancel(by.caller(), id), FORBIDDEN)
    }
    for (const by of [reader, authority.admin]) {
      await assert.rejects(signing.approve(by.caller(), id, undefined), FORBIDDEN)
      await assert.rejects(signing.deny(by.caller(), id, undefined), FORBIDDEN)
    }
    await signing.approve(approver.caller(), id, undefined)
    for (const caller of [project.submitter.caller(), admin]) {
      await assert.rejects(signing.cancel(caller, id), STATE)
    }
    assert.equal(signing.getStatus(admin, id).status, 'Completed')
    const other = await submit(authority, project)
    assert.equal((await signing.cancel(admin, other)).status, 'Canceled')
    await assert.rejects(signing.cancel(admin, other), STATE)
    await assert.rejects(signing.approve(approver.caller(), other, undefined), STATE)
  })

  it('is signed with the certificate that its policy has when it is signed', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const id = await submit(authority, project)
    const certificate = await administration.createSelfSignedX509(admin, {
      slug: 'second',
      name: 'Second',
      subject: { commonName: 'Second' },
    })
    await administration.editSigningPolicy(admin, 'app', 'release', { certificateSlug: 'second' })
    await signing.approve(project.approvers[0]!.caller(), id, undefined)
    const record = signing.get(admin, id)
    assert.equal(record.status, 'Completed')
    assert.equal(record.certificateId, certificate.id)
    assert.deepEqual((await eventsOf(authority, id)).at(-1)?.data['certificate'], {
      id: certificate.id,
      slug: 'second',
    })
    const signature = Buffer.from(record.signatures[0]!.signature, 'base64')
    const key = (slug: string): string => administration.downloadPublicKey(admin, slug)
    assert.ok(verify('sha256', payloadFor(), key('second'), signature))
    assert.ok(!verify('sha256', payloadFor(), key('release'), signature))
  })

  it('is signed under the artifact configuration that it was submitted under', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const id = await submit(authority, project)
    const { xml, slug } = administration.listArtifactConfigurations(admin, 'app')[0]!
    await administration.editArtifactConfigurationXml(admin, 'app', slug, {
      xml: xml.replaceAll('${file.name}.sig', '${file.name}.signature'),
    })
    await signing.approve(project.approvers[0]!.caller(), id, undefined)
    assert.equal(signing.get(admin, id).signatures[0]?.outputPath, 'payload.json.sig')
    const signed = await signing.downloadSignedArtifact(project.submitter.caller(), id)
    assert.deepEqual(
      readZip(signed.bytes).entries.map(({ path }) => path),
      ['payload.json', 'payload.json.sig'],
    )
    const later = await submit(authority, project)
    await signing.approve(project.approvers[0]!.caller(), later, undefined)
    assert.equal(signing.get(admin, later).signatures[0]?.outputPath, 'payload.json.signature')
  })

  it('fails when its policy was disabled while it waited', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const id = await submit(authority, project)
    const admin = authority.admin.caller()
    await administration.setSigningPolicyActive(admin, 'app', 'release', false)
    const { status } = await signing.approve(project.approvers[0]!.caller(), id, undefined)
    assert.equal(status, 'Failed')
    const { type, data } = (await eventsOf(authority, id)).at(-1)!
    assert.deepEqual([type, data['code']], ['Failed', 'ERR_SIGNING_INACTIVE'])
    assert.deepEqual(signing.get(admin, id).signatures, [])
  })
})
