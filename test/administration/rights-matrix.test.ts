import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Administration } from '../../src/administration/administration.ts'
import type { Caller } from '../../src/policy/caller.ts'
import { ROLES } from '../../src/policy/principal.ts'
import { outcomeOf, TestAuthority } from './test-authority.ts'

/** Who calls: a user with one global role, one without any, and users with one right on the project or its policy. */
const ACTORS = [...ROLES, 'nobody', 'reader', 'configurator', 'submitter', 'approver'] as const
type Actor = (typeof ACTORS)[number]

/** Names of one organization's objects; every member is a slug or an id that the methods take. */
interface World {
  readonly user: string
  readonly token: string
  readonly group: string
  readonly project: string
  readonly configuration: string
  readonly policy: string
  readonly certificate: string
  readonly csr: string
  readonly buildSystem: string
}

/** What is asserted of one method. */
interface Row {
  /** The actors whose call succeeds on an object of their own organization. */
  readonly allowed: readonly Actor[]
  /** Set where the method takes an object: the object's members of {@link World}, outermost first. */
  readonly takes?: readonly (keyof World)[]
  /** Set where the object decides about the right, so that it is looked up before. */
  readonly isRightOnObject?: boolean
  readonly call: (caller: Caller, world: World, unique: string) => unknown
}

const everybody = ACTORS
const userAdministrators: readonly Actor[] = ['GlobalAdministrator', 'UserAdministrator']
const projectAdministrators: readonly Actor[] = ['GlobalAdministrator', 'ProjectAdministrator']
const configurators: readonly Actor[] = [...projectAdministrators, 'configurator']
const certificateAdministrators: readonly Actor[] = [
  'GlobalAdministrator',
  'CertificateAdministrator',
]
const globalAdministrators: readonly Actor[] = ['GlobalAdministrator']
const readers: readonly Actor[] = ['GlobalAdministrator', 'ProjectAdministrator', 'GlobalReader']

const XML = `<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
  <zip-file><file path="*"><create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" rsa-padding="pkcs1"/></file></zip-file>
</artifact-configuration>`

function rows(admin: Administration): Record<keyof Administration, Row> {
  const subject = { commonName: 'Release' }
  return {
    getOrganization: { allowed: everybody, call: (c) => admin.getOrganization(c) },
    editOrganization: {
      allowed: globalAdministrators,
      call: (c, _w, unique) => admin.editOrganization(c, { name: unique }),
    },
    createOrganization: {
      allowed: globalAdministrators,
      call: (c, _w, unique) => admin.createOrganization(c, { name: unique }),
    },

    listUsers: { allowed: everybody, call: (c) => admin.listUsers(c) },
    getUser: { allowed: everybody, takes: ['user'], call: (c, w) => admin.getUser(c, w.user) },
    getMe: { allowed: everybody, call: (c) => admin.getMe(c) },
    createUser: {
      allowed: userAdministrators,
      call: (c, _w, unique) => admin.createUser(c, 'ci', { name: unique }),
    },
    editUser: {
      allowed: userAdministrators,
      takes: ['user'],
      call: (c, w, unique) => admin.editUser(c, w.user, { emailAddress: `${unique}@example.org` }),
    },
    setUserActive: {
      allowed: userAdministrators,
      takes: ['user'],
      call: (c, w) => admin.setUserActive(c, w.user, true),
    },
    regenerateApiToken: {
      allowed: userAdministrators,
      takes: ['user'],
      call: (c, w) => admin.regenerateApiToken(c, w.user),
    },
    createApiToken: {
      allowed: userAdministrators,
      takes: ['user'],
      call: (c, w) => admin.createApiToken(c, w.user, {}),
    },
    listApiTokens: {
      allowed: [...userAdministrators, 'GlobalReader'],
      takes: ['user'],
      call: (c, w) => admin.listApiTokens(c, w.user),
    },
    revokeApiToken: {
      allowed: userAdministrators,
      takes: ['user', 'token'],
      call: (c, w) => admin.revokeApiToken(c, w.user, w.token),
    },

    listGroups: { allowed: everybody, call: (c) => admin.listGroups(c) },
    getGroup: { allowed: everybody, takes: ['group'], call: (c, w) => admin.getGroup(c, w.group) },
    createGroup: {
      allowed: userAdministrators,
      call: (c, _w, unique) => admin.createGroup(c, { name: unique }),
    },
    editGroup: {
      allowed: userAdministrators,
      takes: ['group'],
      call: (c, w) => admin.editGroup(c, w.group, { roles: [] }),
    },
    changeMembers: {
      allowed: userAdministrators,
      takes: ['group'],
      call: (c, w) => admin.changeMembers(c, w.group, { members: [] }),
    },
    modifyMembers: {
      allowed: userAdministrators,
      takes: ['group'],
      call: (c, w) => admin.modifyMembers(c, w.group, { add: [], remove: [] }),
    },
    setGroupActive: {
      allowed: userAdministrators,
      takes: ['group'],
      call: (c, w) => admin.setGroupActive(c, w.group, true),
    },

    listProjects: { allowed: everybody, call: (c) => admin.listProjects(c) },
    getProject: {
      allowed: everybody,
      takes: ['project'],
      call: (c, w) => admin.getProject(c, w.project),
    },
    createProject: {
      allowed: projectAdministrators,
      call: (c, _w, unique) => admin.createProject(c, { slug: unique, name: unique }),
    },
    editProject: {
      allowed: projectAdministrators,
      takes: ['project'],
      call: (c, w, unique) => admin.editProject(c, w.project, { description: unique }),
    },
    setDefaultArtifactConfiguration: {
      allowed: configurators,
      takes: ['project'],
      isRightOnObject: true,
      call: (c, w) =>
        admin.setDefaultArtifactConfiguration(c, w.project, {
          artifactConfigurationSlug: 'initial',
        }),
    },
    setProjectActive: {
      allowed: projectAdministrators,
      takes: ['project'],
      call: (c, w) => admin.setProjectActive(c, w.project, true),
    },

    listArtifactConfigurations: {
      allowed: everybody,
      takes: ['project'],
      call: (c, w) => admin.listArtifactConfigurations(c, w.project),
    },
    getArtifactConfiguration: {
      allowed: everybody,
      takes: ['project', 'configuration'],
      call: (c, w) => admin.getArtifactConfiguration(c, w.project, w.configuration),
    },
    createArtifactConfiguration: {
      allowed: configurators,
      takes: ['project'],
      isRightOnObject: true,
      call: (c, w, unique) =>
        admin.createArtifactConfiguration(c, w.project, { slug: unique, name: unique, xml: XML }),
    },
    editArtifactConfiguration: {
      allowed: configurators,
      takes: ['project', 'configuration'],
      isRightOnObject: true,
      call: (c, w, unique) =>
        admin.editArtifactConfiguration(c, w.project, w.configuration, { name: unique }),
    },
    editArtifactConfigurationXml: {
      allowed: configurators,
      takes: ['project', 'configuration'],
      isRightOnObject: true,
      call: (c, w) =>
        admin.editArtifactConfigurationXml(c, w.project, w.configuration, { xml: XML }),
    },
    setArtifactConfigurationActive: {
      allowed: configurators,
      takes: ['project', 'configuration'],
      isRightOnObject: true,
      call: (c, w) => admin.setArtifactConfigurationActive(c, w.project, w.configuration, true),
    },

    listSigningPolicies: {
      allowed: everybody,
      takes: ['project'],
      call: (c, w) => admin.listSigningPolicies(c, w.project),
    },
    getSigningPolicy: {
      allowed: everybody,
      takes: ['project', 'policy'],
      call: (c, w) => admin.getSigningPolicy(c, w.project, w.policy),
    },
    createSigningPolicy: {
      allowed: projectAdministrators,
      takes: ['project'],
      call: (c, w, unique) =>
        admin.createSigningPolicy(c, w.project, {
          slug: unique,
          name: unique,
          certificateSlug: 'release',
        }),
    },
    editSigningPolicy: {
      allowed: projectAdministrators,
      takes: ['project', 'policy'],
      call: (c, w, unique) => admin.editSigningPolicy(c, w.project, w.policy, { name: unique }),
    },
    setSigningPolicyActive: {
      allowed: projectAdministrators,
      takes: ['project', 'policy'],
      call: (c, w) => admin.setSigningPolicyActive(c, w.project, w.policy, true),
    },

    listCertificates: { allowed: everybody, call: (c) => admin.listCertificates(c) },
    getCertificate: {
      allowed: everybody,
      takes: ['certificate'],
      call: (c, w) => admin.getCertificate(c, w.certificate),
    },
    createSelfSignedX509: {
      allowed: certificateAdministrators,
      call: (c, _w, unique) =>
        admin.createSelfSignedX509(c, { slug: unique, name: unique, subject }),
    },
    createCsrBasedX509: {
      allowed: certificateAdministrators,
      call: (c, _w, unique) => admin.createCsrBasedX509(c, { slug: unique, name: unique, subject }),
    },
    uploadX509Certificate: {
      allowed: certificateAdministrators,
      takes: ['certificate'],
      call: (c, w) =>
        admin.uploadX509Certificate(c, w.certificate, { fileName: 'chain.pem', bytes: ownChain }),
    },
    importCertificate: {
      allowed: certificateAdministrators,
      call: (c, _w, unique) =>
        admin.importCertificate(
          c,
          { slug: unique, name: unique },
          { fileName: 'key.pem', bytes: keyPem },
          undefined,
        ),
    },
    editCertificate: {
      allowed: certificateAdministrators,
      takes: ['certificate'],
      call: (c, w, unique) => admin.editCertificate(c, w.certificate, { name: unique }),
    },
    setCertificateActive: {
      allowed: certificateAdministrators,
      takes: ['certificate'],
      call: (c, w) => admin.setCertificateActive(c, w.certificate, true),
    },
    downloadX509Certificate: {
      allowed: everybody,
      takes: ['certificate'],
      call: (c, w) => admin.downloadX509Certificate(c, w.certificate),
    },
    downloadX509CertificateChain: {
      allowed: everybody,
      takes: ['certificate'],
      call: (c, w) => admin.downloadX509CertificateChain(c, w.certificate),
    },
    downloadPublicKey: {
      allowed: everybody,
      takes: ['certificate'],
      call: (c, w) => admin.downloadPublicKey(c, w.certificate),
    },
    downloadCertificateSigningRequest: {
      allowed: everybody,
      takes: ['csr'],
      call: (c, w) => admin.downloadCertificateSigningRequest(c, w.csr),
    },
    getSigningPolicyCertificate: {
      allowed: everybody,
      takes: ['project', 'policy'],
      call: (c, w) => admin.getSigningPolicyCertificate(c, w.project, w.policy),
    },

    listTrustedBuildSystems: { allowed: everybody, call: (c) => admin.listTrustedBuildSystems(c) },
    addCustomTrustedBuildSystem: {
      allowed: globalAdministrators,
      call: (c, _w, unique) => admin.addCustomTrustedBuildSystem(c, { slug: unique, name: unique }),
    },
    regenerateTrustedBuildSystemToken: {
      allowed: globalAdministrators,
      takes: ['buildSystem'],
      call: (c, w) => admin.regenerateTrustedBuildSystemToken(c, w.buildSystem),
    },
    setTrustedBuildSystemActive: {
      allowed: globalAdministrators,
      takes: ['buildSystem'],
      call: (c, w) => admin.setTrustedBuildSystemActive(c, w.buildSystem, true),
    },
  }
}

let authority: TestAuthority
let ownChain: Uint8Array
let keyPem: Uint8Array

/** The same objects in an organization, under names that both organizations use. */
async function populate(administrator: Caller): Promise<{ slugs: World; ids: World }> {
  const admin = authority.administration
  const subject = { commonName: 'Release' }
  const user = await admin.createUser(administrator, 'ci', { name: 'target' })
  const token = await admin.createApiToken(administrator, user.id, {})
  const group = await admin.createGroup(administrator, { name: 'Target' })
  const certificate = await admin.createSelfSignedX509(administrator, {
    slug: 'release',
    name: 'Release',
    subject,
  })
  const csr = await admin.createCsrBasedX509(administrator, { slug: 'csr', name: 'CSR', subject })
  const project = await admin.createProject(administrator, { slug: 'target', name: 'Target' })
  const configuration = await admin.createArtifactConfiguration(administrator, 'target', {
    slug: 'second',
    name: 'Second',
    template: 'detached-raw-signatures',
  })
  const policy = await admin.createSigningPolicy(administrator, 'target', {
    slug: 'release',
    name: 'Release',
    certificateSlug: 'release',
  })
  const buildSystem = await admin.addCustomTrustedBuildSystem(administrator, {
    slug: 'jenkins',
    name: 'Jenkins',
  })
  return {
    slugs: {
      user: 'target',
      token: token.id,
      group: 'target',
      project: 'target',
      configuration: 'second',
      policy: 'release',
      certificate: 'release',
      csr: 'csr',
      buildSystem: 'jenkins',
    },
    ids: {
      user: user.id,
      token: token.id,
      group: group.id,
      project: project.id,
      configuration: configuration.id,
      policy: policy.id,
      certificate: certificate.id,
      csr: csr.id,
      buildSystem: buildSystem.id,
    },
  }
}

/** What a call on something that is not there ends with. */
function absentCode(row: Row, actor: Actor, taken: keyof World): string {
  const knows = readers.includes(actor)
  const isLookedUpFirst = row.isRightOnObject === true && taken === row.takes?.[0]
  const isRefusedBefore = !isLookedUpFirst && !row.allowed.includes(actor)
  return knows && !isRefusedBefore ? 'ERR_CATALOG_MISSING' : 'ERR_POLICY_FORBIDDEN'
}

describe('two organizations, every method, every role', () => {
  let own: { slugs: World; ids: World }
  let foreign: { slugs: World; ids: World }
  let foreignAdministrator: Caller
  const callers = new Map<Actor, Caller>()
  let foreignEvents = 0
  let counter = 0

  before(async () => {
    authority = await TestAuthority.create()
    const { administrator, administration: admin } = authority
    const other = await admin.createOrganization(administrator, { name: 'Other' })
    foreignAdministrator = authority.callerWith(other.apiToken)
    own = await populate(administrator)
    foreign = await populate(foreignAdministrator)
    for (const actor of ACTORS) {
      const roles = ROLES.filter((role) => role === actor)
      callers.set(actor, await authority.addUser(administrator, actor, roles))
    }
    const only = (actor: Actor): { users: string[]; groups: string[] } => ({
      users: [callers.get(actor)!.principal.userId],
      groups: [],
    })
    await admin.editProject(administrator, 'target', {
      readers: only('reader'),
      configurators: only('configurator'),
    })
    await admin.editSigningPolicy(administrator, 'target', 'release', {
      submitters: only('submitter'),
      approvers: only('approver'),
    })
    ownChain = new TextEncoder().encode(
      admin.downloadX509CertificateChain(administrator, 'release'),
    )
    const { privateKey } = await crypto.subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['sign'],
    )
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey))
    keyPem = new TextEncoder().encode(
      `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    )
    foreignEvents = authority.auditEvents(foreignAdministrator.principal.organizationId).length
  })

  after(() => authority[Symbol.asyncDispose]())

  it('has a row for every method there is', () => {
    const { administration } = authority
    assert.deepEqual(Object.keys(rows(administration)).sort(), Object.keys(administration).sort())
    assert.ok(Object.keys(administration).length >= 51)
  })

  it('lets those do it who may, on their own organization', async () => {
    for (const [name, row] of Object.entries(rows(authority.administration))) {
      for (const actor of ACTORS) {
        for (const world of row.takes === undefined ? [own.ids] : [own.ids, own.slugs]) {
          counter++
          const outcome = await outcomeOf(() =>
            row.call(callers.get(actor)!, world, `unique-${counter}`),
          )
          const expected = row.allowed.includes(actor) ? 'ok' : 'ERR_POLICY_FORBIDDEN'
          assert.equal(outcome, expected, `${name} by ${actor}`)
        }
      }
    }
  })

  it("treats another organization's object as one that does not exist", async () => {
    const nothing = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'
    for (const [name, row] of Object.entries(rows(authority.administration))) {
      for (const taken of row.takes ?? []) {
        for (const actor of ACTORS) {
          counter++
          const call = (id: string): Promise<string> =>
            outcomeOf(() =>
              row.call(callers.get(actor)!, { ...own.ids, [taken]: id }, `unique-${counter}`),
            )
          const expected = absentCode(row, actor, taken)
          assert.equal(await call(foreign.ids[taken]), expected, `${name}, foreign, by ${actor}`)
          assert.equal(await call(nothing), expected, `${name}, missing, by ${actor}`)
          assert.equal(await call('no-such-thing'), expected, `${name}, unknown, by ${actor}`)
        }
      }
    }
  })

  it('left no trace in the other organization', () => {
    const { organizationId } = foreignAdministrator.principal
    assert.equal(authority.auditEvents(organizationId).length, foreignEvents)
    const { catalog } = authority.services
    for (const kind of ['user', 'group', 'project', 'certificate', 'signing-policy'] as const) {
      const versions = catalog.list(kind, organizationId).map(({ version }) => version)
      assert.ok(versions.every((version) => version === 1))
    }
  })

  it('lists nothing of another organization', () => {
    const admin = authority.administration
    const caller = callers.get('GlobalAdministrator')!
    const ids = new Set(Object.values(foreign.ids))
    const lists = [
      admin.listUsers(caller),
      admin.listGroups(caller),
      admin.listProjects(caller),
      admin.listCertificates(caller),
      admin.listTrustedBuildSystems(caller),
      admin.listArtifactConfigurations(caller, 'target'),
      admin.listSigningPolicies(caller, 'target'),
    ]
    for (const list of lists) {
      assert.ok(list.length > 0)
      assert.ok(list.every(({ id }) => !ids.has(id)))
    }
  })

  it('lets Global Administrators of other organizations create none', async () => {
    const outcome = await outcomeOf(() =>
      authority.administration.createOrganization(foreignAdministrator, { name: 'Third' }),
    )
    assert.equal(outcome, 'ERR_POLICY_FORBIDDEN')
  })

  describe("cannot refer to another organization's objects in a body", () => {
    const cases: Readonly<Record<string, (admin: Administration, c: Caller) => unknown>> = {
      'a member': (admin, c) =>
        admin.changeMembers(c, own.ids.group, { members: [foreign.ids.user] }),
      'a member who is added': (admin, c) =>
        admin.modifyMembers(c, own.ids.group, { add: [foreign.ids.user] }),
      'a member of a new group': (admin, c) =>
        admin.createGroup(c, { name: 'New', members: [foreign.ids.user] }),
      'a reader': (admin, c) =>
        admin.editProject(c, 'target', { readers: { users: [foreign.ids.user], groups: [] } }),
      'a configuring group': (admin, c) =>
        admin.editProject(c, 'target', {
          configurators: { users: [], groups: [foreign.ids.group] },
        }),
      'a submitter': (admin, c) =>
        admin.editSigningPolicy(c, 'target', 'release', {
          submitters: { users: [foreign.ids.user], groups: [] },
        }),
      'an approving group': (admin, c) =>
        admin.editSigningPolicy(c, 'target', 'release', {
          approvers: { users: [], groups: [foreign.ids.group] },
        }),
      'a certificate': (admin, c) =>
        admin.editSigningPolicy(c, 'target', 'release', {
          certificateSlug: foreign.ids.certificate,
        }),
    }
    for (const [name, call] of Object.entries(cases)) {
      it(name, async () => {
        const caller = callers.get('GlobalAdministrator')!
        const outcome = await outcomeOf(() => call(authority.administration, caller))
        assert.equal(outcome, 'ERR_ADMINISTRATION_REFERENCE')
      })
    }
  })
})
