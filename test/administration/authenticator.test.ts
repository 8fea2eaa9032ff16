import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import type { Principal } from '../../src/policy/principal.ts'
import { assertRefused, TestAuthority } from './test-authority.ts'

const UNAUTHENTICATED = 'ERR_IDENTITY_UNAUTHENTICATED'

function authenticate(authority: TestAuthority, header: string | undefined): Principal {
  return authority.services.authenticator.authenticate(header, authority.now)
}

function messageOf(authority: TestAuthority, header: string): string {
  try {
    authenticate(authority, header)
  } catch (thrown) {
    assert.ok(thrown instanceof ChanceryError)
    assert.equal(thrown.code, UNAUTHENTICATED)
    assert.equal(thrown.httpStatus, 401)
    return thrown.message
  }
  return assert.fail('expected a refusal')
}

describe('API tokens', () => {
  it("have the form of SignPath's: 44 characters of standard base64, never the same", async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator, founded } = authority
    const { userId } = administrator.principal
    const seen = new Set([founded.apiToken])
    for (let i = 0; i < 30; i++) {
      seen.add((await administration.createApiToken(administrator, userId, {})).apiToken)
    }
    assert.equal(seen.size, 31)
    for (const token of seen) assert.match(token, /^[A-Za-z0-9+/]{44}$/)
    assert.match([...seen].join(''), /\+/)
    assert.match([...seen].join(''), /\//)
  })

  it('are stored as hashes, and nowhere else', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const buildSystem = await administration.addCustomTrustedBuildSystem(administrator, {
      slug: 'jenkins',
      name: 'Jenkins',
    })
    const { reader } = authority.services.store
    const hashes = reader.all<{ hash: Uint8Array }>('SELECT hash FROM api_tokens')
    assert.deepEqual(
      hashes.map(({ hash }) => hash.length),
      [32],
    )
    const audit = JSON.stringify(authority.auditEvents(authority.founded.organizationId))
    const secrets = [
      authority.founded.apiToken,
      buildSystem.trustedBuildSystemToken,
      Buffer.from(hashes[0]!.hash).toString('hex'),
      authority.services.catalog.findTrustedBuildSystem(
        authority.founded.organizationId,
        'jenkins',
      )!.tokenHash,
    ]
    assert.ok(audit.includes('TrustedBuildSystem.CustomAdded'))
    for (const secret of secrets) assert.ok(!audit.includes(secret))
    const bodies = JSON.stringify(reader.all('SELECT body FROM config_object_versions'))
    for (const secret of secrets.slice(0, 2)) assert.ok(!bodies.includes(secret))
  })

  it('open the door in every form of the header that clients send', async () => {
    await using authority = await TestAuthority.create()
    const { apiToken, administratorId } = authority.founded
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer ']) {
      assert.equal(authenticate(authority, `${scheme} ${apiToken}`).userId, administratorId)
    }
  })

  it('are refused when they are not exactly as issued, with one message for all', async () => {
    await using authority = await TestAuthority.create()
    const { apiToken } = authority.founded
    const swapped = apiToken.startsWith('A') ? `B${apiToken.slice(1)}` : `A${apiToken.slice(1)}`
    const messages = [
      `${apiToken}x`,
      apiToken.slice(1),
      `x${apiToken}`,
      swapped,
      `${apiToken}=`,
    ].map((token) => messageOf(authority, `Bearer ${token}`))
    assert.equal(new Set(messages).size, 1)
    assert.ok(!messages[0]?.includes(apiToken))
  })

  it('are refused in headers that are none', async () => {
    await using authority = await TestAuthority.create()
    const { apiToken } = authority.founded
    const headers = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      apiToken,
      `Basic ${apiToken}`,
      `Bearer ${apiToken} `,
      `Bearer ${apiToken}:`,
      `Bearer :${apiToken}`,
      `Bearer ${apiToken}:a:b`,
      `Bearer ${apiToken}, Bearer ${apiToken}`,
      `Bearer ${apiToken}\n`,
      `Bearer\t${apiToken}`,
      `Bearer ${' '.repeat(100_000)}${apiToken}`,
      `Bearer ${'A'.repeat(1_000_000)}`,
    ]
    for (const header of headers) {
      await assertRefused(() => authenticate(authority, header), UNAUTHENTICATED)
    }
  })

  it('expire on the millisecond, and only then', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const user = await authority.addUser(administrator, 'ci', [], 'ci')
    const at = authority.now + 60_000
    const { apiToken, expiresAt } = await administration.createApiToken(
      administrator,
      user.principal.userId,
      { expiresAt: new Date(at).toISOString() },
    )
    assert.equal(expiresAt, new Date(at).toISOString())
    const { authenticator } = authority.services
    authenticator.authenticate(`Bearer ${apiToken}`, at - 1)
    await assertRefused(() => authenticator.authenticate(`Bearer ${apiToken}`, at), UNAUTHENTICATED)
    await authority.restart()
    authority.services.authenticator.authenticate(`Bearer ${apiToken}`, at - 1)
    await assertRefused(
      () => authority.services.authenticator.authenticate(`Bearer ${apiToken}`, at),
      UNAUTHENTICATED,
    )
  })

  it('cannot be made to expire in the past, or at no time', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { userId } = administrator.principal
    const past = new Date(authority.now - 1).toISOString()
    for (const expiresAt of [
      past,
      '',
      'tomorrow',
      '2027-13-01T00:00:00Z',
      '2027',
      '9'.repeat(50),
    ]) {
      await assertRefused(
        () => administration.createApiToken(administrator, userId, { expiresAt }),
        'ERR_ADMINISTRATION_VALUE',
      )
    }
  })

  it('stop at once when they are revoked, and stay revoked', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { principal } = await authority.addUser(administrator, 'ci', [], 'ci')
    const { id, apiToken } = await administration.createApiToken(administrator, principal.userId, {
      description: 'nightly',
    })
    authority.callerWith(apiToken)
    await administration.revokeApiToken(administrator, principal.userId, id)
    await assertRefused(() => authority.callerWith(apiToken), UNAUTHENTICATED)
    const events = authority.auditEvents(principal.organizationId).length
    await administration.revokeApiToken(administrator, principal.userId, id)
    assert.equal(authority.auditEvents(principal.organizationId).length, events)
    await authority.restart()
    await assertRefused(() => authority.callerWith(apiToken), UNAUTHENTICATED)
    const listed = authority.administration.listApiTokens(administrator, principal.userId)
    const view = listed.find((token) => token.id === id)
    assert.equal(view?.description, 'nightly')
    assert.ok(view.revokedAt !== null)
  })

  it('are replaced by a regenerated one', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { principal } = await authority.addUser(administrator, 'ci', [], 'ci')
    const old = await administration.createApiToken(administrator, principal.userId, {})
    const fresh = await administration.regenerateApiToken(administrator, principal.userId)
    await assertRefused(() => authority.callerWith(old.apiToken), UNAUTHENTICATED)
    assert.equal(authority.callerWith(fresh.apiToken).principal.userId, principal.userId)
    const listed = administration.listApiTokens(administrator, principal.userId)
    assert.equal(listed.filter(({ revokedAt }) => revokedAt === null).length, 1)
  })

  it('do nothing while their user is inactive, and lose the rights that are taken away', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const created = await administration.createUser(administrator, 'ci', {
      name: 'ci',
      roles: ['GlobalReader'],
    })
    const { apiToken } = await administration.createApiToken(administrator, created.id, {})
    const roles = (): readonly string[] => [...authority.callerWith(apiToken).principal.roles]
    assert.deepEqual(roles(), ['GlobalReader'])
    await administration.editUser(administrator, created.id, { roles: [] })
    assert.deepEqual(roles(), [])
    const group = await administration.createGroup(administrator, {
      name: 'Readers',
      roles: ['GlobalReader'],
      members: [created.id],
    })
    assert.deepEqual(roles(), ['GlobalReader'])
    assert.deepEqual([...authority.callerWith(apiToken).principal.groupIds], [group.id])
    await administration.setGroupActive(administrator, group.id, false)
    assert.deepEqual(roles(), [])
    await administration.setUserActive(administrator, created.id, false)
    await assertRefused(() => authority.callerWith(apiToken), UNAUTHENTICATED)
    await administration.setUserActive(administrator, created.id, true)
    assert.deepEqual(roles(), [])
  })

  it('prove a second time only what they would prove anew', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { authenticator } = authority.services
    const { principal: user } = await authority.addUser(administrator, 'ci', [], 'ci')
    const { trustedBuildSystemToken, id: buildSystem } =
      await administration.addCustomTrustedBuildSystem(administrator, { slug: 'ci', name: 'CI' })
    const at = authority.now + 60_000
    const { id, apiToken } = await administration.createApiToken(administrator, user.userId, {
      expiresAt: new Date(at).toISOString(),
    })
    const header = `Bearer ${apiToken}`
    const withBuildSystem = `${header}:${trustedBuildSystemToken}`
    const proven = authenticator.authenticate(header, at - 1)
    const both = authenticator.authenticate(withBuildSystem, at - 1)
    const again = (now = at - 1): Principal => authenticator.authenticate(header, now, proven)
    const bothAgain = (): Principal => authenticator.authenticate(withBuildSystem, at - 1, both)

    assert.equal(again(), proven)
    assert.deepEqual(bothAgain(), both)
    await assertRefused(() => again(at), UNAUTHENTICATED)
    await administration.editUser(administrator, user.userId, { roles: ['GlobalReader'] })
    assert.deepEqual([...again().roles], ['GlobalReader'])
    await administration.setTrustedBuildSystemActive(administrator, buildSystem, false)
    await assertRefused(bothAgain, UNAUTHENTICATED)
    await administration.revokeApiToken(administrator, user.userId, id)
    await assertRefused(again, UNAUTHENTICATED)
    const fresh = await administration.createApiToken(administrator, user.userId, {})
    const known = authority.callerWith(fresh.apiToken).principal
    await administration.setUserActive(administrator, user.userId, false)
    await assertRefused(
      () => authenticator.authenticate(`Bearer ${fresh.apiToken}`, at - 1, known),
      UNAUTHENTICATED,
    )
  })

  it('show when they were last used, also after a restart', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { principal } = await authority.addUser(administrator, 'ci', [], 'ci')
    const token = await administration.createApiToken(administrator, principal.userId, {})
    const lastUsed = (): string | null | undefined =>
      authority.administration
        .listApiTokens(administrator, principal.userId)
        .find(({ id }) => id === token.id)?.lastUsedAt
    assert.equal(lastUsed(), null)
    const use = (at: number): void => {
      authority.services.authenticator.authenticate(`Bearer ${token.apiToken}`, at)
    }
    const flush = (): Promise<void> =>
      authority.services.tokens.flushLastUsed(authority.services.store.ledger)
    const stored = (): number | null | undefined =>
      authority.services.store.reader.get<{ at: number | null }>(
        'SELECT last_used_at AS at FROM api_tokens WHERE id = ?',
        token.id,
      )?.at
    const first = authority.now
    use(first)
    assert.equal(stored(), null)
    await flush()
    assert.equal(stored(), first)
    use(first + 59_000)
    await flush()
    assert.equal(stored(), first)
    assert.equal(lastUsed(), new Date(first + 59_000).toISOString())
    use(first + 60_000)
    await flush()
    assert.equal(stored(), first + 60_000)
    await authority.restart()
    assert.equal(lastUsed(), new Date(first + 60_000).toISOString())
  })

  it('show when they were last used, also where it could not be stored at first', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator, services } = authority
    const { principal } = await authority.addUser(administrator, 'ci', [], 'ci')
    const token = await administration.createApiToken(administrator, principal.userId, {})
    const { tokens } = services
    tokens.noteUse(token.id, authority.now)
    await authority.restart()
    await assertRefused(() => tokens.flushLastUsed(services.store.ledger), 'ERR_DB_UNAVAILABLE')
    await tokens.flushLastUsed(authority.services.store.ledger)
    await authority.restart()
    assert.equal(authority.services.tokens.lastUsedAt(token.id), authority.now)
  })

  it('are not noted as used when they are refused', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator } = authority
    const { principal } = await authority.addUser(administrator, 'ci', [], 'ci')
    const token = await administration.createApiToken(administrator, principal.userId, {})
    await assertRefused(
      () => authenticate(authority, `Bearer ${token.apiToken}:wrong`),
      UNAUTHENTICATED,
    )
    assert.equal(authority.services.tokens.lastUsedAt(token.id), null)
  })
})

describe('trusted build system tokens', () => {
  it('vouch beside an API token of the same organization, while they are valid', async () => {
    await using authority = await TestAuthority.create()
    const { administration, administrator, founded } = authority
    const add = { slug: 'jenkins', name: 'Jenkins' }
    const made = await administration.addCustomTrustedBuildSystem(administrator, add)
    const header = (token: string): string => `Bearer ${founded.apiToken}:${token}`
    const token = made.trustedBuildSystemToken
    assert.equal(authenticate(authority, header(token)).trustedBuildSystemId, made.id)
    const alone = authenticate(authority, `Bearer ${founded.apiToken}`)
    assert.equal(alone.trustedBuildSystemId, undefined)

    for (const wrong of [`${token}x`, token.slice(1), founded.apiToken]) {
      await assertRefused(() => authenticate(authority, header(wrong)), UNAUTHENTICATED)
    }
    await assertRefused(() => authenticate(authority, `Bearer ${token}`), UNAUTHENTICATED)
    await assertRefused(
      () => authenticate(authority, `Bearer ${token}:${founded.apiToken}`),
      UNAUTHENTICATED,
    )

    const other = await administration.createOrganization(administrator, { name: 'Other' })
    await assertRefused(
      () => authenticate(authority, `Bearer ${other.apiToken}:${token}`),
      UNAUTHENTICATED,
    )

    await administration.setTrustedBuildSystemActive(administrator, 'jenkins', false)
    await assertRefused(() => authenticate(authority, header(token)), UNAUTHENTICATED)
    await administration.setTrustedBuildSystemActive(administrator, 'jenkins', true)
    const again = await administration.regenerateTrustedBuildSystemToken(administrator, 'jenkins')
    await assertRefused(() => authenticate(authority, header(token)), UNAUTHENTICATED)
    const { trustedBuildSystemId } = authenticate(authority, header(again.trustedBuildSystemToken))
    assert.equal(trustedBuildSystemId, made.id)
  })
})
