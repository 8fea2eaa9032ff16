import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
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
import { curlForm } from './client-forms.ts'

/** Room for 100,000 entries and for 10 MB. */
const MAX_BODY_BYTES = 16 * 1024 * 1024
const PAYLOAD = Buffer.from(payloadFor()).toString()
const DIGEST = `sha256:${'a'.repeat(64)}`

interface RawEntry {
  readonly name: string
  readonly bytes: Uint8Array
  /** The general purpose flags; bit 0 says that the entry is encrypted. */
  readonly flags?: number
}

/** Nothing, deflated. */
const EMPTY = Uint8Array.of(3, 0)

/** ZIP as a careless or hostile writer makes it. Source: APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16. */
function rawZip(entries: readonly RawEntry[]): Buffer {
  const local: Uint8Array[] = []
  const central: Uint8Array[] = []
  let offset = 0
  for (const { name, bytes, flags = 0 } of entries) {
    const data = bytes.length === 0 ? EMPTY : deflateRawSync(bytes)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(flags, 2)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(crc32(bytes), 10)
    fields.writeUInt32LE(data.length, 14)
    fields.writeUInt32LE(bytes.length, 18)
    fields.writeUInt16LE(Buffer.byteLength(name), 22)
    local.push(Buffer.from('PK\x03\x04'), fields, Buffer.from(name), data)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    central.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, place, Buffer.from(name))
    offset += 30 + Buffer.byteLength(name) + data.length
  }
  const directory = Buffer.concat(central)
  return Buffer.concat([...local, directory, endOf(entries.length, directory.length, offset)])
}

/** The end of an archive, with the records of zip64 where the count needs them. Source: APPNOTE.TXT, 4.3.14 to 4.3.16. */
function endOf(count: number, size: number, start: number): Buffer {
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(start, 16)
  if (count < 0xffff) return end
  const zip64 = Buffer.alloc(56 + 20)
  zip64.write('PK\x06\x06')
  zip64.writeBigUInt64LE(44n, 4)
  zip64.writeUInt16LE(45, 12)
  zip64.writeUInt16LE(45, 14)
  zip64.writeBigUInt64LE(BigInt(count), 24)
  zip64.writeBigUInt64LE(BigInt(count), 32)
  zip64.writeBigUInt64LE(BigInt(size), 40)
  zip64.writeBigUInt64LE(BigInt(start), 48)
  zip64.write('PK\x06\x07', 56)
  zip64.writeBigUInt64LE(BigInt(start + size), 64)
  zip64.writeUInt32LE(1, 72)
  return Buffer.concat([zip64, end])
}

const entry = (name: string, text: string, flags = 0): RawEntry => ({
  name,
  bytes: Buffer.from(text),
  flags,
})
const zipOf = (payload: string): Uint8Array => rawZip([entry('payload.json', payload)])
/** Stored, so that a long payload is not refused for how well it compresses. */
const storedZipOf = (payload: string): Uint8Array =>
  writeZip([{ path: 'payload.json', bytes: Buffer.from(payload) }], new Date(0))
const GOOD = zipOf(PAYLOAD)
const annotated = (value: string): string => PAYLOAD.replace('null}', `{"a":${value}}}`)

/** What is no archive of ours: the request fails, and says what was expected. */
const BAD_ARCHIVES: Readonly<Record<string, readonly [() => Uint8Array, RegExp]>> = {
  'no ZIP': [() => Buffer.from(PAYLOAD), /expected an end record: this is no ZIP archive/],
  'an empty file': [() => new Uint8Array(), /expected an end record/],
  'an encrypted entry': [
    () => rawZip([entry('payload.json', PAYLOAD, 1)]),
    /expected no encryption, found a password protected "payload\.json"/,
  ],
  'a bomb by its ratio': [
    () => zipOf(annotated(`"${'x'.repeat(10_000_000)}"`)),
    /expected files compressed at most 200 times, found "payload\.json"/,
  ],
  'a bomb by its size': [
    () => {
      const part = Buffer.alloc(1024 * 1024)
      return rawZip(Array.from({ length: 300 }, (_, n) => ({ name: `f${n}`, bytes: part })))
    },
    /expected at most 268435456 bytes after decompression/,
  ],
  'a name that climbs': [
    () => rawZip([entry('../payload.json', PAYLOAD)]),
    /expected names without "\." and "\.\." segments, found "\.\.\/payload\.json"/,
  ],
  'an absolute name': [
    () => rawZip([entry('/etc/payload.json', PAYLOAD)]),
    /expected relative names, found "\/etc\/payload\.json"/,
  ],
  'a name twice': [
    () => rawZip([entry('payload.json', PAYLOAD), entry('payload.json', PAYLOAD)]),
    /expected each name once.*found "payload\.json" again/,
  ],
  'a name twice but for its case': [
    () => rawZip([entry('payload.json', PAYLOAD), entry('PAYLOAD.json', PAYLOAD)]),
    /expected each name once.*found "PAYLOAD\.json" again/,
  ],
  '100,000 entries': [
    () => rawZip(Array.from({ length: 100_000 }, (_, n) => entry(`${n}`, ''))),
    /expected at most 10000 entries, found 100000/,
  ],
  'no entry': [() => rawZip([]), /Expected path to match at least 1 item, but found 0/],
}

/** What is no metadata file: the request is denied, and says what was expected. */
const BAD_PAYLOADS: Readonly<Record<string, readonly [() => Uint8Array, RegExp]>> = {
  'no JSON': [() => zipOf('hello'), /is not Cosign metadata.*allows no other files/],
  'cut off JSON': [() => zipOf(PAYLOAD.slice(0, -1)), /expected strict JSON/],
  'a member twice': [
    () => zipOf(PAYLOAD.replace('"optional":null', '"optional":null,"optional":null')),
    /expected each member once, found a second "optional"/,
  ],
  'a digest twice': [
    () => zipOf(PAYLOAD.replace('"image":{', `"image":{"docker-manifest-digest":"${DIGEST}",`)),
    /expected each member once, found a second "docker-manifest-digest"/,
  ],
  'another type': [
    () => zipOf(PAYLOAD.replace('cosign container', 'atomic container')),
    /expected "cosign container image signature" at critical\.type/,
  ],
  'a number for a name': [
    () => zipOf(PAYLOAD.replace('"registry.acme.test/team/app"', '12')),
    /expected the image's registry and repository.* at critical\.identity\.docker-reference/,
  ],
  'a byte order mark': [
    () => zipOf(`\u{feff}${PAYLOAD}`),
    /expected JSON, found a byte order mark/,
  ],
  '10 MB': [
    () => storedZipOf(annotated(`"${'x'.repeat(10_000_000)}"`)),
    /expected at most 1048576 bytes/,
  ],
  'deep nesting': [
    () => storedZipOf(annotated(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)),
    /expected at most 64 levels of nesting/,
  ],
  'a digest that is none': [
    () => zipOf(PAYLOAD.replace(DIGEST, 'sha256:latest')),
    /expected "sha256:" and 64 lower-case hexadecimal digits at critical\.image/,
  ],
  'a digest in capitals': [
    () => zipOf(PAYLOAD.replace(DIGEST, `sha256:${'A'.repeat(64)}`)),
    /expected "sha256:" and 64 lower-case hexadecimal digits/,
  ],
}

describe('a running service', () => {
  let authority: TestAuthority
  let project: TestProject
  let app: FastifyInstance
  before(async () => {
    authority = await startAuthority()
    project = await addProject(authority)
    app = createApp(authority.services, { maxBodyBytes: MAX_BODY_BYTES })
  })
  after(async () => {
    await app.close()
    await authority[Symbol.asyncDispose]()
  })

  /** Submits as the documentation has it, with changes. */
  async function submit(
    zip: Uint8Array,
    {
      authorization = project.submitter.authorization,
      organizationId = authority.organizationId,
      change = (form: string): string => form,
      headers = {},
    } = {},
  ) {
    const { contentType, body } = curlForm({ zip, isVersioned: false })
    return app.inject({
      method: 'POST',
      url: `/Api/v1/${organizationId}/SigningRequests/SubmitWithArtifact`,
      headers: { authorization, 'content-type': contentType, ...headers },
      payload: Buffer.from(change(body.toString('latin1')), 'latin1'),
    })
  }

  async function refusal(...args: Parameters<typeof submit>): Promise<readonly unknown[]> {
    const answer = await submit(...args)
    const { type, detail } = answer.json<{ type: string; detail: string }>()
    return [answer.statusCode, type.replace('urn:chancery:error:', ''), detail]
  }

  /** The request of an accepted submission, which has no signed artifact. */
  async function refusedRequest(zip: Uint8Array): Promise<SigningRequestView> {
    const submitted = await submit(zip)
    assert.equal(submitted.statusCode, 201, submitted.body)
    const url = new URL(submitted.headers.location!).pathname
    const { authorization } = project.submitter
    const signed = await app.inject({ url: `${url}/SignedArtifact`, headers: { authorization } })
    assert.equal(signed.statusCode, 400)
    return (await app.inject({ url, headers: { authorization } })).json<SigningRequestView>()
  }

  it('signs what is as it should be', async () => {
    const submitted = await submit(GOOD)
    assert.equal(submitted.json<{ status: string }>().status, 'Completed')
  })

  for (const [name, [make, expected]] of Object.entries(BAD_ARCHIVES)) {
    it(`fails a request with ${name}, and says what was expected and what to do`, async () => {
      const { status, statusReason, statusHints, signatures } = await refusedRequest(make())
      assert.deepEqual([status, signatures], ['Failed', []])
      assert.match(statusReason ?? '', expected)
      assert.ok(statusHints.length > 0)
    })
  }

  for (const [name, [make, expected]] of Object.entries(BAD_PAYLOADS)) {
    it(`denies a request with ${name}, and says what was expected and what to do`, async () => {
      const { status, statusReason, statusHints, signatures } = await refusedRequest(make())
      assert.deepEqual([status, signatures], ['Denied', []])
      assert.match(statusReason ?? '', expected)
      assert.ok(statusHints.length > 0)
    })
  }

  it('names the slug that is wrong', async () => {
    const change = (form: string): string => form.replace('\r\nrelease\r\n', '\r\nreleese\r\n')
    assert.deepEqual(await refusal(GOOD, { change }), [
      400,
      'ERR_SIGNING_UNKNOWN',
      "There is no signing policy with slug 'releese' in the project with slug 'app'.",
    ])
  })

  it("refuses another organization's id, whether there is one or not", async () => {
    const foreign = await authority.addOrganization('Other')
    const { organizationId } = foreign.caller().principal
    for (const id of [organizationId, '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f']) {
      const expected = 'the token does not belong to the organization in the path'
      const found = await refusal(GOOD, { organizationId: id })
      assert.deepEqual(found, [403, 'ERR_HTTP_ORGANIZATION', expected])
    }
  })

  it('refuses revoked and expired tokens, and one with a character more', async () => {
    const { administration } = authority.services
    const admin = authority.admin.caller()
    const { id: userId } = project.submitter
    const revoked = await administration.createApiToken(admin, userId, {})
    await administration.revokeApiToken(admin, userId, revoked.id)
    const expired = await administration.createApiToken(admin, userId, {
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    })
    authority.advance(3_600_000)
    for (const token of [revoked.apiToken, expired.apiToken, `${project.submitter.token}A`]) {
      const [status, code, detail] = await refusal(GOOD, { authorization: `Bearer ${token}` })
      assert.deepEqual([status, code], [401, 'ERR_IDENTITY_UNAUTHENTICATED'])
      assert.match(String(detail), /there is no such token, or it is revoked or expired/)
    }
  })

  it('does not sign with a disabled certificate', async () => {
    const { administration } = authority.services
    const setActive = (isActive: boolean) =>
      administration.setCertificateActive(authority.admin.caller(), 'release', isActive)
    await setActive(false)
    const found = await refusal(GOOD)
    await setActive(true)
    assert.deepEqual(found, [
      400,
      'ERR_SIGNING_CERTIFICATE',
      "the certificate 'release' of the signing policy 'release' is disabled",
    ])
  })

  it('refuses a body over its limit', async () => {
    assert.deepEqual(await refusal(new Uint8Array(MAX_BODY_BYTES)), [
      413,
      'ERR_HTTP_BODY_TOO_LARGE',
      `expected a body of at most ${MAX_BODY_BYTES} bytes`,
    ])
  })

  it('makes one request of two with one idempotency key, and refuses the key for another', async () => {
    const headers = { 'idempotency-key': 'build-17' }
    const answers = await Promise.all([submit(GOOD, { headers }), submit(GOOD, { headers })])
    const locations = answers.map(({ statusCode, headers: { location } }) => {
      assert.equal(statusCode, 201)
      return location
    })
    assert.equal(locations[0], locations[1])
    assert.deepEqual(await refusal(zipOf(`${PAYLOAD} `), { headers }), [
      409,
      'ERR_SIGNING_IDEMPOTENCY',
      'this idempotency key belongs to a submission with other content',
    ])
  })
})
