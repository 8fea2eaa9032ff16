import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority, type Authority } from '../src/main/authority.ts'
import { initAuthority } from '../src/main/init-authority.ts'
import type { Caller } from '../src/policy/caller.ts'

/** An authority in a temporary directory, ready to sign for one submitter, and closed. */
export interface BenchAuthority extends AsyncDisposable {
  readonly dataDir: string
  /** The value of `CHANCERY_MASTER_KEY`. */
  readonly masterKey: string
  readonly organizationId: string
  /** The submitter's API token. */
  readonly token: string
  /** Of the policy's P-256 key: SubjectPublicKeyInfo, PEM. */
  readonly publicKey: string
  /** Opens it in this process. */
  open(): Promise<Authority>
}

/** What the submitter names. The policy needs no approval and allows bare hashes. */
export const TARGET = { projectSlug: 'app', signingPolicySlug: 'release' } as const

/** What the policy allows to be signed. */
export const IMAGE = 'registry.acme.test/team/app'

/** Makes an authority with a project, a P-256 key, a policy and a submitter, in `TMPDIR`. */
export async function createBenchAuthority(): Promise<BenchAuthority> {
  const dataDir = await mkdtemp(join(tmpdir(), 'chancery-bench-'))
  const masterKey = randomBytes(32).toString('base64')
  const source = { kind: 'key', base64: masterKey } as const
  const open = (): Promise<Authority> =>
    openAuthority({
      dataDirectory: dataDir,
      masterKey: source,
      report: (what, error) => process.emitWarning(`${what}: ${String(error)}`),
    })
  try {
    const created = await initAuthority({
      dataDirectory: dataDir,
      organizationName: 'Acme',
      masterKey: source,
    })
    await using authority = await open()
    return {
      dataDir,
      masterKey,
      organizationId: created.organizationId,
      ...(await configure(authority, created.apiToken)),
      open,
      [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
    }
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true })
    throw error
  }
}

/** A call with a token, made inside the process. */
export function callerOf({ services }: Authority, token: string): Caller {
  return {
    principal: services.authenticate(`Bearer ${token}`),
    address: '127.0.0.1',
    requestId: 'bench',
  }
}

async function configure(
  authority: Authority,
  adminToken: string,
): Promise<{ token: string; publicKey: string }> {
  const { administration } = authority.services
  const admin = callerOf(authority, adminToken)
  const { id } = await administration.createUser(admin, 'ci', { name: 'ci' })
  const { apiToken } = await administration.createApiToken(admin, id, {})
  await administration.createSelfSignedX509(admin, {
    slug: 'release',
    name: 'Release',
    algorithm: 'ecdsa-p256',
    subject: { commonName: 'Acme Release' },
  })
  await administration.createProject(admin, { slug: TARGET.projectSlug, name: 'App' })
  await administration.createSigningPolicy(admin, TARGET.projectSlug, {
    slug: TARGET.signingPolicySlug,
    name: 'Release',
    certificateSlug: 'release',
    submitters: { users: [id], groups: [] },
    allowedImages: ['registry.acme.test/team/**'],
    allowHashSigning: true,
  })
  return { token: apiToken, publicKey: administration.downloadPublicKey(admin, 'release') }
}
