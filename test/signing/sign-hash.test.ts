import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import type { HashToSign, Submission } from '../../src/signing/signing-service.ts'
import { addProject, startAuthority } from '../support/authority.ts'

const TEXT = new TextEncoder().encode('what the hash is of')
const digest = (name: string): Uint8Array => createHash(name).update(TEXT).digest()
const INPUT = { code: 'ERR_SIGNING_INPUT' }

describe('a hash', () => {
  it('is signed by a key of the algorithm that is asked for, and by no other', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority, { allowHashSigning: true })
    await administration.createSelfSignedX509(admin, {
      slug: 'rsa',
      name: 'RSA',
      algorithm: 'rsa-2048',
      subject: { commonName: 'RSA' },
    })
    await administration.createSigningPolicy(admin, 'app', {
      slug: 'rsa',
      name: 'RSA',
      certificateSlug: 'rsa',
      submitters: { users: [project.submitter.id], groups: [] },
      allowHashSigning: true,
    })
    const sign = async (
      signingPolicySlug: string,
      hash: Omit<HashToSign, 'signatureAlgorithm'>,
      signatureAlgorithm: HashToSign['signatureAlgorithm'] = signingPolicySlug === 'rsa'
        ? 'Rsa'
        : 'Ecdsa',
    ): Promise<Uint8Array> => {
      const submission: Submission = { projectSlug: 'app', signingPolicySlug, parameters: {} }
      const by = project.submitter.caller()
      return (await signing.signHash(by, submission, { ...hash, signatureAlgorithm })).signature
    }
    const hash = digest('sha256')
    for (const [policy, algorithm] of [
      ['rsa', 'Ecdsa'],
      ['release', 'Rsa'],
    ] as const) {
      await assert.rejects(sign(policy, { hash }, algorithm), INPUT)
    }
    for (const hashAlgorithm of ['sha256', 'sha384', 'sha512'] as const) {
      const signature = await sign('rsa', { hash: digest(hashAlgorithm), hashAlgorithm })
      const key = administration.downloadPublicKey(admin, 'rsa')
      assert.ok(verify(hashAlgorithm, TEXT, key, signature))
    }
    await assert.rejects(sign('rsa', { hash, hashAlgorithm: 'sha512' }), INPUT)
    for (const length of [0, 20, 31, 33, 49, 65]) {
      await assert.rejects(sign('rsa', { hash: new Uint8Array(length) }), INPUT)
    }
    const key = { key: administration.downloadPublicKey(admin, 'release') }
    const raw = await sign('release', { hash })
    assert.ok(verify('sha256', TEXT, { ...key, dsaEncoding: 'ieee-p1363' }, raw))
    const der = await sign('release', { hash, ecdsaFormat: 'der' })
    assert.ok(verify('sha256', TEXT, { ...key, dsaEncoding: 'der' }, der))
  })

  it('is signed under no policy that asks for approvals, and has at most 16 KiB of metadata', async () => {
    await using authority = await startAuthority()
    const { administration, audit, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority, { allowHashSigning: true, approverCount: 1 })
    const sign = (metadata?: unknown): Promise<unknown> =>
      signing.signHash(
        project.submitter.caller(),
        { ...project.submission, parameters: {} },
        {
          signatureAlgorithm: 'Ecdsa',
          hash: digest('sha256'),
          ...(metadata === undefined ? {} : { metadata }),
        },
      )
    await sign('a'.repeat(16_382))
    await assert.rejects(sign('a'.repeat(16_383)), INPUT)
    await administration.editSigningPolicy(admin, 'app', 'release', { requiredApprovals: 1 })
    await assert.rejects(sign(), INPUT)
    await administration.editSigningPolicy(admin, 'app', 'release', {
      requiredApprovals: 0,
      allowHashSigning: false,
    })
    await assert.rejects(sign(), { code: 'ERR_SIGNING_HASH_NOT_ALLOWED' })
    const { id } = administration.getSigningPolicy(admin, 'app', 'release')
    const { events } = await audit.list(admin, { objectId: id, order: 'desc' })
    assert.equal(events[0]?.type, 'SigningRequest.HashRefused')
    assert.equal(events[0].metadata.actor?.id, project.submitter.id)
  })

  it('is signed once for one idempotency key, which stands for the hash and how it is signed', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { allowHashSigning: true })
    const { signing } = authority.services
    const sign = (hash: Uint8Array, more: Partial<HashToSign> = {}, parameters: object = {}) =>
      signing.signHash(
        project.submitter.caller(),
        { ...project.submission, parameters: { ...parameters }, idempotencyKey: 'once' },
        { signatureAlgorithm: 'Ecdsa', hash, ...more },
      )
    const [first, second] = await Promise.all([sign(digest('sha256')), sign(digest('sha256'))])
    assert.deepEqual(first, second)
    assert.deepEqual(await sign(digest('sha256')), first)
    const other = { code: 'ERR_SIGNING_IDEMPOTENCY' }
    await assert.rejects(sign(new Uint8Array(32)), other)
    await assert.rejects(sign(digest('sha256'), { ecdsaFormat: 'der' }), other)
    await assert.rejects(sign(digest('sha256'), {}, { a: 'b' }), other)
    // The same text is another user's own key.
    const peer = await authority.addUser('peer')
    await authority.services.administration.editSigningPolicy(
      authority.admin.caller(),
      'app',
      'release',
      { submitters: { users: [project.submitter.id, peer.id], groups: [] } },
    )
    const theirs = await signing.signHash(
      peer.caller(),
      { ...project.submission, parameters: {}, idempotencyKey: 'once' },
      { signatureAlgorithm: 'Ecdsa', hash: new Uint8Array(32) },
    )
    assert.notEqual(theirs.signingRequestId, first.signingRequestId)
  })
})
