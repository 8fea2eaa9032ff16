import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createApp } from '../../src/http/app.ts'
import type { Route } from '../../src/http/route.ts'
import { ROUTES } from '../../src/http/routes/routes.ts'
import { ROLES, type Role } from '../../src/policy/principal.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestUser,
} from '../support/authority.ts'

/** Who calls: nobody, the administrator of another organization, one user per role, one user per assignment. */
const CALLERS = [
  'nobody',
  'foreigner',
  ...ROLES,
  'submitter',
  'approver',
  'reader',
  'configurator',
] as const
type CallerName = (typeof CALLERS)[number]

const members: readonly CallerName[] = [...ROLES, 'submitter', 'approver', 'reader', 'configurator']
const everyone: readonly CallerName[] = CALLERS
const founders: readonly CallerName[] = ['GlobalAdministrator']
const userAdministrators: readonly CallerName[] = ['GlobalAdministrator', 'UserAdministrator']
const projectAdministrators: readonly CallerName[] = ['GlobalAdministrator', 'ProjectAdministrator']
const configurators: readonly CallerName[] = [...projectAdministrators, 'configurator']
const certificateAdministrators: readonly CallerName[] = [
  'GlobalAdministrator',
  'CertificateAdministrator',
]
const auditors: readonly CallerName[] = ['GlobalAdministrator', 'GlobalReader']
const requestReaders: readonly CallerName[] = [
  ...projectAdministrators,
  'GlobalReader',
  'submitter',
  'approver',
  'reader',
  'configurator',
]

/** What a call sends besides its path. */
interface Content {
  readonly json?: object
  readonly form?: Readonly<Record<string, string>>
  readonly file?: string
  readonly raw?: string
}

interface Row {
  readonly allowed: readonly CallerName[]
  /** A new body for each call: what one caller created, the next cannot create again. */
  readonly content?: (count: number) => Content
  /** What the allowed are answered, where it is no success: the fixture has nothing to download, the file is no key. */
  readonly status?: number
  /** Needs a signing request of its own for each call. */
  readonly request?: 'waiting' | 'announced'
}

const slugs = { projectSlug: 'app', signingPolicySlug: 'release' }
const BYTES = Buffer.from(payloadFor()).toString('utf8')
const named = (count: number): { slug: string; name: string } => ({
  slug: `new-${count}`,
  name: `New ${count}`,
})
const userRows = (noun: 'InteractiveUser' | 'CIUser'): Record<string, Row> => ({
  [`List${noun}s`]: { allowed: members },
  [`Create${noun}`]: {
    allowed: userAdministrators,
    content: (count) => ({ json: { name: `${noun} ${count}` } }),
  },
  [`GetMe${noun}`]: { allowed: members },
  [`Get${noun}`]: { allowed: members },
  [`Edit${noun}`]: {
    allowed: userAdministrators,
    content: (count) => ({ json: { name: `Renamed ${noun} ${count}` } }),
  },
  [`Activate${noun}`]: { allowed: userAdministrators },
  [`Deactivate${noun}`]: { allowed: userAdministrators },
  [`RegenerateApiTokenOf${noun}`]: { allowed: userAdministrators },
  [`ListApiTokensOf${noun}`]: { allowed: [...userAdministrators, 'GlobalReader'] },
  [`CreateApiTokenOf${noun}`]: { allowed: userAdministrators },
  [`RevokeApiTokenOf${noun}`]: { allowed: userAdministrators },
})
const submit: Row = { allowed: ['submitter'], content: () => ({ form: slugs, file: 'artifact' }) }
const readRequest: Row = { allowed: requestReaders }

const ROWS: Readonly<Record<string, Row>> = {
  SubmitWithArtifact: submit,
  SubmitSigningRequest: submit,
  SubmitWithoutArtifact: {
    allowed: ['submitter'],
    content: () => ({
      form: {
        ...slugs,
        'unsignedArtifactMetadata.fileName': 'payload.json',
        'unsignedArtifactMetadata.sha256Hash': createHash('sha256').update(BYTES).digest('hex'),
      },
    }),
  },
  UploadUnsignedArtifact: {
    allowed: ['submitter'],
    request: 'announced',
    content: () => ({ raw: BYTES }),
  },
  Resubmit: {
    allowed: ['submitter'],
    content: () => ({ json: { originalSigningRequestId: '{id}', signingPolicySlug: 'release' } }),
  },
  SubmitWithPayload: {
    allowed: ['submitter'],
    content: () => ({ json: { ...slugs, payload: Buffer.from(BYTES).toString('base64') } }),
  },
  SignHash: {
    allowed: ['submitter'],
    content: () => ({
      json: {
        projectSlug: 'app',
        signingPolicySlug: 'hashes',
        hashSigningData: { signatureAlgorithm: 'Ecdsa', hash: Buffer.alloc(32).toString('base64') },
      },
    }),
  },
  ListMySigningPolicies: { allowed: members },
  ListSigningRequests: { allowed: members },
  GetSigningRequest: readRequest,
  GetSigningRequestStatus: readRequest,
  DownloadSignedArtifact: { ...readRequest, status: 400 },
  DownloadUnsignedArtifact: readRequest,
  DownloadBuildSettingsFile: { ...readRequest, status: 404 },
  DownloadSigningRequestX509Certificate: readRequest,
  ApproveSigningRequest: { allowed: ['approver'], request: 'waiting' },
  DenySigningRequest: { allowed: ['approver'], request: 'waiting' },
  CancelSigningRequest: { allowed: [...projectAdministrators, 'submitter'], request: 'waiting' },

  GetOrganization: { allowed: members },
  EditOrganization: {
    allowed: ['GlobalAdministrator'],
    content: () => ({ json: { artifactRetentionDays: 7 } }),
  },
  CreateOrganization: { allowed: founders, content: () => ({ json: { name: 'Another' } }) },

  ListUsers: { allowed: members },
  ...userRows('InteractiveUser'),
  ...userRows('CIUser'),

  ListGroups: { allowed: members },
  CreateGroup: {
    allowed: userAdministrators,
    content: (count) => ({ json: { name: `Group ${count}` } }),
  },
  GetGroup: { allowed: members },
  EditGroup: {
    allowed: userAdministrators,
    content: (count) => ({ json: { name: `Renamed group ${count}` } }),
  },
  ChangeMembers: { allowed: userAdministrators, content: () => ({ json: { members: [] } }) },
  ModifyMembers: { allowed: userAdministrators, content: () => ({ json: { add: [] } }) },
  ActivateGroup: { allowed: userAdministrators },
  DeactivateGroup: { allowed: userAdministrators },

  ListProjects: { allowed: members },
  CreateProject: { allowed: projectAdministrators, content: (count) => ({ json: named(count) }) },
  GetProject: { allowed: members },
  EditProject: {
    allowed: projectAdministrators,
    content: (count) => ({ json: { description: `Edited ${count}` } }),
  },
  SetDefaultArtifactConfiguration: {
    allowed: configurators,
    content: () => ({ json: { artifactConfigurationSlug: 'initial' } }),
  },
  ActivateProject: { allowed: projectAdministrators },
  DeactivateProject: { allowed: projectAdministrators },

  ListArtifactConfigurations: { allowed: members },
  CreateArtifactConfiguration: {
    allowed: configurators,
    content: (count) => ({ json: { ...named(count), template: 'detached-raw-signatures' } }),
  },
  GetArtifactConfiguration: { allowed: members },
  EditArtifactConfiguration: {
    allowed: configurators,
    content: (count) => ({ json: { name: `Edited ${count}` } }),
  },
  EditArtifactConfigurationXml: {
    allowed: configurators,
    content: () => ({ json: { xml: '{xml}' } }),
  },
  ActivateArtifactConfiguration: { allowed: configurators },
  DeactivateArtifactConfiguration: { status: 409, allowed: configurators },

  ListSigningPolicies: { allowed: members },
  CreateSigningPolicy: {
    allowed: projectAdministrators,
    content: (count) => ({ json: { ...named(count), certificateSlug: 'release' } }),
  },
  GetSigningPolicy: { allowed: members },
  EditSigningPolicy: {
    allowed: projectAdministrators,
    content: (count) => ({ json: { name: `Edited ${count}` } }),
  },
  ChangeSigningPolicy: {
    allowed: projectAdministrators,
    content: (count) => ({ json: { name: `Changed ${count}` } }),
  },
  ActivateSigningPolicy: { allowed: projectAdministrators },
  DeactivateSigningPolicy: { allowed: projectAdministrators },
  GetSigningPolicyCertificate: { allowed: members },
  DownloadSigningPolicyX509Certificate: { allowed: members },

  CreateSelfSignedX509: {
    allowed: certificateAdministrators,
    content: (count) => ({ json: { ...named(count), subject: { commonName: 'New' } } }),
  },
  CreateCsrBasedX509: {
    allowed: certificateAdministrators,
    content: (count) => ({ json: { ...named(count), subject: { commonName: 'New' } } }),
  },
  ImportCertificate: {
    status: 400,
    allowed: certificateAdministrators,
    content: (count) => ({ form: named(count), file: 'file' }),
  },
  UploadX509Certificate: {
    status: 400,
    allowed: certificateAdministrators,
    content: () => ({ form: {}, file: 'x509Certificate' }),
  },
  ListCertificates: { allowed: members },
  GetCertificate: { allowed: members },
  EditCertificate: {
    allowed: certificateAdministrators,
    content: (count) => ({ json: { name: `Edited ${count}` } }),
  },
  ActivateCertificate: { allowed: certificateAdministrators },
  DeactivateCertificate: { allowed: certificateAdministrators },
  DownloadX509Certificate: { allowed: members },
  DownloadX509CertificateChain: { allowed: members },
  DownloadPublicKey: { allowed: members },
  DownloadCertificateSigningRequest: { status: 404, allowed: members },

  ListTrustedBuildSystems: { allowed: members },
  AddCustomTrustedBuildSystem: {
    allowed: ['GlobalAdministrator'],
    content: (count) => ({ json: named(count) }),
  },
  RegenerateTrustedBuildSystemToken: { allowed: ['GlobalAdministrator'] },
  ActivateTrustedBuildSystem: { allowed: ['GlobalAdministrator'] },
  DeactivateTrustedBuildSystem: { allowed: ['GlobalAdministrator'] },

  ListAuditEvents: { allowed: auditors },
  ExportAuditEvents: { allowed: auditors },
  VerifyAuditEvents: { allowed: auditors },
  ListAuditLogEvents: { allowed: auditors },
  ListAuditLogSigningRequestEvents: { allowed: auditors },

  GetAbout: { allowed: everyone },
  GetHealth: { allowed: everyone },
  GetReadiness: { allowed: everyone },
  GetMetrics: { allowed: everyone },
  GetSystemInfo: { allowed: everyone },
  GetOpenApi: { allowed: everyone },
}

/** One organization with everything in it, another one beside it, and a caller of every kind. */
class World {
  readonly app: FastifyInstance
  readonly organizationId: string
  readonly foreignOrganizationId: string
  readonly #users: ReadonlyMap<CallerName, TestUser>
  readonly #params: Readonly<Record<string, string>>
  readonly #xml: string
  #count = 0

  private constructor(
    app: FastifyInstance,
    organizations: readonly [string, string],
    users: ReadonlyMap<CallerName, TestUser>,
    params: Readonly<Record<string, string>>,
    xml: string,
  ) {
    this.app = app
    ;[this.organizationId, this.foreignOrganizationId] = organizations
    this.#users = users
    this.#params = params
    this.#xml = xml
  }

  static async make(authority: TestAuthority): Promise<World> {
    const { administration, signing } = authority.services
    const admin = authority.admin.caller()
    const users = new Map<CallerName, TestUser>()
    for (const role of ROLES) users.set(role, await authority.addUser(role, [role]))
    for (const name of ['approver', 'reader', 'configurator'] as const)
      users.set(name, await authority.addUser(name))
    users.set('foreigner', await authority.addOrganization('Foreign'))
    const only = (name: CallerName) => ({ users: [users.get(name)!.id], groups: [] })
    const project = await addProject(authority, {
      approvers: only('approver'),
      requiredApprovals: 1,
    })
    users.set('submitter', project.submitter)
    await administration.editProject(admin, 'app', {
      readers: only('reader'),
      configurators: only('configurator'),
    })
    await administration.createSigningPolicy(admin, 'app', {
      slug: 'hashes',
      name: 'Hashes',
      certificateSlug: 'release',
      submitters: only('submitter'),
      allowHashSigning: true,
    })
    const target = await administration.createUser(admin, 'ci', { name: 'Target' })
    const token = await administration.createApiToken(admin, target.id, {})
    const group = await administration.createGroup(admin, { name: 'Target' })
    await administration.addCustomTrustedBuildSystem(admin, { slug: 'target', name: 'Target' })
    const { signingRequestId } = await signing.submitWithArtifact(
      project.submitter.caller(),
      project.submission as never,
      {
        fileName: 'payload.json',
        bytes: payloadFor(),
        isEntry: true,
      },
    )
    const { xml } = administration.getArtifactConfiguration(admin, 'app', 'initial')
    const params = {
      organizationId: authority.organizationId,
      id: signingRequestId,
      userId: target.id,
      tokenId: token.id,
      groupId: group.id,
      project: 'app',
      artifactConfiguration: 'initial',
      signingPolicy: 'release',
      certificate: 'release',
      trustedBuildSystem: 'target',
    }
    const foreign = users.get('foreigner')!.caller().principal.organizationId
    const app = createApp(authority.services)
    return new World(app, [authority.organizationId, foreign], users, params, xml)
  }

  /** Calls a route as somebody; the path's parameters are those of the one organization unless others are given. */
  async call(
    route: Route,
    row: Row,
    name: CallerName,
    more: Readonly<Record<string, string>> = {},
  ): Promise<LightMyRequestResponse> {
    const id: Readonly<Record<string, string>> =
      row.request === undefined ? {} : { id: await this.#newRequest(row.request) }
    const params = { ...this.#params, ...id, ...more }
    const url = route.paths[0].replaceAll(
      /\{(\w+)\}/g,
      (_, parameter: string) => params[parameter] ?? assert.fail(parameter),
    )
    const content = this.#bodyOf(row, params)
    return this.app.inject({
      method: route.method,
      url,
      ...content,
      headers: { ...content.headers, ...this.#authorization(name) },
    })
  }

  /** Undoes what the call of a row that disables something has done. */
  async enableAgain(route: Route): Promise<void> {
    const operationId = route.operationId.replace(/^Deactivate/, 'Activate')
    const opposite = ROUTES.find((candidate) => candidate.operationId === operationId)
    assert.ok(opposite)
    const { statusCode, body } = await this.call(
      opposite,
      ROWS[operationId]!,
      'GlobalAdministrator',
    )
    assert.equal(statusCode, 204, body)
  }

  async #newRequest(state: 'waiting' | 'announced'): Promise<string> {
    const operationId = state === 'waiting' ? 'SubmitWithPayload' : 'SubmitWithoutArtifact'
    const route = ROUTES.find((candidate) => candidate.operationId === operationId)
    assert.ok(route)
    const answer = await this.call(route, ROWS[operationId]!, 'submitter')
    assert.equal(answer.statusCode, 201, answer.body)
    return answer.json<{ signingRequestId: string }>().signingRequestId
  }

  #authorization(name: CallerName): Record<string, string> {
    if (name === 'nobody') return {}
    const user = this.#users.get(name)
    assert.ok(user, name)
    return { authorization: user.authorization }
  }

  #bodyOf(
    row: Row,
    params: Readonly<Record<string, string>>,
  ): { headers: Record<string, string>; payload?: string } {
    const { json, form, file, raw } = row.content?.(++this.#count) ?? {}
    if (json !== undefined) {
      const text = JSON.stringify(json).replace('{id}', params['id']!)
      const payload = text.replace('"{xml}"', JSON.stringify(this.#xml))
      return { headers: { 'content-type': 'application/json' }, payload }
    }
    if (raw !== undefined)
      return { headers: { 'content-type': 'application/octet-stream' }, payload: raw }
    if (form === undefined) return { headers: {} }
    const parts = Object.entries(form).map(
      ([name, value]) =>
        `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    if (file !== undefined)
      parts.push(
        `--b\r\nContent-Disposition: form-data; name="${file}"; filename="payload.json"\r\n\r\n${BYTES}\r\n`,
      )
    return {
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      payload: `${parts.join('')}--b--\r\n`,
    }
  }
}

it('every route has a row, and every row a route', () => {
  const routes = ROUTES.map(({ operationId }) => operationId)
  assert.deepEqual(Object.keys(ROWS).sort(), [...routes].sort())
  assert.ok(routes.length > 90)
  assert.deepEqual(new Set<string>(CALLERS).isSupersetOf(new Set<Role>(ROLES)), true)
})

describe('routes and roles', () => {
  let authority: TestAuthority
  let world: World
  before(async () => {
    authority = await startAuthority()
    world = await World.make(authority)
  })
  after(() => authority[Symbol.asyncDispose]())

  for (const route of ROUTES) {
    it(`${route.operationId} is for those it is for`, async () => {
      const row = ROWS[route.operationId]
      assert.ok(row)
      for (const name of CALLERS) {
        const answer = await world.call(route, row, name)
        const seen = `${name}: ${answer.statusCode} ${answer.body}`
        if (!row.allowed.includes(name))
          assert.equal(answer.statusCode, name === 'nobody' ? 401 : 403, seen)
        else if (row.status === undefined)
          assert.equal(Math.trunc(answer.statusCode / 100), 2, seen)
        else assert.equal(answer.statusCode, row.status, seen)
        if (answer.statusCode === 204 && route.operationId.startsWith('Deactivate'))
          await world.enableAgain(route)
      }
    })
  }

  it('lists show only what the caller may read', async () => {
    const shown = async (operationId: string, name: CallerName): Promise<number> => {
      const route = ROUTES.find((candidate) => candidate.operationId === operationId)!
      const answer = await world.call(route, ROWS[operationId]!, name)
      const lists = answer.json<{ signingRequests?: unknown[]; signingPolicies?: unknown[] }>()
      return (lists.signingRequests ?? lists.signingPolicies)!.length
    }
    for (const name of members) {
      const requests = await shown('ListSigningRequests', name)
      assert.equal(requests > 0, requestReaders.includes(name), name)
      assert.equal(await shown('ListMySigningPolicies', name), name === 'submitter' ? 1 : 0, name)
    }
  })

  it("another organization's objects do not exist under one's own path", async () => {
    const reached: string[] = []
    for (const route of ROUTES) {
      const names = Array.from(route.paths[0].matchAll(/\{(\w+)\}/g), ([, name]) => name)
      if (route.scope !== 'organization' || names.length < 2) continue
      const answer = await world.call(route, ROWS[route.operationId]!, 'foreigner', {
        organizationId: world.foreignOrganizationId,
      })
      const { statusCode } = answer
      if (statusCode !== 400 && statusCode !== 403 && statusCode !== 404)
        reached.push(`${route.operationId} ${statusCode}`)
    }
    assert.deepEqual(reached, [])
  })
})
