import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../src/format/dsse.ts'
import {
  COSIGN_SIGNATURE_PREDICATE,
  encodeImageStatement,
} from '../../src/format/image-statement.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { createApp } from '../../src/http/app.ts'
import type { SigningRequestView } from '../../src/wire/signing-requests.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  type TestAuthority,
  type TestProject,
} from '../support/authority.ts'

const NAME = 'registry.acme.test/team/app'
const DIGEST = `sha256:${'a'.repeat(64)}`

function paeFor(name = NAME): Uint8Array {
  return encodePae(IN_TOTO_PAYLOAD_TYPE, encodeImageStatement({ name, manifestDigest: DIGEST }))
}

let authority: TestAuthority
let project: TestProject
let app: FastifyInstance
let base = ''

before(async () => {
  authority = await startAuthority()
  project = await addProject(authority, { allowOtherFiles: true })
  app = createApp(authority.services)
  base = `/Api/v1/${authority.organizationId}/SigningRequests`
})
after(async () => {
  await app.close()
  await authority[Symbol.asyncDispose]()
})

async function get(url: string): Promise<unknown> {
  const { authorization } = project.submitter
  const answer = await app.inject({ url, headers: { authorization } })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}

async function submit(fileName: string, payload: Uint8Array): Promise<SigningRequestView> {
  const { authorization } = project.submitter
  const answer = await app.inject({
    method: 'POST',
    url: `${base}/SubmitWithPayload`,
    headers: { authorization },
    payload: {
      ...project.submission,
      fileName,
      payload: Buffer.from(payload).toString('base64'),
    },
  })
  assert.equal(answer.statusCode, 201, answer.body)
  const { signingRequestId } = answer.json<{ signingRequestId: string }>()
  return (await get(`${base}/${signingRequestId}`)) as SigningRequestView
}

describe('a statement that is submitted over HTTP', () => {
  it('of an image that the policy does not allow is not signed, though other files are', async () => {
    const request = await submit('statement.dsse', paeFor('evil.test/team/app'))
    assert.equal(request.status, 'Denied')
    assert.match(request.statusReason ?? '', /statement names "evil\.test\/team\/app"/)
    assert.deepEqual(request.signatures, [])
    assert.equal((await submit('text.txt', Buffer.from('text'))).status, 'Completed')
  })

  it('is signed as the bytes that were submitted', async () => {
    const request = await submit('statement.dsse', paeFor())
    assert.equal(request.status, 'Completed', request.statusReason ?? '')
    const key = authority.services.administration.downloadPublicKey(
      authority.admin.caller(),
      'release',
    )
    const signature = Buffer.from(request.signatures[0]?.signature ?? '', 'base64')
    assert.ok(verify('sha256', paeFor(), key, signature))
    assert.deepEqual(request.images, [
      {
        path: 'statement.dsse',
        dockerReference: NAME,
        repository: NAME,
        digest: DIGEST,
        annotations: {},
        predicateType: COSIGN_SIGNATURE_PREDICATE,
        statementPath: 'statement.dsse',
      },
    ])
  })
})

describe('a metadata file and a statement of one image in one request', () => {
  it('are one image that is found once, and are both signed and audited', async () => {
    const files = [
      { path: 'app.json', bytes: payloadFor() },
      { path: 'app.dsse', bytes: paeFor() },
    ]
    const { signing, audit } = authority.services
    const { signingRequestId: id, status } = await signing.submitWithArtifact(
      project.submitter.caller(),
      { ...project.submission, parameters: {} },
      { fileName: 'images.zip', bytes: writeZip(files, new Date(0)), isEntry: false },
    )
    assert.equal(status, 'Completed')
    const request = (await get(`${base}/${id}`)) as SigningRequestView
    assert.deepEqual(
      request.images.map(({ path, statementPath }) => [path, statementPath]),
      [['app.json', 'app.dsse']],
    )
    assert.equal(request.signatures.length, 2)
    for (const query of [`digest=${DIGEST}`, `repository=${encodeURIComponent(NAME)}`]) {
      const page = (await get(`${base}?${query}`)) as { signingRequests: { id: string }[] }
      assert.equal(page.signingRequests.filter((each) => each.id === id).length, 1, query)
    }
    const { events } = await audit.list(authority.admin.caller(), {
      objectId: id,
      repository: NAME,
    })
    const submitted = events.find(({ type }) => type === 'SigningRequest.Submitted')
    const { images } = submitted?.data['examination'] as { readonly images: unknown }
    assert.deepEqual(images, request.images)
    assert.equal((await audit.verify(authority.admin.caller())).isIntact, true)
  })
})

describe('one statement about several repositories', () => {
  it('is found by each of them', async () => {
    const statement = JSON.parse(
      Buffer.from(encodeImageStatement({ name: NAME, manifestDigest: DIGEST })).toString(),
    ) as { subject: { name: string }[] }
    const [subject] = statement.subject
    assert.ok(subject)
    const other = 'registry.acme.test/team/other'
    statement.subject.push({ ...subject, name: other })
    const pae = encodePae(IN_TOTO_PAYLOAD_TYPE, Buffer.from(JSON.stringify(statement)))
    const { id, images } = await submit('two.dsse', pae)
    assert.equal(images.length, 2)
    for (const repository of [NAME, other]) {
      const page = (await get(`${base}?repository=${encodeURIComponent(repository)}`)) as {
        signingRequests: { id: string }[]
      }
      assert.ok(
        page.signingRequests.some((each) => each.id === id),
        repository,
      )
    }
  })
})
