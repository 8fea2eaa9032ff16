import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addProject, payloadFor, startAuthority } from '../support/authority.ts'

const FORBIDDEN = { code: 'ERR_POLICY_FORBIDDEN' }

describe('an attempt without the right', () => {
  it('is in the audit log before it is refused', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const { signing, audit } = authority.services
    const artifact = { fileName: 'payload.json', bytes: payloadFor(), isEntry: true }
    const submission = { ...project.submission, parameters: {} }
    const { signingRequestId: id } = await signing.submitWithArtifact(
      project.submitter.caller(),
      submission,
      artifact,
    )
    const outsider = await authority.addUser('outsider')
    const caller = outsider.caller()
    const hash = { hash: new Uint8Array(32), signatureAlgorithm: 'Ecdsa' } as never
    const announced = { fileName: 'a.zip', sha256Hash: '0'.repeat(64) } as never
    const toPolicy = { signingPolicySlug: 'release' }
    await assert.rejects(signing.submitWithArtifact(caller, submission, artifact), FORBIDDEN)
    await assert.rejects(signing.submitWithoutArtifact(caller, submission, announced), FORBIDDEN)
    await assert.rejects(signing.signHash(caller, submission, hash), FORBIDDEN)
    const auditor = authority.admin.caller()
    await assert.rejects(signing.resubmit(auditor, id, toPolicy, undefined, undefined), FORBIDDEN)
    await assert.rejects(signing.approve(caller, id, undefined), FORBIDDEN)
    await assert.rejects(signing.deny(caller, id, undefined), FORBIDDEN)
    await assert.rejects(signing.cancel(caller, id), FORBIDDEN)
    const nothing = '00000000-0000-4000-8000-000000000000'
    await assert.rejects(signing.cancel(caller, nothing), FORBIDDEN)
    // Who may not even read the original, and who decides on a request of their own.
    await assert.rejects(signing.resubmit(caller, id, toPolicy, undefined, undefined), FORBIDDEN)
    await assert.rejects(
      signing.resubmit(caller, nothing, toPolicy, undefined, undefined),
      FORBIDDEN,
    )
    // An announced artifact is its submitter's to upload, and nobody else's.
    const { signingRequestId: awaited } = await signing.submitWithoutArtifact(
      project.submitter.caller(),
      submission,
      announced,
    )
    await assert.rejects(signing.uploadUnsignedArtifact(caller, awaited, payloadFor()), FORBIDDEN)
    const own = { code: 'ERR_SIGNING_OWN_REQUEST' }
    const both = await authority.addUser('both')
    const assigned = { users: [both.id], groups: [] }
    await authority.services.administration.createSigningPolicy(auditor, 'app', {
      slug: 'both',
      name: 'Both',
      certificateSlug: 'release',
      submitters: assigned,
      approvers: assigned,
      requiredApprovals: 1,
      allowedImages: ['registry.acme.test/team/**'],
    })
    const submitted = await signing.submitWithArtifact(
      both.caller(),
      { ...submission, signingPolicySlug: 'both' },
      artifact,
    )
    await assert.rejects(signing.approve(both.caller(), submitted.signingRequestId, undefined), own)
    await assert.rejects(signing.deny(both.caller(), submitted.signingRequestId, undefined), own)

    const { events } = await audit.list(auditor, { order: 'asc' })
    const refusals = events.filter(({ type }) => type.endsWith('Refused'))
    assert.deepEqual(
      refusals.map(({ type, data }) => [type, data['tried'], data['code']]),
      [
        ['SigningRequest.SubmissionRefused', 'submit', FORBIDDEN.code],
        ['SigningRequest.SubmissionRefused', 'announce', FORBIDDEN.code],
        ['SigningRequest.SubmissionRefused', 'sign-hash', FORBIDDEN.code],
        ['SigningRequest.SubmissionRefused', 'resubmit', FORBIDDEN.code],
        ['SigningRequest.DecisionRefused', 'approve', FORBIDDEN.code],
        ['SigningRequest.DecisionRefused', 'deny', FORBIDDEN.code],
        ['SigningRequest.DecisionRefused', 'cancel', FORBIDDEN.code],
        ['SigningRequest.SubmissionRefused', 'resubmit', FORBIDDEN.code],
        ['SigningRequest.SubmissionRefused', 'upload', FORBIDDEN.code],
        ['SigningRequest.DecisionRefused', 'approve', own.code],
        ['SigningRequest.DecisionRefused', 'deny', own.code],
      ],
    )
    assert.ok(refusals.slice(4, 8).every(({ objectId }) => objectId === id))
    assert.ok(refusals.slice(9).every(({ objectId }) => objectId === submitted.signingRequestId))
    const actors = refusals.map(({ metadata }) => metadata.actor?.id)
    assert.equal(actors.filter((actor) => actor === outsider.id).length, 8)
    assert.deepEqual(actors.slice(9), [both.id, both.id])
  })
})
