import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Administration } from '../../src/administration/administration.ts'
import { foundAuthority } from '../../src/administration/found.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import type { Caller } from '../../src/policy/caller.ts'
import type { EditSigningPolicy } from '../../src/wire/administration.ts'
import { assertRefused, outcomeOf, TestAuthority } from './test-authority.ts'

const VALUE = 'ERR_ADMINISTRATION_VALUE'
const INACTIVE = 'ERR_ADMINISTRATION_INACTIVE'
const XML = `<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
  <zip-file><file path="payload.json"><create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" rsa-padding="pkcs1"/></file></zip-file>
</artifact-configuration>`

let authority: TestAuthority
let admin: Administration
let global: Caller

beforeEach(async () => {
  authority = await TestAuthority.create()
  admin = authority.administration
  global = authority.administrator
})

afterEach(() => authority[Symbol.asyncDispose]())

async function addPolicy(): Promise<void> {
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
}

describe('an authority', () => {
  it('is founded once, by nobody', async () => {
    const { organizationId, administratorId } = authority.founded
    const { store, catalog, tokens } = authority.services
    const events = authority.auditEvents(organizationId)
    assert.deepEqual(
      events.map(({ type, actorId, objectId }) => [type, actorId, objectId]),
      [
        ['Organization.Created', null, organizationId],
        ['User.Created', null, administratorId],
        ['ApiToken.Created', null, global.principal.tokenId],
      ],
    )
    const again = { ledger: store.ledger, catalog, tokens, organizationName: 'Again', now: 1 }
    await assertRefused(() => foundAuthority(again), 'ERR_ADMINISTRATION_FOUNDED')
  })

  it('makes further organizations, whose making both sides see', async () => {
    const made = await admin.createOrganization(global, { name: 'Other' })
    const types = (organizationId: string): readonly string[] =>
      authority.auditEvents(organizationId).map(({ type }) => type)
    assert.deepEqual(types(made.organizationId), [
      'Organization.Created',
      'User.Created',
      'ApiToken.Created',
    ])
    assert.equal(types(authority.founded.organizationId).at(-1), 'Organization.Created')
    const caller = authority.callerWith(made.apiToken)
    assert.equal(caller.principal.userId, made.administratorId)
    assert.equal(admin.getOrganization(caller).name, 'Other')
    assert.deepEqual([...caller.principal.roles], ['GlobalAdministrator'])
    await admin.createProject(caller, { slug: 'web', name: 'Theirs' })
    await admin.createProject(global, { slug: 'web', name: 'Ours' })
    assert.equal(admin.getProject(caller, 'web').name, 'Theirs')
    assert.equal(admin.getProject(global, 'web').name, 'Ours')
  })
})

describe('every change', () => {
  it('is audited with its author, address, request and both versions', async () => {
    const { id } = await admin.createProject(global, { slug: 'web', name: 'Web' })
    await admin.editProject(global, 'web', { name: 'Web shop' })
    const event = authority.auditEvents(authority.founded.organizationId).at(-1)
    assert.equal(event?.type, 'Project.Edited')
    assert.equal(event.actorId, global.principal.userId)
    assert.equal(event.address, '192.0.2.1')
    assert.equal(event.requestId, 'a-request')
    assert.equal(event.objectId, id)
    const { before, after } = event.data as Record<'before' | 'after', Record<string, unknown>>
    assert.deepEqual([before['version'], before['name']], [1, 'Web'])
    assert.deepEqual([after['version'], after['name']], [2, 'Web shop'])
  })

  it('that changes nothing makes no version and no event', async () => {
    await addPolicy()
    const team = await admin.createGroup(global, { name: 'Team' })
    const user = await authority.addUser(global, 'jane', ['GlobalReader', 'ProjectAdministrator'])
    const before = authority.auditEvents(authority.founded.organizationId).length
    await admin.editProject(global, 'web', { name: 'Web', readers: { users: [], groups: [] } })
    await admin.editSigningPolicy(global, 'web', 'release', { requiredApprovals: 0 })
    await admin.setProjectActive(global, 'web', true)
    await admin.changeMembers(global, team.id, { members: [] })
    await admin.editUser(global, user.principal.userId, {
      roles: ['ProjectAdministrator', 'GlobalReader'],
    })
    await admin.setDefaultArtifactConfiguration(global, 'web', {
      artifactConfigurationSlug: 'initial',
    })
    assert.equal(authority.auditEvents(authority.founded.organizationId).length, before)
    assert.equal(admin.getProject(global, 'web').version, 1)
  })

  it('at the same time as another keeps both', async () => {
    await admin.createProject(global, { slug: 'web', name: 'Web' })
    await Promise.all([
      admin.editProject(global, 'web', { name: 'Web shop' }),
      admin.editProject(global, 'web', { description: 'Sells things' }),
      admin.editProject(global, 'web', { slug: 'shop' }),
    ])
    const { version, name, description } = admin.getProject(global, 'shop')
    assert.deepEqual([version, name, description], [4, 'Web shop', 'Sells things'])
  })

  it('that fails leaves the next one alone', async () => {
    const outcomes = await Promise.all([
      outcomeOf(() => admin.createProject(global, { slug: 'web', name: 'One' })),
      outcomeOf(() => admin.createProject(global, { slug: 'web', name: 'Two' })),
      outcomeOf(() => admin.createProject(global, { slug: 'shop', name: 'Three' })),
    ])
    assert.deepEqual(outcomes, ['ok', 'ERR_CATALOG_DUPLICATE', 'ok'])
  })
})

describe('names and other values', () => {
  it('are refused where they could deceive', async () => {
    for (const name of ['', ' a', 'a ', 'a\u0000b', 'a\nb', 'a\u202eb', 'a\u200bb', '\u001b[31m']) {
      await assertRefused(() => admin.createGroup(global, { name }), VALUE)
    }
    const guid = '0197A1C2-7F3E-7C11-9D4E-5B6A7C8D9E0F'
    await assertRefused(() => admin.createUser(global, 'ci', { name: guid }), VALUE)
    await assertRefused(
      () => admin.createProject(global, { slug: guid.toLowerCase(), name: 'x' }),
      VALUE,
    )
    const description = '\u001b]0;title\u0007'
    await assertRefused(
      () => admin.createProject(global, { slug: 'x', name: 'x', description }),
      VALUE,
    )
  })

  it('name users and groups once, whatever the case', async () => {
    await admin.createUser(global, 'ci', { name: 'Jörg' })
    for (const name of ['jörg', 'JÖRG', 'jo\u0308rg']) {
      await assertRefused(
        () => admin.createUser(global, 'interactive', { name }),
        'ERR_CATALOG_DUPLICATE',
      )
    }
    await admin.createGroup(global, { name: 'Jörg' })
  })

  it('hold addresses and repositories that are some', async () => {
    const user = (emailAddress: string): Promise<string> =>
      outcomeOf(() => admin.createUser(global, 'ci', { name: `u${authority.now}`, emailAddress }))
    assert.equal(await user('jane@example.org'), 'ok')
    for (const bad of ['jane', '@', 'a@b@c', 'a b@c', 'a@b,c@d', 'Jane <jane@example.org>']) {
      assert.equal(await user(bad), VALUE)
    }
    const project = (url: string): Promise<string> =>
      outcomeOf(() =>
        admin.createProject(global, {
          slug: `p${authority.now}`,
          name: 'p',
          repositoryUrls: [url],
        }),
      )
    for (const good of [
      'https://github.com/acme/web',
      'git@github.com:acme/web.git',
      'ssh://git@host:22/x',
    ]) {
      assert.equal(await project(good), 'ok', good)
    }
    for (const bad of [
      'github.com/acme',
      'file:///etc',
      'javascript:alert(1)',
      'https://a:b@c/d',
    ]) {
      assert.equal(await project(bad), VALUE, bad)
    }
  })
})

describe('projects', () => {
  it('begin with an artifact configuration that is their default', async () => {
    await admin.createProject(global, { slug: 'web', name: 'Web' })
    const project = admin.getProject(global, 'web')
    const [initial] = admin.listArtifactConfigurations(global, 'web')
    assert.equal(initial?.slug, 'initial')
    assert.equal(initial.isDefault, true)
    assert.match(initial.xml, /create-raw-signature/)
    assert.equal(project.defaultArtifactConfigurationSlug, 'initial')
    assert.equal(project.defaultArtifactConfigurationId, initial.id)
  })

  it('keep their XML as it was given, and only if it can be used', async () => {
    await admin.createProject(global, { slug: 'web', name: 'Web' })
    const create = (body: { xml?: string; template?: string }): Promise<string> =>
      outcomeOf(() =>
        admin.createArtifactConfiguration(global, 'web', {
          slug: `v${authority.now}`,
          name: 'v',
          ...body,
        }),
      )
    assert.equal(
      await create({ xml: XML.replace('zip-file', 'msi-file') }),
      'ERR_POLICY_CONFIGURATION',
    )
    assert.equal(await create({ template: 'no-such-template' }), 'ERR_POLICY_TEMPLATE')
    assert.equal(await create({}), VALUE)
    assert.equal(await create({ xml: XML, template: 'detached-raw-signatures' }), VALUE)
    assert.equal(await create({ xml: XML }), 'ok')
    await admin.editArtifactConfigurationXml(global, 'web', 'initial', { xml: `${XML}\n` })
    assert.equal(admin.getArtifactConfiguration(global, 'web', 'initial').xml, `${XML}\n`)
    await assertRefused(
      () => admin.editArtifactConfigurationXml(global, 'web', 'initial', { xml: '<x/>' }),
      'ERR_POLICY_CONFIGURATION',
    )
  })

  it('keep their default active', async () => {
    await admin.createProject(global, { slug: 'web', name: 'Web' })
    await admin.createArtifactConfiguration(global, 'web', { slug: 'v2', name: 'v2', xml: XML })
    await assertRefused(
      () => admin.setArtifactConfigurationActive(global, 'web', 'initial', false),
      'ERR_ADMINISTRATION_IN_USE',
    )
    await admin.setArtifactConfigurationActive(global, 'web', 'v2', false)
    const choose = { artifactConfigurationSlug: 'v2' }
    await assertRefused(
      () => admin.setDefaultArtifactConfiguration(global, 'web', choose),
      INACTIVE,
    )
    await admin.setArtifactConfigurationActive(global, 'web', 'v2', true)
    await admin.setDefaultArtifactConfiguration(global, 'web', choose)
    await admin.setArtifactConfigurationActive(global, 'web', 'initial', false)
  })

  it('take nothing new while they are inactive', async () => {
    await addPolicy()
    await admin.setProjectActive(global, 'web', false)
    await assertRefused(
      () => admin.createArtifactConfiguration(global, 'web', { slug: 'v', name: 'v', xml: XML }),
      INACTIVE,
    )
    const create = { slug: 'two', name: 'Two', certificateSlug: 'release' }
    await assertRefused(() => admin.createSigningPolicy(global, 'web', create), INACTIVE)
  })
})

describe('inactive users, groups and certificates', () => {
  it('are not newly referred to, and stay where they were', async () => {
    await addPolicy()
    const user = await admin.createUser(global, 'ci', { name: 'gone' })
    const group = await admin.createGroup(global, { name: 'Gone' })
    const both = { users: [user.id], groups: [group.id] }
    await admin.editProject(global, 'web', { readers: both })
    await admin.setUserActive(global, user.id, false)
    await admin.setGroupActive(global, group.id, false)
    await admin.editProject(global, 'web', { readers: both, name: 'Renamed' })
    for (const assignees of [
      { users: [user.id], groups: [] },
      { users: [], groups: [group.id] },
    ]) {
      for (const edit of [{ submitters: assignees }, { approvers: assignees }]) {
        await assertRefused(() => admin.editSigningPolicy(global, 'web', 'release', edit), INACTIVE)
      }
    }
    await assertRefused(() => admin.createApiToken(global, user.id, {}), INACTIVE)
    await assertRefused(
      () => admin.createGroup(global, { name: 'New', members: [user.id] }),
      INACTIVE,
    )
    await admin.setCertificateActive(global, 'release', false)
    const create = { slug: 'two', name: 'Two', certificateSlug: 'release' }
    await assertRefused(() => admin.createSigningPolicy(global, 'web', create), INACTIVE)
    await admin.editSigningPolicy(global, 'web', 'release', {
      name: 'Renamed',
      certificateSlug: 'release',
    })
  })
})

describe('signing policies', () => {
  beforeEach(addPolicy)

  it('require approvals only where somebody can approve', async () => {
    const jane = await authority.addUser(global, 'jane')
    const team = await admin.createGroup(global, { name: 'Team' })
    const edit = (requiredApprovals: number, users: string[], groups: string[]): Promise<string> =>
      outcomeOf(() =>
        admin.editSigningPolicy(global, 'web', 'release', {
          requiredApprovals,
          approvers: { users, groups },
        }),
      )
    const { userId } = jane.principal
    assert.equal(await edit(1, [], []), VALUE)
    assert.equal(await edit(2, [userId], []), VALUE)
    assert.equal(await edit(2, [userId, userId], []), VALUE)
    assert.equal(await edit(1, [userId], []), 'ok')
    assert.equal(await edit(2, [userId], [team.id]), 'ok')
    await assertRefused(
      () =>
        admin.editSigningPolicy(global, 'web', 'release', { approvers: { users: [], groups: [] } }),
      VALUE,
    )
  })

  it('take image patterns that mean something', async () => {
    const images = (...allowedImages: string[]): Promise<string> =>
      outcomeOf(() => admin.editSigningPolicy(global, 'web', 'release', { allowedImages }))
    assert.equal(await images('ghcr.io/acme/*'), 'ok')
    assert.equal(await images('ghcr.io/acme/*', ''), 'ERR_POLICY_IMAGE_PATTERN')
    assert.deepEqual(admin.getSigningPolicy(global, 'web', 'release').allowedImages, [
      'ghcr.io/acme/*',
    ])
  })

  it('sign images in both formats and no attestations unless they say otherwise', async () => {
    const view = () => admin.getSigningPolicy(global, 'web', 'release')
    const edit = (change: EditSigningPolicy): Promise<string> =>
      outcomeOf(() => admin.editSigningPolicy(global, 'web', 'release', change))
    assert.deepEqual(view().signatureFormats, ['legacy', 'bundle'])
    assert.deepEqual(view().allowedPredicateTypes, [])
    assert.equal(await edit({ signatureFormats: ['bundle', 'legacy'] }), 'ok')
    assert.deepEqual(view().signatureFormats, ['legacy', 'bundle'])
    assert.equal(await edit({ signatureFormats: ['bundle'] }), 'ok')
    const type = 'https://slsa.dev/provenance/v1'
    assert.equal(await edit({ allowedPredicateTypes: [type, type] }), 'ok')
    assert.deepEqual(view().signatureFormats, ['bundle'])
    assert.deepEqual(view().allowedPredicateTypes, [type])
    for (const wrong of ['provenance', `${type} `, `${type}\n`, COSIGN_SIGNATURE_PREDICATE]) {
      assert.equal(await edit({ allowedPredicateTypes: [type, wrong] }), VALUE, wrong)
    }
  })

  it('show the certificate they sign with, to everybody of the organization', async () => {
    const anybody = await authority.addUser(global, 'anybody')
    const view = admin.getSigningPolicyCertificate(anybody, 'web', 'release')
    assert.equal(view.slug, 'release')
    const other = { slug: 'other', name: 'Other', subject: { commonName: 'Other' } }
    await admin.createSelfSignedX509(global, other)
    await admin.editSigningPolicy(global, 'web', 'release', { certificateSlug: 'OTHER' })
    assert.equal(admin.getSigningPolicy(anybody, 'web', 'release').certificateSlug, 'other')
  })
})
