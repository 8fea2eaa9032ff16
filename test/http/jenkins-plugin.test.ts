import assert from 'node:assert/strict'
import { createHash, verify, X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { readZip } from '../../src/format/zip-reader.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { createApp } from '../../src/http/app.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestProject,
} from '../support/authority.ts'

const BOUNDARY = '11ef9b07-82c5-45f4-b730-fb00b1a7b65f'
const PAYLOAD = payloadFor()
const ARTIFACT = writeZip([{ path: 'payload.json', bytes: PAYLOAD }], new Date('2026-01-01'))
const SHA256 = createHash('sha256').update(ARTIFACT).digest('hex')
const SETTINGS = '<flow-definition/>\n'

/** A part as OkHttp 4 writes it, the HTTP library of the plugin: with its own Content-Length. */
function part(name: string, value: string, fileName?: string): string {
  const file =
    fileName === undefined
      ? ['']
      : [`; filename="${fileName}"`, 'Content-Type: application/octet-stream']
  const [suffix, ...type] = file
  return [
    `--${BOUNDARY}`,
    `Content-Disposition: form-data; name="${name}"${suffix}`,
    ...type,
    `Content-Length: ${Buffer.byteLength(value)}`,
    '',
    value,
    '',
  ].join('\r\n')
}

/** `SubmitWithoutArtifact` of the Jenkins plugin 3.3. */
const SUBMISSION = Buffer.from(
  [
    part('unsignedArtifactMetadata.fileName', 'payload.json.zip'),
    part('unsignedArtifactMetadata.sha256Hash', SHA256),
    part('ProjectSlug', 'app'),
    part('SigningPolicySlug', 'release'),
    part('Description', 'Jenkins job app #1'),
    part('Origin.BuildData.Url', 'https://jenkins.acme.test/job/app/1/'),
    part('Origin.BuildData.BuildSettingsFile', SETTINGS, 'BuildSettings.xml'),
    part('Origin.RepositoryData.BranchName', 'main'),
    part('Origin.RepositoryData.CommitId', '0123456789abcdef0123456789abcdef01234567'),
    part('Origin.RepositoryData.Url', 'https://git.acme.test/app.git'),
    part('Origin.RepositoryData.SourceControlManagementType', 'git'),
    `--${BOUNDARY}--\r\n`,
  ].join(''),
)

let authority: TestAuthority
let project: TestProject
let app: FastifyInstance
let requests = ''
let buildSystemToken = ''

before(async () => {
  authority = await startAuthority()
  project = await addProject(authority)
  const { administration } = authority.services
  const made = await administration.addCustomTrustedBuildSystem(authority.admin.caller(), {
    slug: 'jenkins',
    name: 'Jenkins',
  })
  buildSystemToken = made.trustedBuildSystemToken
  app = createApp(authority.services)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  requests = `http://127.0.0.1:${port}/Api/v1/${authority.organizationId}/SigningRequests`
})
after(async () => {
  await app.close()
  await authority[Symbol.asyncDispose]()
})

const userAgent = 'SignPath.Plugins.Jenkins/3.3.0 (OpenJDK 17; Jenkins 2.440)'

function submit(authorization: string): Promise<Response> {
  const headers = {
    authorization,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'user-agent': userAgent,
  }
  const url = `${requests}/SubmitWithoutArtifact`
  return fetch(url, { method: 'POST', headers, body: new Uint8Array(SUBMISSION) })
}

/** OkHttp sends a body of bytes without any type. */
function upload(url: string, bytes: Uint8Array): Promise<Response> {
  const headers = { authorization: project.submitter.authorization, 'user-agent': userAgent }
  return fetch(url, { method: 'POST', headers, body: new Uint8Array(bytes) })
}

async function read<T>(url: string): Promise<T> {
  const answer = await fetch(url, {
    headers: { authorization: project.submitter.authorization, 'user-agent': userAgent },
  })
  assert.equal(answer.status, 200, url)
  return (await answer.json()) as T
}

describe('the Jenkins plugin', () => {
  it('announces, uploads, polls and downloads, and its build system vouches for the origin', async () => {
    const submitted = await submit(`${project.submitter.authorization}:${buildSystemToken}`)
    assert.equal(submitted.status, 201)
    const { signingRequestId, uploadLink, webLink } = (await submitted.json()) as Record<
      'signingRequestId' | 'uploadLink' | 'webLink',
      string
    >
    assert.ok(URL.canParse(webLink))
    const location = `${requests}/${signingRequestId}`
    const status = (): Promise<{
      status: string
      workflowStatus: string
      isFinalStatus: boolean
    }> => read(`${location}/Status`)
    assert.equal((await status()).isFinalStatus, false)

    assert.equal((await upload(uploadLink, ARTIFACT)).status, 202)
    const { isFinalStatus, ...final } = await status()
    assert.equal(isFinalStatus, true)
    assert.deepEqual([final.status, final.workflowStatus], ['Completed', 'Completed'])

    const headers = { authorization: project.submitter.authorization }
    const signed = await (await fetch(`${location}/SignedArtifact`, { headers })).bytes()
    const signature = readZip(signed).entries.find((file) => file.path === 'payload.json.sig')
    const certificate = await (await fetch(`${location}/X509Certificate`, { headers })).bytes()
    const { publicKey } = new X509Certificate(certificate)
    assert.ok(verify('sha256', PAYLOAD, publicKey, signature!.read()))

    const { origin } = await read<{ origin: { buildData: object; repositoryData: object } }>(
      location,
    )
    assert.deepEqual(origin.repositoryData, {
      url: 'https://git.acme.test/app.git',
      branchName: 'main',
      commitId: '0123456789abcdef0123456789abcdef01234567',
      sourceControlManagementType: 'git',
    })
    const settings = await fetch(`${location}/BuildSettingsFile`, { headers })
    assert.equal(await settings.text(), SETTINGS)
  })

  it('is refused with another file than it announced, and with a token that is none', async () => {
    const submitted = await submit(`${project.submitter.authorization}:${buildSystemToken}`)
    const { uploadLink } = (await submitted.json()) as { uploadLink: string }
    assert.equal((await upload(uploadLink, Buffer.from('another file'))).status, 400)
    assert.equal(
      (await submit(`${project.submitter.authorization}:${buildSystemToken}x`)).status,
      401,
    )
    assert.equal(
      (await submit(`${project.submitter.authorization}x:${buildSystemToken}`)).status,
      401,
    )
  })
})
