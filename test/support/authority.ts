import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSimpleSigning } from '../../src/format/simple-signing.ts'
import type { Services } from '../../src/http/services.ts'
import { openAuthority, type Authority } from '../../src/main/authority.ts'
import { initAuthority } from '../../src/main/init-authority.ts'
import type { Caller } from '../../src/policy/caller.ts'
import type { ExaminerLimits } from '../../src/signing/examiner.ts'
import type { CreateSigningPolicy } from '../../src/wire/administration.ts'

/** 32 bytes that protect nothing. */
export const TEST_MASTER_KEY = {
  kind: 'key',
  base64: Buffer.alloc(32, 7).toString('base64'),
} as const

/** A user with a token. */
export interface TestUser {
  readonly id: string
  readonly token: string
  /** The `Authorization` header. */
  readonly authorization: string
  /** A call by this user. */
  caller(): Caller
}

/** A real authority in a temporary directory, with its services and its founding administrator. */
export interface TestAuthority extends AsyncDisposable {
  readonly directory: string
  readonly organizationId: string
  readonly admin: TestUser
  readonly services: Services
  commits(): number
  userOf(id: string, token: string): TestUser
  /** Makes a CI user with a token, in the organization of `by` (the founding one). */
  addUser(name: string, roles?: readonly string[], by?: TestUser): Promise<TestUser>
  /** Makes another organization, and returns its administrator. */
  addOrganization(name: string): Promise<TestUser>
  /** Closes it and opens it again on the same directory, with its clock ahead of the system's by so many days. */
  reopen(daysAhead?: number): Promise<void>
  /** Puts its clock ahead, in milliseconds, until it is opened again. */
  advance(ms: number): void
  /** Closes it; its directory stays until it is disposed. */
  close(): Promise<void>
}

/** Makes an authority and opens it. Disposing it removes the directory. */
export async function startAuthority(examinerLimits: ExaminerLimits = {}): Promise<TestAuthority> {
  const directory = mkdtempSync(join(tmpdir(), 'chancery-authority-'))
  const created = await initAuthority({
    dataDirectory: directory,
    organizationName: 'Acme',
    masterKey: TEST_MASTER_KEY,
  })
  let aheadMs = 0
  const open = (): Promise<Authority> =>
    openAuthority({
      now: () => Date.now() + aheadMs,
      dataDirectory: directory,
      masterKey: TEST_MASTER_KEY,
      examinerLimits,
      report: (what, error) => {
        process.emitWarning(
          `${what}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
        )
      },
    })
  let authority = await open()
  const userOf = (id: string, token: string): TestUser => {
    const authorization = `Bearer ${token}`
    return {
      id,
      token,
      authorization,
      caller: () => ({
        principal: authority.services.authenticate(authorization),
        address: '127.0.0.1',
        requestId: 'test',
      }),
    }
  }
  const admin = userOf(created.administratorId, created.apiToken)
  return {
    directory,
    organizationId: created.organizationId,
    admin,
    get services() {
      return authority.services
    },
    commits: () => authority.commits(),
    userOf,
    async addUser(name, roles = [], by = admin) {
      const { administration } = authority.services
      const { id } = await administration.createUser(by.caller(), 'ci', {
        name,
        roles: [...roles] as never,
      })
      const { apiToken } = await administration.createApiToken(by.caller(), id, {})
      return userOf(id, apiToken)
    },
    async addOrganization(name) {
      const made = await authority.services.administration.createOrganization(admin.caller(), {
        name,
      })
      return userOf(made.administratorId, made.apiToken)
    },
    async reopen(daysAhead = 0) {
      await authority[Symbol.asyncDispose]()
      aheadMs = daysAhead * 86_400_000
      authority = await open()
    },
    advance(ms) {
      aheadMs += ms
    },
    async close() {
      await authority[Symbol.asyncDispose]()
    },
    async [Symbol.asyncDispose]() {
      await authority[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A project with a certificate and a policy, and the users that may use it. */
export interface TestProject {
  readonly submitter: TestUser
  readonly approvers: readonly TestUser[]
  readonly projectSlug: string
  readonly signingPolicySlug: string
  readonly certificateSlug: string
  /** What a submission names. */
  readonly submission: {
    readonly projectSlug: string
    readonly signingPolicySlug: string
    readonly parameters: object
  }
}

/** Sets up a project `app` with the policy `release` on the certificate `release`, for the founding organization or `by`'s. */
export async function addProject(
  authority: TestAuthority,
  policy: Partial<CreateSigningPolicy> & {
    readonly algorithm?: string
    readonly approverCount?: number
  } = {},
  by: TestUser = authority.admin,
): Promise<TestProject> {
  const { administration } = authority.services
  const { algorithm = 'ecdsa-p256', approverCount = 0, ...rest } = policy
  const submitter = await authority.addUser('ci', [], by)
  const approvers: TestUser[] = []
  for (let n = 0; n < approverCount; n += 1)
    approvers.push(await authority.addUser(`approver-${n}`, [], by))
  await administration.createSelfSignedX509(by.caller(), {
    slug: 'release',
    name: 'Release',
    algorithm: algorithm as never,
    subject: { commonName: 'Acme Release', emailAddress: 'release@acme.test' },
  })
  await administration.createProject(by.caller(), { slug: 'app', name: 'App' })
  await administration.createSigningPolicy(by.caller(), 'app', {
    slug: 'release',
    name: 'Release',
    certificateSlug: 'release',
    submitters: { users: [submitter.id], groups: [] },
    approvers: { users: approvers.map(({ id }) => id), groups: [] },
    allowedImages: ['registry.acme.test/team/**'],
    ...rest,
  })
  return {
    submitter,
    approvers,
    projectSlug: 'app',
    signingPolicySlug: 'release',
    certificateSlug: 'release',
    submission: { projectSlug: 'app', signingPolicySlug: 'release', parameters: {} },
  }
}

/** A Cosign metadata file. */
export function payloadFor(
  dockerReference = 'registry.acme.test/team/app',
  fill = 'a',
): Uint8Array {
  return encodeSimpleSigning({ dockerReference, manifestDigest: `sha256:${fill.repeat(64)}` })
}
