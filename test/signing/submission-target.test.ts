import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import type { Submission } from '../../src/signing/signing-service.ts'
import { addProject, payloadFor, startAuthority, type TestUser } from '../support/authority.ts'

const XML = `<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
  <zip-file><file path="*"><create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" rsa-padding="pkcs1"/></file></zip-file>
</artifact-configuration>`

describe('what a submission is made to', () => {
  it('is active, whole and of the organization', async () => {
    await using authority = await startAuthority()
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const project = await addProject(authority)
    const { id } = administration.getSigningPolicy(admin, 'app', 'release')
    const submit = (
      submission: Omit<Submission, 'parameters'>,
      by: TestUser = project.submitter,
    ): Promise<string> =>
      signing
        .submitWithArtifact(
          by.caller(),
          { parameters: {}, ...submission },
          { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
        )
        .then(
          ({ status }) => status,
          (thrown: unknown) => {
            assert.ok(thrown instanceof ChanceryError)
            return `${thrown.code} ${thrown.field ?? ''}`
          },
        )
    const slugs = { projectSlug: 'app', signingPolicySlug: 'release' }

    assert.equal(await submit(slugs), 'Completed')
    assert.equal(await submit({ signingPolicyId: id.toUpperCase() }), 'Completed')
    for (const [submission, expected] of [
      [{ ...slugs, signingPolicyId: id }, 'ERR_SIGNING_INPUT SigningPolicyId'],
      [{ projectSlug: 'app', signingPolicyId: id }, 'ERR_SIGNING_INPUT SigningPolicyId'],
      [{ signingPolicySlug: 'x', signingPolicyId: id }, 'ERR_SIGNING_INPUT SigningPolicyId'],
      [{ signingPolicySlug: 'release' }, 'ERR_SIGNING_INPUT ProjectSlug'],
      [{ projectSlug: '', signingPolicySlug: 'release' }, 'ERR_SIGNING_INPUT ProjectSlug'],
      [{ projectSlug: 'app' }, 'ERR_SIGNING_INPUT SigningPolicySlug'],
      [{ projectSlug: 'none', signingPolicySlug: 'release' }, 'ERR_SIGNING_UNKNOWN ProjectSlug'],
      [{ projectSlug: 'app', signingPolicySlug: 'none' }, 'ERR_SIGNING_UNKNOWN SigningPolicySlug'],
      [
        { ...slugs, artifactConfigurationSlug: 'none' },
        'ERR_SIGNING_UNKNOWN ArtifactConfigurationSlug',
      ],
      [{ ...slugs, artifactConfigurationId: id }, 'ERR_SIGNING_UNKNOWN ArtifactConfigurationId'],
    ] as const) {
      assert.equal(await submit(submission), expected, JSON.stringify(submission))
    }

    const other = await authority.addOrganization('Other')
    const foreign = await addProject(authority, {}, other)
    const unknown = 'ERR_SIGNING_UNKNOWN SigningPolicyId'
    assert.equal(await submit({ signingPolicyId: id }, foreign.submitter), unknown)
    assert.equal(await submit({ signingPolicyId: other.id }), unknown)

    await administration.createProject(admin, { slug: 'second', name: 'Second' })
    const elsewhere = administration.listArtifactConfigurations(admin, 'second')[0]!
    assert.equal(
      await submit({ ...slugs, artifactConfigurationId: elsewhere.id }),
      'ERR_SIGNING_UNKNOWN ArtifactConfigurationId',
    )

    await administration.createArtifactConfiguration(admin, 'app', {
      slug: 'other',
      name: 'Other',
      xml: XML,
    })
    const named = { ...slugs, artifactConfigurationSlug: 'other' }
    assert.equal(await submit(named), 'Completed')
    const set = {
      ArtifactConfigurationSlug: (isActive: boolean) =>
        administration.setArtifactConfigurationActive(admin, 'app', 'other', isActive),
      SigningPolicySlug: (isActive: boolean) =>
        administration.setSigningPolicyActive(admin, 'app', 'release', isActive),
      ProjectSlug: (isActive: boolean) => administration.setProjectActive(admin, 'app', isActive),
    }
    for (const [field, setActive] of Object.entries(set)) {
      await setActive(false)
      assert.equal(await submit(named), `ERR_SIGNING_INACTIVE ${field}`)
      await setActive(true)
      assert.equal(await submit(named), 'Completed')
    }

    await administration.createCsrBasedX509(admin, {
      slug: 'csr',
      name: 'CSR',
      subject: { commonName: 'Release' },
    })
    await administration.editSigningPolicy(admin, 'app', 'release', { certificateSlug: 'csr' })
    assert.equal(await submit(slugs), 'ERR_SIGNING_CERTIFICATE SigningPolicySlug')
  })
})
