import assert from 'node:assert/strict'
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
    const { events } = authority.services.audit.list(authority.admin.caller(), { objectId: id })
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
