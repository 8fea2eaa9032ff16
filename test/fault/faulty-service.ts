import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { Agent, request as startRequest } from 'node:http'
import { join } from 'node:path'
import { payloadFor } from '../support/authority.ts'
import { chanceryPath } from '../support/chancery-process.ts'
import { startProgram, type RunningProgram } from '../support/child-process.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import type { CreateSigningPolicy } from '../../src/wire/administration.ts'
import type { FsckReport } from '../../src/cli/services.ts'
import { openAuthority } from '../../src/main/authority.ts'
import { fsckAuthority } from '../../src/main/fsck-authority.ts'
import { initAuthority } from '../../src/main/init-authority.ts'

const MASTER_KEY = Buffer.alloc(32, 7).toString('base64')
const masterKey = { kind: 'key', base64: MASTER_KEY } as const
/** The signing policies of every authority here: signs at once, after one approval, after its answer. */
export type PolicySlug = 'quick' | 'approved' | 'slow'

/** An answer of the server, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
  /** The body as JSON; an empty object where it is none. */
  readonly json: Readonly<Record<string, unknown>>
}

/** A call of the organization's API, without the part that all paths share. */
export interface ApiCall {
  readonly method: string
  readonly path: string
  readonly token: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** `chancery serve` as a child process on a directory that outlives it. */
export interface FaultyService extends AsyncDisposable {
  readonly directory: string
  readonly admin: string
  readonly submitter: string
  readonly approver: string
  /** How it is started: arguments and environment of Node. */
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly pid: number
  readonly url: string
  /** What the server that runs now has printed. */
  output(): string
  /** @throws Error when the connection ends before the answer. */
  call(call: ApiCall): Promise<Answer>
  get(url: string): Promise<Answer>
  start(): Promise<void>
  stop(signal: NodeJS.Signals): Promise<void>
  fsck(): Promise<FsckReport>
}

/**
 * Makes an authority with its policies in an empty directory, and serves it.
 *
 * @param compileCache A directory where Node keeps its compiled code, for a server that is started often.
 */
export async function startFaultyService(
  directory: string,
  compileCache?: string,
): Promise<FaultyService> {
  const env = environmentOf(compileCache)
  const created = await initAuthority({
    dataDirectory: directory,
    organizationName: 'Acme',
    masterKey,
  })
  const users = await configure(directory, created.apiToken)
  const command = [
    chanceryPath,
    'serve',
    '--data-dir',
    directory,
    '--listen',
    '127.0.0.1:0',
    '--quiet',
  ]
  let agent = new Agent({ keepAlive: true })
  let running: { readonly program: RunningProgram; readonly url: string } | undefined
  const now = (): NonNullable<typeof running> => {
    if (running === undefined) throw new Error('the server does not run')
    return running
  }
  const service: FaultyService = {
    directory,
    command,
    env,
    admin: created.apiToken,
    ...users,
    get pid() {
      return now().program.child.pid ?? 0
    },
    get url() {
      return now().url
    },
    output: () => now().program.output(),
    call: ({ path, token, headers, ...rest }) =>
      exchange(agent, `${now().url}/Api/v1/${created.organizationId}/${path}`, {
        ...rest,
        headers: { authorization: `Bearer ${token}`, ...headers },
      }),
    get: (url) => exchange(agent, `${now().url}${url}`, { method: 'GET' }),
    async start() {
      const { program, match } = await startProgram(
        process.execPath,
        command,
        /^Listening on (http:\/\/127\.0\.0\.1:\d+)$/m,
        { env },
      )
      running = { program, url: match[1] ?? '' }
    },
    async stop(signal) {
      await running?.program.stop(signal)
      agent.destroy()
      agent = new Agent({ keepAlive: true })
    },
    fsck: () => fsckAuthority({ dataDirectory: directory, masterKey }),
    async [Symbol.asyncDispose]() {
      await service.stop('SIGKILL')
    },
  }
  await service.start()
  if (compileCache !== undefined) {
    // Node writes it at an orderly end.
    await service.stop('SIGTERM')
    await service.start()
  }
  return service
}

/** Without what the person who runs the tests has set for an authority of their own. */
function environmentOf(compileCache: string | undefined): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('CHANCERY_'))
  return {
    ...Object.fromEntries(others),
    CHANCERY_MASTER_KEY: MASTER_KEY,
    ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
  }
}

async function configure(
  directory: string,
  adminToken: string,
): Promise<{ submitter: string; approver: string }> {
  await using authority = await openAuthority({
    dataDirectory: directory,
    masterKey,
    report: (what, error) => {
      throw new Error(what, { cause: error })
    },
  })
  const { administration, authenticate } = authority.services
  const principal = authenticate(`Bearer ${adminToken}`)
  const caller = { principal, address: '127.0.0.1', requestId: 'setup' }
  const addUser = async (name: string): Promise<{ id: string; token: string }> => {
    const { id } = await administration.createUser(caller, 'ci', { name, roles: [] })
    const { apiToken } = await administration.createApiToken(caller, id, {})
    return { id, token: apiToken }
  }
  const submitter = await addUser('ci')
  const approver = await addUser('approver')
  for (const [slug, algorithm] of [
    ['fast-key', 'ecdsa-p256'],
    ['slow-key', 'rsa-3072'],
  ] as const) {
    const subject = { commonName: slug }
    await administration.createSelfSignedX509(caller, { slug, name: slug, algorithm, subject })
  }
  await administration.createProject(caller, { slug: 'app', name: 'App' })
  const addPolicy = (slug: PolicySlug, more: Partial<CreateSigningPolicy>) =>
    administration.createSigningPolicy(caller, 'app', {
      slug,
      name: slug,
      certificateSlug: 'fast-key',
      submitters: { users: [submitter.id], groups: [] },
      allowedImages: ['registry.acme.test/team/**'],
      ...more,
    })
  await addPolicy('quick', { allowHashSigning: true })
  await addPolicy('approved', {
    requiredApprovals: 1,
    approvers: { users: [approver.id], groups: [] },
  })
  await addPolicy('slow', { certificateSlug: 'slow-key' })
  return { submitter: submitter.token, approver: approver.token }
}

async function exchange(
  agent: Agent,
  url: string,
  call: Omit<ApiCall, 'path' | 'token'>,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const { method, headers, body } = call
  const outgoing = startRequest(url, { agent, method, headers, timeout: 120_000 }, (incoming) => {
    const chunks: Uint8Array[] = []
    incoming.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    incoming.on('error', reject)
    incoming.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const isJson = incoming.headers['content-type']?.includes('json') === true
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        body: new Uint8Array(bytes),
        json: isJson ? (JSON.parse(bytes.toString('utf8')) as Record<string, unknown>) : {},
      })
    })
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer from ${url}`)))
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise
}

/** `SubmitWithPayload`: one bare file. */
export function payloadCall(
  service: FaultyService,
  signingPolicySlug: PolicySlug,
  payload: Uint8Array = payloadFor(),
): ApiCall {
  return jsonCall(service.submitter, 'SigningRequests/SubmitWithPayload', {
    projectSlug: 'app',
    signingPolicySlug,
    payload: Buffer.from(payload).toString('base64'),
  })
}

/** `SignHash`. */
export function hashCall(service: FaultyService, hash: Uint8Array): ApiCall {
  return jsonCall(service.submitter, 'SigningRequests/SignHash', {
    projectSlug: 'app',
    signingPolicySlug: 'quick',
    artifactConfigurationSlug: null,
    description: null,
    hashSigningData: {
      signatureAlgorithm: 'Ecdsa',
      hash: Buffer.from(hash).toString('base64'),
    },
  })
}

/**
 * `SubmitWithArtifact`: a ZIP with one payload.
 *
 * @param annotationCharacters Makes it larger: from 600,000 on it is kept in a file of its own.
 */
export async function artifactCall(
  service: FaultyService,
  signingPolicySlug: PolicySlug,
  annotationCharacters = 0,
): Promise<ApiCall> {
  const zip = writeZip(
    [{ path: 'payload.json', bytes: payloadOf(annotationCharacters) }],
    new Date(0),
  )
  const form = new FormData()
  form.set('ProjectSlug', 'app')
  form.set('SigningPolicySlug', signingPolicySlug)
  form.set('Artifact', new Blob([new Uint8Array(zip)]), 'payload.json.zip')
  const encoded = new Response(form)
  return {
    method: 'POST',
    path: 'SigningRequests/SubmitWithArtifact',
    token: service.submitter,
    headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
    body: new Uint8Array(await encoded.arrayBuffer()),
  }
}

/** A payload with a random annotation, which no compression makes smaller than half of it. */
export function payloadOf(annotationCharacters: number): Uint8Array {
  if (annotationCharacters === 0) return payloadFor()
  const payload = JSON.parse(Buffer.from(payloadFor()).toString('utf8')) as Record<string, unknown>
  payload['optional'] = { note: randomBytes(annotationCharacters / 2).toString('hex') }
  return new TextEncoder().encode(JSON.stringify(payload))
}

/** A call with a JSON body. */
export function jsonCall(token: string, path: string, body: object): ApiCall {
  return {
    method: 'POST',
    path,
    token,
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify(body)),
  }
}

/** The files beside the database are those that the database speaks of, and nothing else. */
export function requireNoLitter(directory: string): void {
  const database = new Database(join(directory, 'chancery.db'), { readonly: true })
  const expected = database
    .prepare("SELECT signing_request_id || '.' || role FROM artifacts WHERE bytes IS NULL")
    .pluck()
    .all()
  database.close()
  assert.deepEqual(readdirSync(join(directory, 'artifacts')).sort(), expected.sort())
}
