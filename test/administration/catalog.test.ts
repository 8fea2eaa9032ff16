import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readObjectVersion } from '../../src/catalog/object-versions.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import type { CatalogObject, User } from '../../src/catalog/objects.ts'
import type { SqlValue } from '../../src/db/ledger.ts'
import { randomGuid } from '../../src/crypto/random.ts'
import { assertRefused, TestAuthority } from './test-authority.ts'

const trace = { at: 1, actorId: null, address: null, requestId: null, objectId: null, data: {} }

/** Writes behind the catalog's back, as a damaged disk or another program would. */
async function tamper(
  authority: TestAuthority,
  sql: string,
  ...parameters: readonly SqlValue[]
): Promise<void> {
  await authority.services.store.ledger.commit({
    statements: [{ sql, parameters }],
    events: [{ ...trace, organizationId: authority.founded.organizationId, type: 'Test.Tampered' }],
  })
}

function corruptCode(authority: TestAuthority): Promise<void> {
  return assertRefused(() => Catalog.load(authority.services.store.reader), 'ERR_CATALOG_CORRUPT')
}

describe('the catalog', () => {
  it('finds by slug in any case, by id, and only in the organization asked for', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    await administration.createProject(administrator, { slug: 'web-shop', name: 'Web shop' })
    const other = await administration.createOrganization(administrator, { name: 'Other' })
    await authority.restart()
    const { catalog } = authority.services
    const organizationId = authority.founded.organizationId
    const project = catalog.findProject(organizationId, 'Web-SHOP')
    assert.equal(project?.slug, 'web-shop')
    assert.equal(catalog.findProject(organizationId, project.id.toUpperCase())?.id, project.id)
    assert.equal(catalog.findProject(other.organizationId, 'web-shop'), undefined)
    assert.equal(catalog.findProject(other.organizationId, project.id), undefined)
    assert.equal(catalog.findArtifactConfiguration(project.id, 'INITIAL')?.slug, 'initial')
    assert.equal(catalog.find('user', project.id), undefined)
    assert.equal(catalog.foundingOrganizationId, organizationId)
    assert.deepEqual(
      catalog.listOrganizations().map(({ name }) => name),
      ['Acme', 'Other'],
    )
  })

  it('frees a slug when the object takes another, and no sooner', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    await administration.createProject(administrator, { slug: 'one', name: 'One' })
    const again = (): unknown =>
      administration.createProject(administrator, { slug: 'one', name: 'Another' })
    await assertRefused(again, 'ERR_CATALOG_DUPLICATE')
    await administration.setProjectActive(administrator, 'one', false)
    await assertRefused(again, 'ERR_CATALOG_DUPLICATE')
    await administration.editProject(administrator, 'one', { slug: 'two' })
    await again()
    assert.equal(administration.getProject(administrator, 'two').name, 'One')
    assert.equal(administration.getProject(administrator, 'one').name, 'Another')
  })

  it('keeps every version, with who made it', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { id } = await administration.createProject(administrator, { slug: 'one', name: 'One' })
    await administration.editProject(administrator, 'one', { name: 'First' })
    const rows = authority.services.store.reader.all<{ version: number; body: string; by: string }>(
      'SELECT version, body, changed_by AS by FROM config_object_versions WHERE id = ? ORDER BY version',
      id,
    )
    assert.deepEqual(
      rows.map(({ version, body, by }) => [version, (JSON.parse(body) as User).name, by]),
      [
        [1, 'One', administrator.principal.userId],
        [2, 'First', administrator.principal.userId],
      ],
    )
  })

  it('refuses a change of a version that is not the present one', async () => {
    await using authority = await TestAuthority.create()
    const { catalog, store } = authority.services
    const user = catalog.find('user', authority.founded.administratorId)
    assert.ok(user)
    const next: User = { ...user, version: 2, name: 'renamed' }
    const statements = catalog.stage([next], null, 1)
    const event = { ...trace, organizationId: user.organizationId, type: 'Test.Changed' }
    await store.ledger.commit({ statements, events: [event] })
    // The catalog has not accepted it: as a second process would, it still believes in version 1.
    await assertRefused(
      () => store.ledger.commit({ statements: catalog.stage([next], null, 1), events: [event] }),
      'ERR_DB_CONFLICT',
    )
    catalog.accept([next])
    await assertRefused(() => catalog.stage([next], null, 1), 'ERR_CATALOG_CHANGED')
  })

  it('tells who decided on an outdated state that somebody else was first', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    await administration.createProject(administrator, { slug: 'one', name: 'One' })
    const elsewhere = authority.openAgain()
    await administration.editProject(administrator, 'one', { name: 'First' })
    await assertRefused(
      () => elsewhere.administration.editProject(administrator, 'one', { name: 'Second' }),
      'ERR_CATALOG_CHANGED',
    )
    await administration.createProject(administrator, { slug: 'two', name: 'Two' })
    await assertRefused(
      () => elsewhere.administration.createProject(administrator, { slug: 'two', name: 'Two' }),
      'ERR_CATALOG_DUPLICATE',
    )
  })

  describe('refuses to start on', () => {
    const cases: Readonly<Record<string, (authority: TestAuthority) => Promise<void>>> = {
      'a body that is no JSON': (authority) =>
        tamper(authority, "UPDATE config_objects SET body = '{' WHERE kind = 'user'"),
      'a body with a member twice': (authority) =>
        tamper(
          authority,
          `UPDATE config_objects SET body = replace(body, '{"id"', '{"kind":"user","id"') WHERE kind = 'user'`,
        ),
      'an unknown member': (authority) =>
        tamper(
          authority,
          `UPDATE config_objects SET body = replace(body, '{"id"', '{"isRoot":true,"id"') WHERE kind = 'user'`,
        ),
      'an unknown role': (authority) =>
        tamper(
          authority,
          "UPDATE config_objects SET body = replace(body, 'GlobalAdministrator', 'Root') WHERE kind = 'user'",
        ),
      'an unknown kind': (authority) =>
        tamper(authority, "UPDATE config_objects SET kind = 'toString' WHERE kind = 'user'"),
      'an object filed under another organization': (authority) =>
        tamper(
          authority,
          'UPDATE config_objects SET organization_id = ? WHERE kind = ?',
          randomGuid(1),
          'user',
        ),
      'a version that differs from its column': (authority) =>
        tamper(authority, "UPDATE config_objects SET version = 7 WHERE kind = 'user'"),
      'an inactive object whose column says active': (authority) =>
        tamper(
          authority,
          `UPDATE config_objects SET body = replace(body, '"isActive":true', '"isActive":false') WHERE kind = 'user'`,
        ),
      'a user without its organization': (authority) =>
        tamper(authority, "DELETE FROM config_objects WHERE kind = 'organization'"),
      'a second founding organization': async (authority) => {
        const { administration, administrator } = authority
        await administration.createOrganization(administrator, { name: 'Other' })
        await tamper(authority, 'UPDATE config_object_versions SET changed_by = NULL')
      },
      'no founding organization': (authority) =>
        tamper(authority, "UPDATE config_object_versions SET changed_by = 'x'"),
    }
    for (const [name, damage] of Object.entries(cases)) {
      it(name, async () => {
        await using authority = await TestAuthority.create()
        Catalog.load(authority.services.store.reader)
        await damage(authority)
        await corruptCode(authority)
      })
    }

    it('a project without its default artifact configuration', async () => {
      await using authority = await TestAuthority.create()
      const { administration, administrator } = authority
      await administration.createProject(administrator, { slug: 'one', name: 'One' })
      await tamper(authority, "DELETE FROM config_objects WHERE kind = 'artifact-configuration'")
      await corruptCode(authority)
    })
  })

  it('reads a signing policy that was stored before there were statements as one that signs them', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const organizationId = authority.founded.organizationId
    const named = { slug: 'release', name: 'Release' }
    const subject = { commonName: 'Release' }
    await administration.createSelfSignedX509(administrator, { ...named, subject })
    await administration.createProject(administrator, named)
    const policy = { ...named, certificateSlug: 'release', allowedImages: ['ghcr.io/acme/*'] }
    await administration.createSigningPolicy(administrator, 'release', policy)
    const [before] = authority.services.catalog.list('signing-policy', organizationId)
    assert.ok(before)
    for (const table of ['config_objects', 'config_object_versions']) {
      await tamper(
        authority,
        `UPDATE ${table} SET body = replace(body, '"signatureFormats":["legacy","bundle"],"allowedPredicateTypes":[],', '') WHERE id = ?`,
        before.id,
      )
    }
    const [stored] = authority.services.store.reader.all<{ body: string }>(
      'SELECT body FROM config_objects WHERE id = ?',
      before.id,
    )
    assert.ok(stored !== undefined && !stored.body.includes('signatureFormats'))
    await authority.restart()
    const { catalog, store } = authority.services
    assert.deepEqual(catalog.list('signing-policy', organizationId), [before])
    assert.deepEqual(readObjectVersion(store.reader, 'signing-policy', before.id, 1), before)
  })

  it('holds in memory exactly what it holds after a restart', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const organizationId = authority.founded.organizationId
    const member = await authority.addUser(administrator, 'member')
    const { id } = await administration.createGroup(administrator, {
      name: 'Team',
      members: [member.principal.userId],
    })
    await administration.editGroup(administrator, id, { name: 'The team', roles: ['GlobalReader'] })
    await administration.createProject(administrator, { slug: 'one', name: 'One' })
    const subject = { commonName: 'Release' }
    const named = { slug: 'release', name: 'Release' }
    await administration.createCsrBasedX509(administrator, { ...named, subject })
    const policy = { ...named, certificateSlug: 'release', allowedImages: ['ghcr.io/acme/*'] }
    await administration.createSigningPolicy(administrator, 'one', policy)
    await administration.addCustomTrustedBuildSystem(administrator, named)
    const everything = (): readonly CatalogObject[] => {
      const { catalog } = authority.services
      return [
        ...catalog.listOrganizations(),
        ...catalog.list('signing-policy', organizationId),
        ...catalog.list('certificate', organizationId),
        ...catalog.list('trusted-build-system', organizationId),
        ...catalog.list('user', organizationId),
        ...catalog.list('group', organizationId),
        ...catalog.list('project', organizationId),
        ...catalog.list('artifact-configuration', organizationId),
        ...catalog.groupsOf(member.principal.userId),
      ]
    }
    const before = everything()
    assert.equal(new Set(before.map(({ kind }) => kind)).size, 8)
    await authority.restart()
    assert.deepEqual(everything(), before)
    assert.equal(authority.services.catalog.findGroup(organizationId, 'Team'), undefined)
    assert.equal(authority.services.catalog.findGroup(organizationId, 'the TEAM')?.id, id)
  })
})
