import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InjectOptions } from 'fastify'
import { createApp } from '../../src/http/app.ts'
import type {
  SigningRequestRecord,
  SigningService,
  Submission,
} from '../../src/signing/signing-service.ts'
import { BEARER, ORGANIZATION, REQUEST, servicesOf, SUBMITTED } from './services.ts'

const BASE = `/Api/v1/${ORGANIZATION}/SigningRequests`

interface Received {
  submission?: Submission
  fileName?: string
  bytes?: string
  isEntry?: boolean
}

/** An app whose signing service keeps what it is given. */
function appThatKeeps(
  received: Received,
  more: Partial<SigningService> = {},
): ReturnType<typeof createApp> {
  return createApp(
    servicesOf({
      signing: {
        submitWithArtifact: async (_caller, submission, { fileName, bytes, isEntry }) => {
          Object.assign(received, {
            submission,
            fileName,
            bytes: Buffer.from(bytes).toString(),
            isEntry,
          })
          return SUBMITTED
        },
        submitWithoutArtifact: async (_caller, submission, metadata) => {
          Object.assign(received, { submission, ...metadata })
          return {
            ...SUBMITTED,
            status: 'WaitingForArtifactUpload',
            isFinalStatus: false,
            signatures: [],
          }
        },
        uploadUnsignedArtifact: async (_caller, id, bytes) => {
          Object.assign(received, { id, bytes: Buffer.from(bytes).toString() })
          return SUBMITTED
        },
        ...more,
      },
    }),
  )
}

function post(url: string, contentType: string, payload: string): InjectOptions {
  return {
    method: 'POST',
    url,
    headers: { authorization: BEARER, 'content-type': contentType, host: 'signing.example:7080' },
    payload,
  }
}

function lines(...text: readonly string[]): string {
  return text.join('\r\n')
}

/** .NET's `MultipartFormDataContent`, as the PowerShell module fills it. */
const POWERSHELL = lines(
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Disposition: form-data; name=ProjectSlug',
  '',
  'my-project',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Disposition: form-data; name=SigningPolicySlug',
  '',
  'release-signing',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Disposition: form-data; name=Description',
  '',
  '',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Disposition: form-data; name=Origin.RepositoryData.Url',
  '',
  'https://git.example/app.git',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  "Content-Disposition: form-data; name=Origin.BuildData.BuildSettingsFile; filename=build.yml; filename*=utf-8''build.yml",
  '',
  'steps: []',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Disposition: form-data; name=Parameters.Version',
  '',
  '1.0',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11',
  'Content-Type: application/octet-stream',
  "Content-Disposition: form-data; name=Artifact; filename=payload.json.zip; filename*=utf-8''payload.json.zip",
  '',
  'PK\u0003\u0004',
  '--0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11--',
  '',
)
const POWERSHELL_TYPE = 'multipart/form-data; boundary="0d5c2b3e-5a3c-4b1a-9d54-1f2f0a7a8e11"'

/** `curl -F project-slug... -F "artifact=@payload.json.zip"` of the documentation. */
const CURL = lines(
  '--------------------------d74496d66958873e',
  'Content-Disposition: form-data; name="projectSlug"',
  '',
  'my-project',
  '--------------------------d74496d66958873e',
  'Content-Disposition: form-data; name="signingPolicySlug"',
  '',
  'release-signing',
  '--------------------------d74496d66958873e',
  'Content-Disposition: form-data; name="artifact"; filename="payload.json.zip"',
  'Content-Type: application/zip',
  '',
  'PK\u0003\u0004',
  '--------------------------d74496d66958873e--',
  '',
)
const CURL_TYPE = 'multipart/form-data; boundary=------------------------d74496d66958873e'

describe('compatibility 1: paths', () => {
  it('are the same in any case, parameters keep theirs', async () => {
    const seen: string[] = []
    const app = createApp(
      servicesOf({
        administration: {
          getCertificate: (_caller, certificate) => {
            seen.push(certificate)
            return {} as never
          },
        },
      }),
    )
    for (const path of [
      `/Api/v1/${ORGANIZATION}/Certificates/Release_Certificate`,
      `/API/v1/${ORGANIZATION.toUpperCase()}/certificates/Release_Certificate`,
      `/api/V1/${ORGANIZATION}/CERTIFICATES/Release_Certificate/`,
    ]) {
      const { statusCode } = await app.inject({ url: path, headers: { authorization: BEARER } })
      assert.equal(statusCode, 200, path)
    }
    assert.deepEqual(seen, ['Release_Certificate', 'Release_Certificate', 'Release_Certificate'])
  })

  it('of v1-pre work for the certificate of a request, for requests and for the audit log', async () => {
    const app = createApp(
      servicesOf({
        audit: {
          list: (_caller, query) => {
            assert.ok(query.type === undefined || query.type === 'SigningRequest.*')
            return { events: [] }
          },
          export: () => assert.fail(),
          verify: () => assert.fail(),
        },
        signing: {
          downloadX509Certificate: async () => ({
            fileName: 'c.cer',
            mediaType: 'application/pkix-cert',
            bytes: Buffer.from('DER'),
          }),
          getStatus: () => SUBMITTED,
          list: () => ({ signingRequests: [], next: null }),
        },
      }),
    )
    for (const path of [
      `SigningRequests/${REQUEST}/X509Certificate`,
      `SigningRequests/${REQUEST}/Status`,
      'SigningRequests',
      'AuditLog/Events',
      'AuditLog/SigningRequestEvents',
    ]) {
      const url = `/Api/v1-pre/${ORGANIZATION}/${path}`
      assert.equal(
        (await app.inject({ url, headers: { authorization: BEARER } })).statusCode,
        200,
        path,
      )
    }
  })
})

describe('compatibility 2: forms', () => {
  it('of the PowerShell module are read', async () => {
    const received: Received = {}
    const app = appThatKeeps(received)
    const answer = await app.inject(post(BASE, POWERSHELL_TYPE, POWERSHELL))
    assert.equal(answer.statusCode, 201, answer.body)
    const { origin, ...submission } = received.submission!
    assert.deepEqual(submission, {
      projectSlug: 'my-project',
      signingPolicySlug: 'release-signing',
      parameters: { Version: '1.0' },
    })
    assert.equal(origin?.repositoryUrl, 'https://git.example/app.git')
    assert.equal(origin.buildSettingsFile?.fileName, 'build.yml')
    assert.equal(Buffer.from(origin.buildSettingsFile.bytes).toString(), 'steps: []')
    assert.deepEqual(
      [received.fileName, received.bytes, received.isEntry],
      ['payload.json.zip', 'PK\u0003\u0004', false],
    )
  })

  it('of curl are read', async () => {
    const received: Received = {}
    const answer = await appThatKeeps(received).inject(
      post(`${BASE}/SubmitWithArtifact`, CURL_TYPE, CURL),
    )
    assert.equal(answer.statusCode, 201, answer.body)
    assert.deepEqual(received.submission, {
      projectSlug: 'my-project',
      signingPolicySlug: 'release-signing',
      parameters: {},
    })
    assert.equal(received.bytes, 'PK\u0003\u0004')
  })

  it('of the Maven plugin are read, with Parameters[name]', async () => {
    const received: Received = {}
    const body = lines(
      '--xYz',
      'Content-Disposition: form-data; name="ProjectSlug"',
      'Content-Type: text/plain; charset=ISO-8859-1',
      'Content-Transfer-Encoding: 8bit',
      '',
      'my-project',
      '--xYz',
      'Content-Disposition: form-data; name="SigningPolicySlug"',
      '',
      'release-signing',
      '--xYz',
      'Content-Disposition: form-data; name="Parameters[productVersion]"',
      '',
      '1.2.3',
      '--xYz',
      'Content-Disposition: form-data; name="Artifact"; filename="app.zip"',
      'Content-Type: application/octet-stream',
      'Content-Transfer-Encoding: binary',
      '',
      'bytes',
      '--xYz--',
      '',
    )
    const answer = await appThatKeeps(received).inject(
      post(BASE, 'multipart/form-data; boundary=xYz', body),
    )
    assert.equal(answer.statusCode, 201, answer.body)
    assert.deepEqual(received.submission?.parameters, { productVersion: '1.2.3' })
  })

  it('of the Jenkins plugin are read: the announcement, then the raw bytes', async () => {
    const received: Received & { sha256Hash?: string; id?: string } = {}
    const app = appThatKeeps(received)
    const field = (name: string, value: string): string =>
      lines(
        '--J',
        `Content-Disposition: form-data; name="${name}"`,
        'Content-Type: text/plain; charset=UTF-8',
        '',
        value,
        '',
      )
    const body =
      field('ProjectSlug', 'my-project') +
      field('SigningPolicySlug', 'release-signing') +
      field('UnsignedArtifactMetadata.FileName', 'app.zip') +
      field('UnsignedArtifactMetadata.Sha256Hash', 'AB'.repeat(32)) +
      field('Origin.RepositoryData.SourceControlManagementType', 'git') +
      field('Parameters.v', '1') +
      '--J--\r\n'
    const submitted = await app.inject(
      post(`${BASE}/SubmitWithoutArtifact`, 'multipart/form-data; boundary=J', body),
    )
    assert.equal(submitted.statusCode, 201, submitted.body)
    assert.equal(received.sha256Hash, 'ab'.repeat(32))
    assert.equal(received.submission?.origin?.sourceControlManagementType, 'git')
    const { uploadLink } = submitted.json<{ uploadLink: string }>()
    assert.equal(uploadLink, `http://signing.example:7080${BASE}/${REQUEST}/UploadUnsignedArtifact`)
    const raw = post(new URL(uploadLink).pathname, 'application/octet-stream', 'raw bytes')
    const uploaded = await app.inject(raw)
    assert.equal(uploaded.statusCode, 202)
    assert.deepEqual([received.bytes, received.id], ['raw bytes', REQUEST])
    const untyped = await app.inject({ ...raw, headers: { authorization: BEARER } })
    assert.equal(untyped.statusCode, 202)
  })

  it('are refused with parts given twice, unknown parts, and files in the place of fields', async () => {
    const app = appThatKeeps({})
    const refusals: [string, string][] = [
      [CURL.replace('name="signingPolicySlug"', 'name="PROJECTSLUG"'), 'ProjectSlug'],
      [CURL.replace('signingPolicySlug', 'signingPolicy'), 'SigningPolicy'],
      [CURL.replace('name="projectSlug"', 'name="projectSlug"; filename="x"'), 'ProjectSlug'],
      [CURL.replace('; filename="payload.json.zip"', ''), 'Artifact'],
      [CURL.replace('my-project', 'My Project'), 'ProjectSlug'],
      [CURL.replace('"artifact"', '"artefact"'), 'Artefact'],
      [
        POWERSHELL.replace('name=SigningPolicySlug', 'name=Parameters[Version]'),
        'Parameters.Version',
      ],
    ]
    for (const [body, field] of refusals) {
      const type = body.startsWith('--0d') ? POWERSHELL_TYPE : CURL_TYPE
      const answer = await app.inject(post(BASE, type, body))
      assert.equal(answer.statusCode, 400, answer.body)
      assert.ok(Object.hasOwn(answer.json<{ errors: object }>().errors, field), answer.body)
    }
  })
})

describe('compatibility 3 and 4: answers', () => {
  it('of a submission have an absolute Location that ends in the id, and the same in JSON', async () => {
    const app = appThatKeeps({})
    for (const path of [BASE, `${BASE}/SubmitWithArtifact`, BASE.replace('/Api', '/API')]) {
      const answer = await app.inject(post(path, CURL_TYPE, CURL))
      assert.equal(answer.headers.location, `http://signing.example:7080${BASE}/${REQUEST}`)
      assert.match(
        answer.headers.location,
        /SigningRequests\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      )
      assert.deepEqual(answer.json(), {
        signingRequestId: REQUEST,
        status: 'Completed',
        workflowStatus: 'Completed',
        isFinalStatus: true,
        webLink: `http://signing.example:7080/Web/${ORGANIZATION}/SigningRequests/${REQUEST}`,
      })
    }
  })

  it('start with the public address where one is configured, and never with forwarded headers', async () => {
    const signing = { submitWithArtifact: async () => SUBMITTED }
    const forwarded = post(BASE, CURL_TYPE, CURL)
    Object.assign(forwarded.headers!, {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    })
    const plain = await createApp(servicesOf({ signing })).inject(forwarded)
    assert.ok(plain.headers.location?.startsWith('http://signing.example:7080/'))
    const configured = createApp(servicesOf({ signing }), {
      publicUrl: 'https://sign.corp.example/chancery',
    })
    const answer = await configured.inject(forwarded)
    assert.ok(answer.headers.location?.startsWith('https://sign.corp.example/chancery/Api/v1/'))
    for (const host of ['evil.example/path', 'a b', 'user@host', 'host:port', '"quoted"']) {
      const hostile = post(BASE, CURL_TYPE, CURL)
      Object.assign(hostile.headers!, { host })
      const { statusCode } = await createApp(servicesOf({ signing })).inject(hostile)
      assert.equal(statusCode, 400, host)
    }
  })

  it('about one request have links as soon as it exists, and none to deleted artifacts', async () => {
    const record = {
      ...SUBMITTED,
      id: REQUEST,
      origin: null,
      parameters: {},
      hasUnsignedArtifact: false,
      areArtifactsDeleted: false,
    }
    let shown = record as unknown as SigningRequestRecord
    const app = createApp(servicesOf({ signing: { get: () => shown } }))
    const url = `${BASE}/${REQUEST}`
    const headers = { authorization: BEARER, host: 'h' }
    const early = (await app.inject({ url, headers })).json<Record<string, unknown>>()
    assert.equal(early['isFinalStatus'], true)
    assert.equal(early['signedArtifactLink'], `http://h${url}/SignedArtifact`)
    assert.equal('unsignedArtifactLink' in early, false)
    assert.equal('origin' in early, false)
    assert.equal('hasUnsignedArtifact' in early, false)
    shown = {
      ...shown,
      hasUnsignedArtifact: true,
      areArtifactsDeleted: true,
      origin: {
        branchName: 'main',
        buildSettingsFile: { fileName: 'b.yml', bytes: new Uint8Array() },
      },
    }
    const late = (await app.inject({ url, headers })).json<Record<string, unknown>>()
    assert.equal('signedArtifactLink' in late, false)
    assert.equal('unsignedArtifactLink' in late, false)
    assert.deepEqual(late['origin'], {
      buildData: {
        buildSettingsFile: { fileName: 'b.yml', downloadLink: `http://h${url}/BuildSettingsFile` },
      },
      repositoryData: { branchName: 'main' },
    })
  })

  it('with a file say its name in both forms', async () => {
    const app = createApp(
      servicesOf({
        signing: {
          downloadSignedArtifact: async () => ({
            fileName: 'über "uns".zip',
            mediaType: 'application/zip',
            bytes: new Uint8Array(Buffer.from('..PK..')).subarray(2, 4),
          }),
        },
      }),
    )
    const answer = await app.inject({
      url: `${BASE}/${REQUEST}/SignedArtifact`,
      headers: { authorization: BEARER },
    })
    assert.equal(answer.body, 'PK')
    assert.equal(
      answer.headers['content-disposition'],
      `attachment; filename="_ber _uns_.zip"; filename*=UTF-8''%C3%BCber%20%22uns%22.zip`,
    )
  })
})

describe('compatibility 6: errors', () => {
  it('are problem documents with errors, title, status and traceId', async () => {
    const answer = await createApp(servicesOf()).inject({ url: BASE })
    assert.equal(answer.statusCode, 401)
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
    assert.equal(answer.headers['www-authenticate'], 'Bearer')
    const { traceId, instance, ...problem } = answer.json<Record<string, string>>()
    assert.match(traceId!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    assert.equal(instance, answer.headers['x-request-id'])
    assert.deepEqual(problem, {
      errors: { '': ['the token is not accepted'] },
      type: 'urn:chancery:error:ERR_IDENTITY_UNAUTHENTICATED',
      title: 'No API token, or one that is not accepted',
      status: 401,
      detail: 'the token is not accepted',
    })
  })
})

describe('compatibility 7: retried calls', () => {
  it('carry their idempotency key to the service', async () => {
    const received: Received = {}
    const app = appThatKeeps(received)
    const call = post(BASE, CURL_TYPE, CURL)
    const send = (key: string) =>
      app.inject({ ...call, headers: { ...call.headers, 'idempotency-key': key } })
    assert.equal((await send('build-17~1')).statusCode, 201)
    assert.equal(received.submission?.idempotencyKey, 'build-17~1')
    for (const key of ['', 'with space', 'ü', 'x'.repeat(201)]) {
      assert.equal((await send(key)).statusCode, 400, key)
    }
  })
})

describe('decisions', () => {
  it('take no body, JSON or a form', async () => {
    const reasons: (string | undefined)[] = []
    const decide = async (_caller: unknown, _id: string, reason: string | undefined) => {
      reasons.push(reason)
      return SUBMITTED
    }
    const app = createApp(
      servicesOf({ signing: { approve: decide, deny: decide, cancel: async () => SUBMITTED } }),
    )
    const url = `${BASE}/${REQUEST.toUpperCase()}`
    const headers = { authorization: BEARER }
    assert.equal(
      (await app.inject({ method: 'POST', url: `${url}/Approve`, headers })).statusCode,
      200,
    )
    assert.equal(
      (await app.inject(post(`${url}/Deny`, 'application/json', '{"Reason":"a"}'))).statusCode,
      200,
    )
    assert.equal(
      (await app.inject(post(`${url}/Deny`, 'application/x-www-form-urlencoded', 'reason=b+c')))
        .statusCode,
      200,
    )
    const form = lines('--b', 'Content-Disposition: form-data; name=Reason', '', 'd', '--b--')
    assert.equal(
      (await app.inject(post(`${url}/Deny`, 'multipart/form-data; boundary=b', form))).statusCode,
      200,
    )
    assert.equal((await app.inject(post(`${url}/Deny`, 'application/json', ''))).statusCode, 200)
    assert.equal(
      (await app.inject(post(`${url}/Cancel`, 'application/json', '{}'))).statusCode,
      200,
    )
    assert.equal(
      (await app.inject(post(`${url}/Cancel`, 'application/json', '{"x":1}'))).statusCode,
      400,
    )
    assert.equal((await app.inject(post(`${url}/Deny`, 'text/plain', 'no'))).statusCode, 415)
    assert.deepEqual(reasons, [undefined, 'a', 'b c', 'd', undefined])
  })
})
