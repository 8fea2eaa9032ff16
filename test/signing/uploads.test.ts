import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { writeZip } from '../../src/format/zip-writer.ts'
import { addProject, payloadFor, startAuthority, type TestUser } from '../support/authority.ts'

const FORBIDDEN = { code: 'ERR_POLICY_FORBIDDEN' }
const STATE = { code: 'ERR_SIGNING_STATE' }
const zipOf = (payload: Uint8Array): Uint8Array =>
  writeZip([{ path: 'payload.json', bytes: payload }], new Date(0))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('an announced artifact', () => {
  it('is brought by who announced it, who has the right still, and once', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const { administration, audit, signing } = authority.services
    const admin = authority.admin.caller()
    const peer = await authority.addUser('peer')
    const editPolicy = (submitters: readonly TestUser[]): Promise<void> =>
      administration.editSigningPolicy(admin, 'app', 'release', {
        submitters: { users: submitters.map(({ id }) => id), groups: [] },
      })
    await editPolicy([project.submitter, peer])
    const bytes = zipOf(payloadFor())
    const announce = async (more: object = {}): Promise<string> => {
      const submission = { ...project.submission, parameters: {}, ...more }
      const metadata = { fileName: 'payload.json.zip', sha256Hash: sha256(bytes) }
      const by = project.submitter.caller()
      return (await signing.submitWithoutArtifact(by, submission, metadata)).signingRequestId
    }
    const bring = async (id: string, by = project.submitter, what = bytes): Promise<string> =>
      (await signing.uploadUnsignedArtifact(by.caller(), id, what)).status

    const id = await announce()
    for (const by of [peer, authority.admin]) await assert.rejects(bring(id, by), FORBIDDEN)
    await editPolicy([peer])
    await assert.rejects(bring(id), FORBIDDEN)
    await editPolicy([project.submitter])
    assert.equal(signing.getStatus(admin, id).status, 'WaitingForArtifactUpload')
    assert.equal(await bring(id), 'Completed')
    assert.equal(await bring(id), 'Completed')
    await assert.rejects(bring(id, project.submitter, zipOf(payloadFor('x.test/y'))), STATE)
    const record = signing.get(admin, id)
    assert.equal(record.signingPolicyVersion, 4)
    const { events } = await audit.list(admin, { objectId: id, order: 'asc' })
    assert.deepEqual(
      events.map(({ type }) => type.replace('SigningRequest.', '')),
      [
        'Submitted',
        'SubmissionRefused',
        'SubmissionRefused',
        'SubmissionRefused',
        'ArtifactUploaded',
        'Examined',
        'Signed',
      ],
    )
    const { artifactConfiguration, ...uploaded } = events[4]!.data
    assert.deepEqual(uploaded, { sha256: sha256(bytes), size: bytes.length })
    assert.deepEqual(artifactConfiguration, {
      id: record.artifactConfigurationId,
      slug: record.artifactConfigurationSlug,
      version: record.artifactConfigurationVersion,
    })
    assert.equal(events[5]!.data['signingPolicyVersion'], 4)

    const canceled = await announce()
    await signing.cancel(project.submitter.caller(), canceled)
    await assert.rejects(bring(canceled), STATE)

    const once = await announce({ idempotencyKey: 'once' })
    assert.equal(await announce({ idempotencyKey: 'once' }), once)
    const twice = await Promise.all([bring(once), bring(once)])
    assert.deepEqual(twice, ['Completed', 'Completed'])
    const { events: afterwards } = await audit.list(admin, { objectId: once })
    const uploads = afterwards.filter(({ type }) => type === 'SigningRequest.ArtifactUploaded')
    assert.equal(uploads.length, 1)
  })

  it('is announced by the SHA-256 of its bytes, in lower case', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const hash = sha256(payloadFor())
    for (const sha256Hash of ['', hash.slice(2), `${hash}00`, hash.toUpperCase(), 'g'.repeat(64)]) {
      await assert.rejects(
        authority.services.signing.submitWithoutArtifact(
          project.submitter.caller(),
          { ...project.submission, parameters: {} },
          { fileName: 'payload.json', sha256Hash },
        ),
        { kind: 'invalid' },
      )
    }
  })
})
