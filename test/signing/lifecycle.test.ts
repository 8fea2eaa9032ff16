import assert from 'node:assert/strict'
import { createHash, randomBytes, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { readZip } from '../../src/format/zip-reader.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestProject,
} from '../support/authority.ts'
import { until } from '../support/until.ts'

const zipOf = (...files: (readonly [string, Uint8Array])[]): Uint8Array =>
  writeZip(
    files.map(([path, bytes]) => ({ path, bytes })),
    new Date(0),
  )

const fileOf = (bytes: Uint8Array, fileName = 'payload.json.zip') => ({
  fileName,
  bytes,
  isEntry: false,
})

async function submit(
  authority: TestAuthority,
  project: TestProject,
  bytes: Uint8Array,
  more: object = {},
) {
  return authority.services.signing.submitWithArtifact(
    project.submitter.caller(),
    { ...project.submission, parameters: {}, ...more },
    fileOf(bytes),
  )
}

async function eventTypes(authority: TestAuthority, objectId: string): Promise<readonly string[]> {
  const { events } = await authority.services.audit.list(authority.admin.caller(), {
    objectId,
    order: 'asc',
  })
  return events.map(({ type }) => type)
}

describe('a signing request', () => {
  it('is examined, signed and audited before the answer, and gives back the originals with the signature', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const payload = payloadFor()
    const submitted = await submit(authority, project, zipOf(['payload.json', payload]))
    assert.equal(submitted.status, 'Completed', submitted.statusReason ?? '')
    const id = submitted.signingRequestId
    assert.deepEqual(await eventTypes(authority, id), [
      'SigningRequest.Submitted',
      'SigningRequest.Signed',
    ])
    const { signing, administration, audit } = authority.services
    const { events } = await audit.list(authority.admin.caller(), { objectId: id, order: 'asc' })
    const [event] = events
    const { outcome, images } = event!.data['examination'] as {
      readonly outcome: string
      readonly images: readonly { readonly digest: string }[]
    }
    assert.deepEqual([outcome, images.length], ['allowed', 1])
    const signed = await signing.downloadSignedArtifact(project.submitter.caller(), id)
    assert.equal(signed.fileName, 'payload.json.zip')
    const entries = readZip(signed.bytes).entries
    assert.deepEqual(
      entries.map(({ path }) => path),
      ['payload.json', 'payload.json.sig'],
    )
    assert.deepEqual(new Uint8Array(entries[0]!.read()), new Uint8Array(payload))
    const key = administration.downloadPublicKey(authority.admin.caller(), 'release')
    assert.ok(verify('sha256', payload, key, entries[1]!.read()))
    const record = signing.get(project.submitter.caller(), id)
    assert.equal(record.images[0]?.repository, 'registry.acme.test/team/app')
    assert.equal(record.images[0].digest, `sha256:${'a'.repeat(64)}`)
  })

  it('signs several images in one request', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const submitted = await submit(
      authority,
      project,
      zipOf(
        ['a.json', payloadFor('registry.acme.test/team/a', '1')],
        ['b.json', payloadFor('registry.acme.test/team/b', '2')],
      ),
    )
    assert.equal(submitted.status, 'Completed', submitted.statusReason ?? '')
    assert.equal(submitted.signatures.length, 2)
  })

  it('is denied for an image that the policy does not allow, with the rule, the value and the fix', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const submitted = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor('evil.test/team/app')]),
    )
    assert.equal(submitted.status, 'Denied')
    assert.match(submitted.statusReason ?? '', /evil\.test\/team\/app/)
    assert.ok(submitted.statusHints.length > 0)
    assert.deepEqual(submitted.signatures, [])
    await assert.rejects(
      authority.services.signing.downloadSignedArtifact(
        project.submitter.caller(),
        submitted.signingRequestId,
      ),
      { code: 'ERR_SIGNING_NOT_COMPLETED' },
    )
  })

  it('is denied for the size of a file that cannot be metadata, without decompressing it', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const archive = zipOf(['payload.json', Buffer.from(randomBytes(900_000).toString('base64'))])
    // A block type that does not exist: whoever decompresses this finds it damaged.
    archive[42] = 0xff
    const submitted = await submit(authority, project, archive)
    assert.equal(submitted.status, 'Denied')
    assert.match(submitted.statusReason ?? '', /payload\.json: the file has 1200000 bytes/)
  })

  it('is signed after the answer where its files are large, and other work runs meanwhile', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { allowOtherFiles: true })
    const { administration } = authority.services
    const key = administration.downloadPublicKey(authority.admin.caller(), 'release')
    const content = randomBytes(17 * 1024 * 1024)
    const archive = zipOf(['payload.json', content])
    let turns = 0
    const counting = setInterval(() => (turns += 1), 1)
    const submitted = await submit(authority, project, archive)
    clearInterval(counting)
    assert.equal(submitted.status, 'InProgress', submitted.statusReason ?? '')
    assert.ok(turns > 1)
    await authority.reopen()
    const id = submitted.signingRequestId
    const signed = await authority.services.signing.downloadSignedArtifact(
      project.submitter.caller(),
      id,
    )
    assert.ok(verify('sha256', content, key, readZip(signed.bytes).entries[1]!.read()))
  })

  it('fails for what is no ZIP', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const submitted = await submit(authority, project, new TextEncoder().encode('no zip'))
    assert.equal(submitted.status, 'Failed')
    assert.match(submitted.statusReason ?? '', /ZIP/)
  })

  it('waits for k approvals, counts each approver once, and nobody approves a request of their own', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 2, approverCount: 3 })
    const { signing } = authority.services
    const { signingRequestId: id, status } = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor()]),
    )
    assert.equal(status, 'WaitingForApproval')
    const [first, second] = project.approvers
    assert.equal(
      (await signing.approve(first!.caller(), id, undefined)).status,
      'WaitingForApproval',
    )
    await assert.rejects(signing.approve(first!.caller(), id, undefined), {
      code: 'ERR_SIGNING_STATE',
    })
    await assert.rejects(signing.approve(project.submitter.caller(), id, undefined), {
      code: 'ERR_POLICY_FORBIDDEN',
    })
    assert.equal((await signing.approve(second!.caller(), id, 'looks right')).status, 'Completed')
    assert.deepEqual(await eventTypes(authority, id), [
      'SigningRequest.Submitted',
      'SigningRequest.Approved',
      'SigningRequest.DecisionRefused',
      'SigningRequest.Approved',
      'SigningRequest.Signed',
    ])
    assert.equal(signing.get(project.submitter.caller(), id).approvals.length, 2)
  })

  it('counts two approvals that arrive at the same moment', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 3, approverCount: 3 })
    const { signing } = authority.services
    const { signingRequestId: id } = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor()]),
    )
    await Promise.all(
      project.approvers.map((approver) => signing.approve(approver.caller(), id, undefined)),
    )
    assert.equal(signing.getStatus(project.submitter.caller(), id).status, 'Completed')
  })

  it('ends with one denial', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 2, approverCount: 2 })
    const { signing } = authority.services
    const { signingRequestId: id } = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor()]),
    )
    const denied = await signing.deny(project.approvers[0]!.caller(), id, 'wrong image')
    assert.equal(denied.status, 'Denied')
    assert.equal(signing.get(project.submitter.caller(), id).statusReason, 'wrong image')
    await assert.rejects(signing.approve(project.approvers[1]!.caller(), id, undefined), {
      code: 'ERR_SIGNING_STATE',
    })
  })

  it('is examined again when the policy was narrowed while it waited', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const { signing, administration } = authority.services
    const { signingRequestId: id } = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor()]),
    )
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      allowedImages: ['registry.acme.test/other/**'],
    })
    const decided = await signing.approve(project.approvers[0]!.caller(), id, undefined)
    assert.equal(decided.status, 'Denied')
    assert.equal(signing.get(project.submitter.caller(), id).signingPolicyVersion, 2)
  })

  it('is not signed with a certificate that was disabled while it waited', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const { signing, administration } = authority.services
    const { signingRequestId: id } = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor()]),
    )
    await administration.setCertificateActive(authority.admin.caller(), 'release', false)
    assert.equal(
      (await signing.approve(project.approvers[0]!.caller(), id, undefined)).status,
      'Failed',
    )
    await assert.rejects(submit(authority, project, zipOf(['payload.json', payloadFor()])), {
      code: 'ERR_SIGNING_CERTIFICATE',
    })
  })

  it('is completed in the background with a slow key, and after a restart', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { algorithm: 'rsa-3072' })
    const submitted = await submit(authority, project, zipOf(['payload.json', payloadFor()]))
    assert.equal(submitted.status, 'InProgress')
    await authority.reopen()
    const status = authority.services.signing.getStatus(
      project.submitter.caller(),
      submitted.signingRequestId,
    )
    assert.equal(status.status, 'Completed')
  })

  it('is made once for one idempotency key, also by two calls at once', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const bytes = zipOf(['payload.json', payloadFor()])
    const again = { idempotencyKey: 'once' }
    const [first, second] = await Promise.all([
      submit(authority, project, bytes, again),
      submit(authority, project, bytes, again),
    ])
    assert.equal(first.signingRequestId, second.signingRequestId)
    const third = await submit(authority, project, bytes, again)
    assert.equal(third.signingRequestId, first.signingRequestId)
    await assert.rejects(submit(authority, project, zipOf(['p.json', payloadFor()]), again), {
      code: 'ERR_SIGNING_IDEMPOTENCY',
    })
  })

  it('is not what an idempotency key of another way to submit stands for', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { allowHashSigning: true })
    const { signing } = authority.services
    const ci = project.submitter.caller()
    const again = { ...project.submission, parameters: {}, idempotencyKey: 'once' }
    const bytes = payloadFor()
    await signing.submitWithArtifact(ci, again, { fileName: 'p.json', bytes, isEntry: true })
    const other = { code: 'ERR_SIGNING_IDEMPOTENCY' }
    const artifact = { fileName: 'p.json', bytes, isEntry: false }
    await assert.rejects(signing.submitWithArtifact(ci, again, artifact), other)
    const sha256 = createHash('sha256').update(bytes).digest()
    const announced = { fileName: 'p.json', sha256Hash: sha256.toString('hex') }
    await assert.rejects(signing.submitWithoutArtifact(ci, again, announced), other)
    const hash = { signatureAlgorithm: 'Ecdsa', hash: sha256 } as const
    await assert.rejects(signing.signHash(ci, again, hash), other)
  })

  it('cancels itself after its timeout, and its submitter may cancel it', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const { signing } = authority.services
    const bytes = zipOf(['payload.json', payloadFor()])
    const timed = await submit(authority, project, bytes, { cancellationTimeoutInSeconds: 60 })
    const other = await submit(authority, project, bytes)
    await signing.cancel(project.submitter.caller(), other.signingRequestId)
    const statusOf = ({ signingRequestId }: typeof timed): string =>
      signing.getStatus(project.submitter.caller(), signingRequestId).status
    assert.deepEqual([timed, other].map(statusOf), ['WaitingForApproval', 'Canceled'])
    authority.advance(60_000)
    await until('it cancels itself', () => statusOf(timed) !== 'WaitingForApproval')
    assert.deepEqual([timed, other].map(statusOf), ['Canceled', 'Canceled'])
  })

  it('takes an announced artifact only with the announced bytes', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const { signing } = authority.services
    const bytes = zipOf(['payload.json', payloadFor()])
    const { createHash } = await import('node:crypto')
    const sha256Hash = createHash('sha256').update(bytes).digest('hex')
    const announced = await signing.submitWithoutArtifact(
      project.submitter.caller(),
      { ...project.submission, parameters: {} },
      { fileName: 'payload.json.zip', sha256Hash },
    )
    assert.equal(announced.status, 'WaitingForArtifactUpload')
    const id = announced.signingRequestId
    await assert.rejects(
      signing.uploadUnsignedArtifact(
        project.submitter.caller(),
        id,
        zipOf(['other.json', payloadFor()]),
      ),
      { code: 'ERR_SIGNING_ARTIFACT_DIFFERS' },
    )
    assert.equal(
      (await signing.uploadUnsignedArtifact(project.submitter.caller(), id, bytes)).status,
      'Completed',
    )
    // A client that lost the answer repeats the upload.
    assert.equal(
      (await signing.uploadUnsignedArtifact(project.submitter.caller(), id, bytes)).status,
      'Completed',
    )
  })

  it('resubmits under another policy, with the rights and rules of that one', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const { signing, administration } = authority.services
    await administration.createSigningPolicy(authority.admin.caller(), 'app', {
      slug: 'second',
      name: 'Second',
      certificateSlug: 'release',
      submitters: { users: [project.submitter.id], groups: [] },
      allowedImages: ['registry.acme.test/other/**'],
    })
    const original = await submit(authority, project, zipOf(['payload.json', payloadFor()]))
    const again = await signing.resubmit(
      project.submitter.caller(),
      original.signingRequestId,
      { signingPolicySlug: 'second' },
      undefined,
      undefined,
    )
    assert.equal(again.status, 'Denied')
    const record = signing.get(project.submitter.caller(), again.signingRequestId)
    assert.equal(record.originalSigningRequestId, original.signingRequestId)
  })

  it('signs a hash only where the policy allows it', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const { signing, administration } = authority.services
    const hash = {
      signatureAlgorithm: 'Ecdsa',
      hash: new Uint8Array(32).fill(3),
      ecdsaFormat: 'der',
    } as const
    const submission = { ...project.submission, parameters: {} }
    await assert.rejects(signing.signHash(project.submitter.caller(), submission, hash), {
      code: 'ERR_SIGNING_HASH_NOT_ALLOWED',
    })
    await administration.editSigningPolicy(authority.admin.caller(), 'app', 'release', {
      allowHashSigning: true,
    })
    const { signature, signingRequestId } = await signing.signHash(
      project.submitter.caller(),
      submission,
      hash,
    )
    assert.ok(signature.length > 64)
    assert.equal(signing.get(project.submitter.caller(), signingRequestId).kind, 'hash')
    await assert.rejects(
      signing.signHash(project.submitter.caller(), submission, {
        ...hash,
        hash: new Uint8Array(31),
      }),
      { code: 'ERR_SIGNING_INPUT' },
    )
  })

  it('is found by digest and by repository, and only by those who may read it', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const { signing } = authority.services
    await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor('registry.acme.test/team/a', '1')]),
    )
    await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor('registry.acme.test/team/b', '2')]),
    )
    const find = async (query: object, by = project.submitter) => {
      const { signingRequests } = await signing.list(by.caller(), query)
      return signingRequests.map(({ images }) => images[0]?.repository)
    }
    assert.deepEqual(await find({}), ['registry.acme.test/team/b', 'registry.acme.test/team/a'])
    assert.deepEqual(await find({ digest: `sha256:${'1'.repeat(64)}` }), [
      'registry.acme.test/team/a',
    ])
    assert.deepEqual(await find({ repository: 'registry.acme.test/team/b' }), [
      'registry.acme.test/team/b',
    ])
    assert.deepEqual(await find({}, await authority.addUser('stranger')), [])
    const other = await authority.addOrganization('Other')
    assert.deepEqual(await find({}, other), [])

    const audited = async (query: object, by = authority.admin) => {
      const { events } = await authority.services.audit.list(by.caller(), query)
      return new Set(events.map(({ objectId }) => objectId))
    }
    const { signingRequests } = await signing.list(project.submitter.caller(), {})
    const ids = signingRequests.map(({ id }) => id)
    assert.deepEqual(await audited({ digest: `sha256:${'1'.repeat(64)}` }), new Set([ids[1]]))
    assert.deepEqual(await audited({ repository: 'registry.acme.test/team/b' }), new Set([ids[0]]))
    assert.deepEqual(await audited({ repository: 'registry.acme.test/team/b' }, other), new Set())
    await assert.rejects(audited({ digest: 'latest' }), { code: 'ERR_FORMAT_DIGEST' })
    for (const digest of ['latest', `SHA256:${'1'.repeat(64)}`, '1'.repeat(64)]) {
      await assert.rejects(find({ digest }), { code: 'ERR_FORMAT_DIGEST' })
    }
  })

  it('loses its artifacts after their retention time, and keeps its record and signatures', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    await authority.services.administration.editOrganization(authority.admin.caller(), {
      artifactRetentionDays: 30,
    })
    const { signingRequestId: id } = await submit(
      authority,
      project,
      zipOf(['payload.json', payloadFor()]),
    )
    await authority.reopen(29)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await authority.services.signing.downloadSignedArtifact(project.submitter.caller(), id)
    await authority.reopen(31)
    const { signing } = authority.services
    await until('the artifacts are deleted', async () => {
      const types = await eventTypes(authority, id)
      return types.includes('SigningRequest.ArtifactsDeleted')
    })
    await assert.rejects(signing.downloadSignedArtifact(project.submitter.caller(), id), {
      code: 'ERR_SIGNING_ARTIFACT_DELETED',
    })
    const record = signing.get(project.submitter.caller(), id)
    assert.equal(record.status, 'Completed')
    assert.equal(record.signatures.length, 1)
  })

  it('is not signed with a certificate that is no longer valid', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    await authority.reopen(36600)
    await assert.rejects(submit(authority, project, zipOf(['payload.json', payloadFor()])), {
      code: 'ERR_SIGNING_CERTIFICATE',
    })
  })
})
