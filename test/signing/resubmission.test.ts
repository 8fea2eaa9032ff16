import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addProject, payloadFor, startAuthority } from '../support/authority.ts'

describe('a resubmission', () => {
  it('is of an artifact, to a policy of its project, with the configuration of the original', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { allowHashSigning: true })
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const by = project.submitter.caller()
    const policy = {
      name: 'Other',
      certificateSlug: 'release',
      submitters: { users: [project.submitter.id], groups: [] },
      allowedImages: ['registry.acme.test/team/**'],
    }
    await administration.createSigningPolicy(admin, 'app', { slug: 'second', ...policy })
    await administration.createProject(admin, { slug: 'web', name: 'Web' })
    const foreign = await administration.createSigningPolicy(admin, 'web', {
      slug: 'third',
      ...policy,
    })
    const { xml } = administration.listArtifactConfigurations(admin, 'app')[0]!
    const { id: configurationId } = await administration.createArtifactConfiguration(admin, 'app', {
      slug: 'named',
      name: 'Named',
      xml: xml.replaceAll('${file.name}.sig', '${file.name}.signature'),
    })
    const original = await signing.submitWithArtifact(
      by,
      {
        ...project.submission,
        parameters: {},
        artifactConfigurationSlug: 'named',
        description: 'nightly',
      },
      { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
    )
    const resubmit = (
      to: { readonly signingPolicySlug?: string; readonly signingPolicyId?: string },
      { id = original.signingRequestId, description, key }: Partial<Record<string, string>> = {},
    ) => signing.resubmit(by, id, to, description, key)

    const again = await resubmit({ signingPolicySlug: 'second' })
    const record = signing.get(by, again.signingRequestId)
    assert.deepEqual(
      [record.status, record.signingPolicySlug, record.description],
      ['Completed', 'second', 'nightly'],
    )
    assert.equal(record.artifactConfigurationId, configurationId)
    assert.equal(record.signatures[0]?.outputPath, 'payload.json.signature')
    assert.equal(
      record.unsignedArtifactSha256,
      signing.get(by, original.signingRequestId).unsignedArtifactSha256,
    )
    const described = await resubmit({ signingPolicySlug: 'second' }, { description: 'weekly' })
    assert.equal(signing.get(by, described.signingRequestId).description, 'weekly')

    const { id: secondId } = administration.getSigningPolicy(admin, 'app', 'second')
    const byId = await resubmit({ signingPolicyId: secondId.toUpperCase() }, { key: 'once' })
    assert.equal(byId.status, 'Completed')
    const repeated = await resubmit({ signingPolicyId: secondId }, { key: 'once' })
    assert.equal(repeated.signingRequestId, byId.signingRequestId)
    const other = { code: 'ERR_SIGNING_IDEMPOTENCY' }
    const id = again.signingRequestId
    await assert.rejects(resubmit({ signingPolicyId: secondId }, { key: 'once', id }), other)

    await assert.rejects(resubmit({ signingPolicyId: foreign.id }), { code: 'ERR_SIGNING_UNKNOWN' })
    await assert.rejects(resubmit({ signingPolicySlug: 'third' }), { code: 'ERR_SIGNING_UNKNOWN' })
    await assert.rejects(resubmit({}), { code: 'ERR_SIGNING_INPUT' })
    const hash = await signing.signHash(
      by,
      { ...project.submission, parameters: {} },
      { signatureAlgorithm: 'Ecdsa', hash: new Uint8Array(32) },
    )
    await assert.rejects(resubmit({ signingPolicySlug: 'second' }, { id: hash.signingRequestId }), {
      code: 'ERR_SIGNING_STATE',
    })
  })
})
