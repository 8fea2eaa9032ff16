import assert from 'node:assert/strict'
import { createHash, verify, X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { readZip } from '../../src/format/zip-reader.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { createApp } from '../../src/http/app.ts'
import type { SigningRequestRecord } from '../../src/signing/signing-service.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestProject,
} from '../support/authority.ts'
import {
  curlForm,
  jenkinsForm,
  mavenForm,
  powerShellForm,
  type ClientForm,
  type Submittable,
} from './client-forms.ts'
import { BEARER, ORGANIZATION, REQUEST, servicesOf, SUBMITTED } from './services.ts'

const CONFIGURATION = `<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
  <parameters><parameter name="Version" /></parameters>
  <zip-file>
    <file path="payload.json">
      <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" rsa-padding="pkcs1" />
    </file>
  </zip-file>
</artifact-configuration>`
const PAYLOAD = payloadFor()
const ARTIFACT: Submittable = {
  zip: writeZip([{ path: 'payload.json', bytes: PAYLOAD }], new Date('2026-01-01T00:00:00Z')),
  isVersioned: true,
}
const ZIP_HASH = createHash('sha256').update(ARTIFACT.zip).digest('hex')

/** A signing request as JSON, as far as clients look at it. */
interface View {
  readonly status: string
  readonly workflowStatus: string
  readonly isFinalStatus: boolean
  readonly signingRequestId: string
  readonly webLink: string
  readonly signedArtifactLink?: string
  readonly unsignedArtifactLink?: string
  readonly uploadLink?: string
  readonly parameters: object
  readonly description: string | null
  readonly fileName: string
  readonly origin?: {
    readonly buildData: {
      readonly buildSettingsFile?: { readonly fileName: string; readonly downloadLink: string }
    }
    readonly repositoryData: Readonly<Record<string, string>>
  }
}

let authority: TestAuthority
let project: TestProject
let app: FastifyInstance
let origin = ''
let base = ''

before(async () => {
  authority = await startAuthority()
  project = await addProject(authority, { approverCount: 1 })
  const admin = authority.admin.caller()
  await authority.services.administration.editArtifactConfigurationXml(admin, 'app', 'initial', {
    xml: CONFIGURATION,
  })
  app = createApp(authority.services)
  await app.listen({ port: 0, host: '127.0.0.1' })
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  base = `${origin}/Api/v1/${authority.organizationId}`
})
after(async () => {
  await app.close()
  await authority[Symbol.asyncDispose]()
})

function get(url: string): Promise<Response> {
  return fetch(url, { headers: { authorization: project.submitter.authorization } })
}

async function view(url: string): Promise<View> {
  const answer = await get(url)
  assert.equal(answer.status, 200)
  return (await answer.json()) as View
}

function post(
  url: string,
  { contentType, body }: ClientForm,
  more: Record<string, string> = {},
): Promise<Response> {
  const headers = {
    authorization: project.submitter.authorization,
    'content-type': contentType,
    ...more,
  }
  return fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })
}

/** The signed archive holds the original and a signature that verifies. */
async function checkSigned(location: string): Promise<View> {
  const request = await view(location)
  assert.equal(request.status, 'Completed')
  assert.equal(request.isFinalStatus, true)
  const signed = await get(request.signedArtifactLink!)
  assert.equal(signed.status, 200)
  assert.match(signed.headers.get('content-disposition')!, /filename\*=UTF-8''payload\.json\.zip$/)
  const entries = new Map(
    readZip(await signed.bytes()).entries.map((entry) => [entry.path, entry.read()]),
  )
  assert.deepEqual([...entries.keys()], ['payload.json', 'payload.json.sig'])
  assert.ok(Buffer.from(entries.get('payload.json')!).equals(PAYLOAD))
  const certificate = await get(`${location.replace('/v1/', '/v1-pre/')}/X509Certificate`)
  const { publicKey } = new X509Certificate(await certificate.bytes())
  assert.ok(verify('sha256', PAYLOAD, publicKey, entries.get('payload.json.sig')!))
  return request
}

describe('compatibility 1: paths', () => {
  it('are the same in any case', async () => {
    const upper = authority.organizationId.toUpperCase()
    for (const path of ['/Api/v1', '/API/v1', '/api/V1']) {
      for (const rest of [
        `/${authority.organizationId}/Certificates`,
        `/${upper}/certificates/`,
        `/{${upper}}/CERTIFICATES`,
      ]) {
        assert.equal((await get(origin + path + rest)).status, 200, path + rest)
      }
    }
  })

  it('keep the case of parameters', async () => {
    const seen: string[] = []
    const getCertificate = (_caller: unknown, certificate: string): never => {
      seen.push(certificate)
      return {} as never
    }
    const url = `/api/v1/${ORGANIZATION}/certificates/Release_Certificate`
    await createApp(servicesOf({ administration: { getCertificate } })).inject({
      url,
      headers: { authorization: BEARER },
    })
    assert.deepEqual(seen, ['Release_Certificate'])
  })

  it('of v1-pre work for requests, their certificate and the audit log', async () => {
    const submitted = await post(
      `${base.replace('v1', 'v1-pre')}/SigningRequests`,
      curlForm(ARTIFACT),
    )
    assert.equal(submitted.status, 201)
    const id = submitted.headers.get('location')!.split('/').at(-1)!
    const pre = base.replace('v1', 'v1-pre')
    for (const path of [
      '',
      `/${id}`,
      `/${id}/Status`,
      `/${id}/X509Certificate`,
      `/${id}/SignedArtifact`,
    ]) {
      assert.equal((await get(`${pre}/SigningRequests${path}`)).status, 200, path)
    }
    const headers = { authorization: authority.admin.authorization }
    const events = await fetch(`${pre}/AuditLog/SigningRequestEvents`, { headers })
    const { events: listed } = (await events.json()) as { events: { type: string }[] }
    assert.ok(listed.length > 0)
    assert.ok(listed.every(({ type }) => type.startsWith('SigningRequest.')))
    assert.equal((await fetch(`${pre}/AuditLog/Events`, { headers })).status, 200)
  })
})

describe('compatibility 2 and 3: submissions', () => {
  const forms = { PowerShell: powerShellForm, curl: curlForm, Maven: mavenForm }
  for (const [client, formOf] of Object.entries(forms)) {
    for (const route of ['SigningRequests', 'SigningRequests/SubmitWithArtifact']) {
      it(`of ${client} to ${route} are signed`, async () => {
        const submitted = await post(`${base}/${route}`, formOf(ARTIFACT))
        assert.equal(submitted.status, 201)
        const location = submitted.headers.get('location')!
        assert.ok(location.startsWith(`${base}/SigningRequests/`))
        assert.match(location, /SigningRequests\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
        const { signingRequestId, webLink, status, workflowStatus, isFinalStatus } =
          (await submitted.json()) as View
        assert.equal(location.split('/').at(-1), signingRequestId)
        assert.ok(webLink.startsWith(`${origin}/Web/`))
        assert.equal((await fetch(webLink)).status, 200)
        assert.deepEqual([status, workflowStatus, isFinalStatus], ['Completed', 'Completed', true])
        const request = await checkSigned(location)
        assert.equal(request.fileName, 'payload.json.zip')
        assert.deepEqual(request.parameters, client === 'curl' ? {} : { Version: '1.0' })
      })
    }
  }

  it('of a trusted build system keep their origin and its file, others do not', async () => {
    const admin = authority.admin.caller()
    const { administration } = authority.services
    const made = await administration.addCustomTrustedBuildSystem(admin, {
      slug: 'pipeline',
      name: 'Pipeline',
    })
    const authorization = `${project.submitter.authorization}:${made.trustedBuildSystemToken}`
    const trusted = await post(`${base}/SigningRequests`, powerShellForm(ARTIFACT), {
      authorization,
    })
    const { origin: kept, description } = await view(trusted.headers.get('location')!)
    assert.equal(description, null)
    assert.equal(kept?.repositoryData['url'], 'https://git.example/app.git')
    const file = kept.buildData.buildSettingsFile
    assert.equal(file?.fileName, 'build.yml')
    assert.equal(await (await get(file.downloadLink)).text(), 'steps: []')
    const untrusted = await post(`${base}/SigningRequests`, powerShellForm(ARTIFACT))
    assert.equal((await view(untrusted.headers.get('location')!)).origin, undefined)
  })

  it('of the Jenkins plugin take two steps', async () => {
    const submitted = await post(
      `${base}/SigningRequests/SubmitWithoutArtifact`,
      jenkinsForm(ZIP_HASH.toUpperCase(), ARTIFACT),
    )
    assert.equal(submitted.status, 201)
    const { uploadLink, status, isFinalStatus } = (await submitted.json()) as View
    assert.deepEqual([status, isFinalStatus], ['WaitingForArtifactUpload', false])
    const location = submitted.headers.get('location')!
    assert.equal(uploadLink, `${location}/UploadUnsignedArtifact`)
    const waiting = await view(location)
    assert.equal(waiting.unsignedArtifactLink, undefined)
    assert.equal((await get(waiting.signedArtifactLink!)).status, 400)
    const wrong = await post(uploadLink, {
      contentType: 'application/octet-stream',
      body: Buffer.from('other'),
    })
    assert.equal(wrong.status, 400)
    const uploaded = await post(uploadLink, {
      contentType: 'application/octet-stream',
      body: Buffer.from(ARTIFACT.zip),
    })
    assert.equal(uploaded.status, 202)
    await checkSigned(location)
  })

  it('name a file in any script', async () => {
    const text = curlForm(ARTIFACT).body.toString('latin1')
    const name = `filename="x"; filename*=UTF-8''%C3%BCber%20%22uns%22%20%E2%82%AC.zip`
    const body = Buffer.from(text.replace('filename="payload.json.zip"', name), 'latin1')
    const submitted = await post(`${base}/SigningRequests`, { ...curlForm(ARTIFACT), body })
    const request = await view(submitted.headers.get('location')!)
    assert.equal(request.fileName, 'über "uns" €.zip')
    const unsigned = await get(request.unsignedArtifactLink!)
    assert.equal(
      unsigned.headers.get('content-disposition'),
      `attachment; filename="_ber _uns_ _.zip"; filename*=UTF-8''%C3%BCber%20%22uns%22%20%E2%82%AC.zip`,
    )
    assert.ok(Buffer.from(await unsigned.bytes()).equals(ARTIFACT.zip))
  })

  it('are refused with parts given twice, unknown parts, and files in the place of fields', async () => {
    const curl = curlForm(ARTIFACT)
    const power = powerShellForm(ARTIFACT)
    const refusals: [ClientForm, string, string, string][] = [
      [curl, 'name="signingPolicySlug"', 'name="PROJECTSLUG"', 'ProjectSlug'],
      [curl, 'signingPolicySlug', 'signingPolicy', 'SigningPolicy'],
      [curl, 'name="projectSlug"', 'name="projectSlug"; filename="x"', 'ProjectSlug'],
      [curl, '; filename="payload.json.zip"', '', 'Artifact'],
      [curl, '"artifact"', '"artefact"', 'Artefact'],
      [curl, '\r\napp\r\n', '\r\nMy App\r\n', 'ProjectSlug'],
      [power, 'name=SigningPolicySlug', 'name=Parameters[Version]', 'Parameters.Version'],
      [power, 'name=Parameters.Version', 'name=Parameters.version', 'Parameters'],
    ]
    for (const [client, from, to, field] of refusals) {
      const body = Buffer.from(client.body.toString('latin1').replace(from, to), 'latin1')
      const answer = await post(`${base}/SigningRequests`, { ...client, body })
      const text = await answer.text()
      assert.equal(answer.status, 400, text)
      const shown = Object.keys((JSON.parse(text) as { errors: object }).errors)
      assert.ok(
        shown.some((name) => name.startsWith(field)),
        `${field}: ${text}`,
      )
    }
  })
})

describe('compatibility 3 and 4: links', () => {
  const call = {
    method: 'POST' as const,
    url: `/Api/v1/${ORGANIZATION}/SigningRequests`,
    headers: {
      authorization: BEARER,
      host: 'signing.example:7080',
      'content-type': curlForm(ARTIFACT).contentType,
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    },
    payload: curlForm(ARTIFACT).body,
  }
  const services = servicesOf({ signing: { submitWithArtifact: async () => SUBMITTED } })

  it('start with the Host header or the public address, never with forwarded headers', async () => {
    const plain = await createApp(services).inject(call)
    assert.equal(plain.headers.location, `http://signing.example:7080${call.url}/${REQUEST}`)
    const publicUrl = 'https://sign.corp.example/chancery'
    const configured = await createApp(services, { publicUrl }).inject(call)
    assert.equal(configured.headers.location, `${publicUrl}${call.url}/${REQUEST}`)
  })

  it('are not made from a Host header that is none', async () => {
    const strict = createApp(services)
    for (const host of [
      'evil.example/path',
      'a b',
      'user@host',
      'host:port',
      '"quoted"',
      'host:123456',
    ]) {
      const answer = await strict.inject({ ...call, headers: { ...call.headers, host } })
      assert.equal(answer.statusCode, 400, host)
    }
    for (const host of ['localhost', '[::1]:7080', '192.0.2.1:80', 'a-b.example']) {
      const answer = await strict.inject({ ...call, headers: { ...call.headers, host } })
      assert.equal(answer.statusCode, 201, host)
    }
  })

  it('to artifacts end when retention has deleted them', async () => {
    const record = {
      ...SUBMITTED,
      id: REQUEST,
      origin: null,
      hasUnsignedArtifact: true,
      areArtifactsDeleted: true,
    }
    const deleted = createApp(
      servicesOf({ signing: { get: () => record as unknown as SigningRequestRecord } }),
    )
    const answer = await deleted.inject({
      url: `${call.url}/${REQUEST}`,
      headers: { authorization: BEARER },
    })
    const members = Object.keys(answer.json<object>())
    assert.ok(!members.includes('signedArtifactLink'))
    assert.ok(!members.includes('unsignedArtifactLink'))
    assert.ok(!members.includes('areArtifactsDeleted'))
  })
})

describe('compatibility 5: the bearer value', () => {
  it('is split at its first colon', async () => {
    const admin = authority.admin.caller()
    const { trustedBuildSystemToken } =
      await authority.services.administration.addCustomTrustedBuildSystem(admin, {
        slug: 'jenkins',
        name: 'Jenkins',
      })
    const statusOf = async (authorization: string): Promise<number> =>
      (await fetch(`${base}/CIUsers/Me`, { headers: { authorization } })).status
    const { authorization } = project.submitter
    assert.equal(await statusOf(`${authorization}:${trustedBuildSystemToken}`), 200)
    assert.equal(await statusOf(`${authorization}:${trustedBuildSystemToken}x`), 401)
    assert.equal(await statusOf(`${authorization}:x`), 401)
    assert.equal(await statusOf(`${authorization}x`), 401)
    assert.equal(await statusOf(authorization.replace('Bearer', 'bearer')), 200)
    assert.equal(await statusOf(authorization.replace('Bearer', 'Basic')), 401)
  })
})

describe('compatibility 6: errors', () => {
  it('are problem documents with errors, title, status and traceId', async () => {
    const body = Buffer.from(
      curlForm(ARTIFACT).body.toString('latin1').replace('\r\nrelease\r\n', '\r\nother\r\n'),
      'latin1',
    )
    const answer = await post(`${base}/SigningRequests`, { ...curlForm(ARTIFACT), body })
    assert.equal(answer.status, 400)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    const problem = (await answer.json()) as Record<string, unknown>
    assert.deepEqual(problem['errors'], {
      SigningPolicySlug: [
        "There is no signing policy with slug 'other' in the project with slug 'app'.",
      ],
    })
    assert.equal(typeof problem['title'], 'string')
    assert.equal(problem['status'], 400)
    assert.match(String(problem['traceId']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  it('of a refused credential name the scheme', async () => {
    const answer = await fetch(`${base}/SigningRequests`)
    assert.equal(answer.status, 401)
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
  })
})

describe('compatibility 7: retried calls', () => {
  it('with one idempotency key are one request', async () => {
    const send = (key: string, form = curlForm(ARTIFACT)) =>
      post(`${base}/SigningRequests`, form, { 'idempotency-key': key })
    const [first, second, other] = [
      await send('build-17~1'),
      await send('build-17~1'),
      await send('build-18'),
    ]
    assert.deepEqual([first.status, second.status, other.status], [201, 201, 201])
    assert.equal(second.headers.get('location'), first.headers.get('location'))
    assert.notEqual(other.headers.get('location'), first.headers.get('location'))
    assert.equal((await send('build-17~1', powerShellForm(ARTIFACT))).status, 409)
  })

  it('have a key of 1 to 200 visible ASCII characters', async () => {
    for (const key of ['', 'with space', 'x'.repeat(201)]) {
      const answer = await post(`${base}/SigningRequests`, curlForm(ARTIFACT), {
        'idempotency-key': key,
      })
      assert.equal(answer.status, 400, key)
    }
  })
})

describe('decisions', () => {
  const waiting = async (): Promise<string> => {
    const admin = authority.admin.caller()
    await authority.services.administration.editSigningPolicy(admin, 'app', 'release', {
      requiredApprovals: 1,
    })
    const submitted = await post(`${base}/SigningRequests`, curlForm(ARTIFACT))
    await authority.services.administration.editSigningPolicy(admin, 'app', 'release', {
      requiredApprovals: 0,
    })
    return submitted.headers.get('location')!
  }
  const decide = async (
    url: string,
    contentType?: string,
    body?: string,
  ): Promise<[number, unknown]> => {
    const type: Record<string, string> =
      contentType === undefined ? {} : { 'content-type': contentType }
    const { authorization } = project.approvers[0]!
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization, ...type },
      ...(body === undefined ? {} : { body }),
    })
    return [answer.status, ((await answer.json()) as { status: unknown }).status]
  }

  it('take no body, JSON or a form', async () => {
    const form = ['--b', 'Content-Disposition: form-data; name=Reason', '', 'why', '--b--'].join(
      '\r\n',
    )
    assert.deepEqual(await decide(`${await waiting()}/Approve`), [200, 'Completed'])
    assert.deepEqual(
      await decide(`${await waiting()}/Approve`, 'application/json', '{"Reason":"a"}'),
      [200, 'Completed'],
    )
    assert.deepEqual(await decide(`${await waiting()}/Deny`), [200, 'Denied'])
    const reasons: [string, string, string][] = [
      ['application/json', '{"Reason":"why"}', 'why'],
      ['application/x-www-form-urlencoded', 'reason=why+not', 'why not'],
      ['multipart/form-data; boundary=b', form, 'why'],
    ]
    for (const [contentType, body, reason] of reasons) {
      const location = await waiting()
      assert.deepEqual(await decide(`${location}/Deny`, contentType, body), [200, 'Denied'])
      const { approvals } = (await view(location)) as unknown as { approvals: { reason: string }[] }
      assert.equal(approvals[0]?.reason, reason)
    }
  })

  it('are refused with anything else', async () => {
    const location = await waiting()
    const statusOf = async (contentType: string, body: string): Promise<number> =>
      (await decide(`${location}/Deny`, contentType, body))[0]
    assert.equal(await statusOf('text/plain', 'no'), 415)
    assert.equal(await statusOf('application/json', '{"why":"no"}'), 400)
    assert.equal(await statusOf('application/json', '"no"'), 400)
    assert.equal(await statusOf('application/x-www-form-urlencoded', 'reason=a&reason=b'), 400)
    const canceled = await fetch(`${location}/Cancel`, {
      method: 'POST',
      headers: { authorization: project.submitter.authorization },
    })
    assert.equal(((await canceled.json()) as View).status, 'Canceled')
    assert.equal(await statusOf('application/json', ''), 409)
  })

  it('are made again by a resubmission, as a form or as JSON', async () => {
    const submitted = await post(`${base}/SigningRequests`, curlForm(ARTIFACT))
    const original = submitted.headers.get('location')!.split('/').at(-1)!
    const form = [
      '--b',
      'Content-Disposition: form-data; name=OriginalSigningRequestId',
      '',
      original.toUpperCase(),
    ]
    form.push('--b', 'Content-Disposition: form-data; name=SigningPolicySlug', '', 'release')
    form.push('--b', 'Content-Disposition: form-data; name=Description', '', '', '--b--')
    const json = JSON.stringify({
      originalSigningRequestId: original,
      signingPolicySlug: 'release',
    })
    const bodies: ClientForm[] = [
      { contentType: 'multipart/form-data; boundary=b', body: Buffer.from(form.join('\r\n')) },
      { contentType: 'application/json', body: Buffer.from(json) },
    ]
    for (const body of bodies) {
      const again = await post(`${base}/SigningRequests/Resubmit`, body)
      assert.equal(again.status, 201)
      const request = (await checkSigned(again.headers.get('location')!)) as unknown as {
        originalSigningRequestId: string
      }
      assert.equal(request.originalSigningRequestId, original)
    }
  })
})
