import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { encodeSimpleSigning } from '../src/format/simple-signing.ts'
import { readZip } from '../src/format/zip-reader.ts'
import { writeZip } from '../src/format/zip-writer.ts'
import { IMAGE, TARGET } from './authority.ts'
import type { Answered } from './http-load.ts'

/** One way of asking for a signature. */
export interface Workload {
  readonly name: string
  readonly description: string
  /** Each with an image digest of its own. */
  readonly requests: readonly Uint8Array[]
  /** @throws AssertionError if the answer has no signature that verifies. */
  check(answered: Answered): void | Promise<void>
}

/** What requests are made for. */
export interface SigningServer {
  readonly url: string
  readonly organizationId: string
  readonly token: string
  /** PEM. */
  readonly publicKey: string
}

const VARIANTS = 4096
const BOUNDARY = 'chancery-bench-7MA4YWxkTrZu0gW'

/** The three synchronous ways to a signature. */
export function signingWorkloads(server: SigningServer): readonly Workload[] {
  const payloads = Array.from({ length: VARIANTS }, (_, index) => payloadOf(index))
  const { publicKey } = server
  return [
    {
      name: 'SubmitWithPayload',
      description: 'one Cosign metadata file in JSON; its signature in the answer',
      requests: payloads.map((payload) => {
        const document = { ...TARGET, payload: Buffer.from(payload).toString('base64') }
        return jsonRequest(server, 'SubmitWithPayload', document)
      }),
      check: ({ request, body }) => {
        const { status, signatures } = JSON.parse(body) as {
          status: string
          signatures: { signature: string }[]
        }
        assert.equal(status, 'Completed')
        const signature = Buffer.from(signatures[0]!.signature, 'base64')
        assert.ok(verify('sha256', payloads[request]!, publicKey, signature), 'a wrong signature')
      },
    },
    {
      name: 'SignHash',
      description: 'a bare SHA-256 hash in JSON; its signature in the answer',
      requests: payloads.map((payload) => {
        const hash = createHash('sha256').update(payload).digest('base64')
        const hashSigningData = { signatureAlgorithm: 'Ecdsa', hash }
        return jsonRequest(server, 'SignHash', { ...TARGET, hashSigningData })
      }),
      check: ({ request, body }) => {
        const answer = JSON.parse(body) as { hashSigningResult: { signature: string } }
        const signature = Buffer.from(answer.hashSigningResult.signature, 'base64')
        const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
        assert.ok(verify('sha256', payloads[request]!, key, signature), 'a wrong signature')
      },
    },
    {
      name: 'SubmitWithArtifact',
      description: 'a ZIP archive with payload.json as a multipart upload',
      requests: payloads.map((payload) => formRequest(server, payload)),
      check: async ({ request, body }) => {
        const answer = JSON.parse(body) as { signingRequestId: string; status: string }
        assert.equal(answer.status, 'Completed')
        const { url, organizationId, token } = server
        const response = await fetch(
          `${url}/Api/v1/${organizationId}/SigningRequests/${answer.signingRequestId}/SignedArtifact`,
          { headers: { authorization: `Bearer ${token}` } },
        )
        assert.equal(response.status, 200)
        const { entries } = readZip(new Uint8Array(await response.arrayBuffer()))
        const signature = entries.find(({ path }) => path === 'payload.json.sig')!.read()
        assert.ok(verify('sha256', payloads[request]!, publicKey, signature), 'a wrong signature')
      },
    },
  ]
}

function payloadOf(index: number): Uint8Array {
  const digest = createHash('sha256').update(`image ${index}`).digest('hex')
  return encodeSimpleSigning({ dockerReference: IMAGE, manifestDigest: `sha256:${digest}` })
}

function jsonRequest(server: SigningServer, operation: string, document: object): Uint8Array {
  const body = Buffer.from(JSON.stringify(document))
  return request(server, operation, 'application/json', body)
}

function formRequest(server: SigningServer, payload: Uint8Array): Uint8Array {
  const zip = writeZip(
    [{ path: 'payload.json', bytes: payload, isCompressed: true }],
    new Date(Date.UTC(2026, 0, 1)),
  )
  const field = (name: string, value: string): string =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const body = Buffer.concat([
    Buffer.from(field('ProjectSlug', TARGET.projectSlug)),
    Buffer.from(field('SigningPolicySlug', TARGET.signingPolicySlug)),
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="Artifact"; filename="payload.json.zip"\r\n` +
        'Content-Type: application/octet-stream\r\n\r\n',
    ),
    zip,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ])
  return request(server, 'SubmitWithArtifact', `multipart/form-data; boundary=${BOUNDARY}`, body)
}

function request(
  { url, organizationId, token }: SigningServer,
  operation: string,
  contentType: string,
  body: Uint8Array,
): Uint8Array {
  const head =
    `POST /Api/v1/${organizationId}/SigningRequests/${operation} HTTP/1.1\r\n` +
    `Host: ${new URL(url).host}\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}
