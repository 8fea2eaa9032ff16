import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { sha256Hex } from '../../src/crypto/digest.ts'
import {
  DOCKER_MANIFEST,
  OCI_IMAGE_CONFIG,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../src/format/oci-manifest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { encodeSimpleSigning } from '../../src/format/simple-signing.ts'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { resolveImage } from '../../src/registry/resolve-image.ts'
import {
  describeSignature,
  encodeSignatures,
  signatureTag,
} from '../../src/registry/signature-manifest.ts'
import { verifyImage } from '../../src/registry/verify-image.ts'
import { startHostileServer } from './hostile-server.ts'
import { UNHURRIED } from './unhurried.ts'

const SECRET = 'correct-horse'
/** Repeats soon, and waits for what is only slow. */
const EAGER: RegistryClientOptions = {
  findCredentials: () => ({ kind: 'password', username: 'me', password: SECRET }),
  retries: { attempts: 2, baseDelayMs: 1, maxDelayMs: 5, maxRetryAfterMs: 50 },
  timeouts: UNHURRIED,
}
const blob = new TextEncoder().encode('a blob')
const blobDigest = digestOf(blob)
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = publicKey.export({ type: 'spki', format: 'der' })

function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function repositoryAt(host: string) {
  return { registry: host, repository: 'team/app' }
}

function challenge(response: ServerResponse, header = 'Basic realm="x"'): void {
  response.writeHead(401, { 'www-authenticate': header }).end()
}

const manifest = {
  schemaVersion: 2,
  mediaType: OCI_IMAGE_MANIFEST,
  config: { mediaType: OCI_IMAGE_CONFIG, size: 2, digest: digestOf(encode({})) },
  layers: [],
}

/** A client that was answered with these bytes when it asked for the tag `1`. */
async function pull(
  mediaType: string,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
  reference = '1',
) {
  await using server = await startHostileServer((_request, response) => {
    response.writeHead(200, { 'content-type': mediaType, ...headers }).end(bytes)
  })
  using client = new RegistryClient(EAGER)
  return await client.getManifest(repositoryAt(server.host), reference)
}

describe('credentials', () => {
  it('do not go along when a download is redirected to another host', async () => {
    await using other = await startHostileServer((_request, response) => response.end(blob))
    await using server = await startHostileServer((request, response) => {
      if (request.headers.authorization === undefined) {
        challenge(response)
        return
      }
      const location = `http://localhost:${other.port}/elsewhere`
      response.writeHead(307, { location, 'set-cookie': 'session=1' }).end()
    })
    using client = new RegistryClient(EAGER)
    const bytes = await client.blobs.get(repositoryAt(server.host), blobDigest, 100)
    assert.deepEqual(new Uint8Array(bytes), blob)
    assert.match(server.seen.at(-1)?.headers.authorization ?? '', /^Basic /)
    assert.equal(other.seen.length, 1)
    assert.equal(other.seen[0]?.headers.authorization, undefined)
    assert.equal(other.seen[0]?.headers.cookie, undefined)
    assert.doesNotMatch(JSON.stringify(other.seen), /correct-horse|Y29ycmVjdC1ob3JzZQ/)
  })

  it('do not go along to an upload location on another host', async () => {
    await using other = await startHostileServer((_request, response) =>
      response.writeHead(201).end(),
    )
    await using server = await startHostileServer((request, response) => {
      if (request.headers.authorization === undefined) challenge(response)
      else if (request.method === 'HEAD') response.writeHead(404).end()
      else {
        response.writeHead(202, { location: `http://localhost:${other.port}/upload?x=1` }).end()
      }
    })
    using client = new RegistryClient(EAGER)
    await client.blobs.push(repositoryAt(server.host), blob)
    assert.deepEqual(
      other.seen.map(({ method }) => method),
      ['PUT'],
    )
    assert.equal(other.seen[0]?.headers.authorization, undefined)
    assert.match(other.seen[0]?.url ?? '', /^\/upload\?x=1&digest=sha256/)
  })

  it('do not go to an upload location beyond this machine by plain http', async () => {
    await using server = await startHostileServer((request, response) => {
      if (request.method === 'HEAD') response.writeHead(404).end()
      else response.writeHead(202, { location: 'http://registry.evil.test/upload' }).end()
    })
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.blobs.push(repositoryAt(server.host), blob), {
      code: 'ERR_REGISTRY_REDIRECT',
    })
  })

  it('are not sent again where a manifest push is redirected', async () => {
    await using other = await startHostileServer((_request, response) =>
      response.writeHead(201).end(),
    )
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(307, { location: `http://localhost:${other.port}/` }).end(),
    )
    using client = new RegistryClient(EAGER)
    const pushed = { mediaType: OCI_IMAGE_MANIFEST, bytes: encode(manifest) }
    await assert.rejects(client.pushManifest(repositoryAt(server.host), '1', pushed), {
      code: 'ERR_REGISTRY_REDIRECT',
    })
    assert.equal(other.seen.length, 0)
  })

  it('are not sent again where a token service redirects', async () => {
    await using other = await startHostileServer((_request, response) =>
      response.end(JSON.stringify({ token: 't' })),
    )
    await using server = await startHostileServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.writeHead(302, { location: `http://localhost:${other.port}/token` }).end()
      } else {
        challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`)
      }
    })
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_REDIRECT',
    })
    assert.equal(other.seen.length, 0)
  })

  for (const [what, realm] of [
    ['by plain http beyond this machine', 'http://auth.evil.test/token'],
    ['with a user in its address', 'https://user:pw@auth.evil.test/token'],
    ['of another scheme', 'ftp://auth.evil.test/token'],
  ] as const) {
    it(`do not go to a token service ${what}`, async () => {
      await using server = await startHostileServer((_request, response) =>
        challenge(response, `Bearer realm="${realm}",service="x"`),
      )
      using client = new RegistryClient(EAGER)
      await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
        code: 'ERR_REGISTRY_REDIRECT',
      })
    })
  }

  it('are given once and not for ever where a registry answers 401 to everything', async () => {
    await using server = await startHostileServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end('{"token":"t"}')
      else challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`)
    })
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_UNAUTHORIZED',
    })
    assert.equal(server.seen.length, 3)
  })

  it('are not answered with a token that could end the header', async () => {
    await using server = await startHostileServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.end(JSON.stringify({ token: 'a\r\nx-evil: 1' }))
      } else challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`)
    })
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_BAD_ANSWER',
    })
  })

  it('are not answered with a token that does not end', async () => {
    await using server = await startHostileServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.end(JSON.stringify({ token: 'x'.repeat(64 * 1024) }))
      } else challenge(response, `Bearer realm="http://${request.headers.host ?? ''}/token"`)
    })
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_TOO_LARGE',
    })
  })

  it('are exchanged for a token of the scope needed, which is used until it ends', async () => {
    await using server = await startHostileServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.end(JSON.stringify({ access_token: 'abc', expires_in: 300 }))
      } else if (request.headers.authorization === 'Bearer abc') {
        response.writeHead(200, { 'content-type': OCI_IMAGE_MANIFEST }).end(encode(manifest))
      } else {
        const realm = `http://${request.headers.host ?? ''}/token`
        challenge(
          response,
          `Negotiate, Bearer realm=${realm},service="r",scope="repository:other:*"`,
        )
      }
    })
    using client = new RegistryClient(EAGER)
    for (const tag of ['1', '2']) await client.getManifest(repositoryAt(server.host), tag)
    assert.deepEqual(
      server.seen.map(({ url }) => url),
      [
        '/v2/team/app/manifests/1',
        '/token?service=r&scope=repository%3Ateam%2Fapp%3Apull',
        '/v2/team/app/manifests/1',
        '/v2/team/app/manifests/2',
      ],
    )
    assert.match(server.seen[1]?.headers.authorization ?? '', /^Basic /)
  })
})

describe('redirects', () => {
  it('are followed five times, not more', async () => {
    for (const [redirects, isFine] of [
      [5, true],
      [6, false],
    ] as const) {
      let left: number = redirects
      await using server = await startHostileServer((_request, response) => {
        if (left-- > 0) response.writeHead(302, { location: '/next' }).end()
        else response.end(blob)
      })
      using client = new RegistryClient(EAGER)
      const pulled = client.blobs.get(repositoryAt(server.host), blobDigest, 100)
      if (isFine) await pulled
      else await assert.rejects(pulled, { code: 'ERR_REGISTRY_REDIRECT' })
    }
  })

  it('have to say where to', async () => {
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(307).end(),
    )
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.blobs.get(repositoryAt(server.host), blobDigest, 100), {
      code: 'ERR_REGISTRY_BAD_ANSWER',
      message: /without a location/,
    })
  })

  for (const location of [
    'http://registry.evil.test/',
    'file:///etc/passwd',
    'https://u@x.test/',
  ]) {
    it(`are not followed to ${location}`, async () => {
      await using server = await startHostileServer((_request, response) =>
        response.writeHead(302, { location }).end(),
      )
      using client = new RegistryClient(EAGER)
      await assert.rejects(client.blobs.get(repositoryAt(server.host), blobDigest, 100), {
        code: 'ERR_REGISTRY_REDIRECT',
      })
    })
  }
})

describe('an answer', () => {
  it('that does not end is cut off, whether it says its length or not', async () => {
    const big = 'x'.repeat(64 * 1024)
    for (const length of [undefined, 5_000_000_000]) {
      await using server = await startHostileServer((_request, response) => {
        response.writeHead(200, length === undefined ? {} : { 'content-length': length })
        const more = (): void => {
          while (!response.destroyed && response.write(big)) continue
          if (!response.destroyed) response.once('drain', more)
        }
        more()
      })
      using client = new RegistryClient(EAGER)
      await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
        code: 'ERR_REGISTRY_TOO_LARGE',
      })
    }
  })

  it('that drips is given up after the total time', async () => {
    await using server = await startHostileServer((_request, response) => {
      response.writeHead(200, { 'content-type': OCI_IMAGE_MANIFEST })
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => {
        clearInterval(timer)
      })
    })
    const timeouts = { ...UNHURRIED, totalMs: 600 }
    using client = new RegistryClient({ ...EAGER, timeouts, retries: { attempts: 1 } })
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
      message: /did not finish its answer within 0.6 s/,
    })
  })

  it('that does not come is given up', async () => {
    await using server = await startHostileServer(() => undefined)
    const timeouts = { ...UNHURRIED, answerMs: 300 }
    using client = new RegistryClient({ ...EAGER, timeouts, retries: { attempts: 1 } })
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
      message: /did not answer within 0.3 s/,
    })
  })

  it('that is no HTTP is named so', async () => {
    const sockets = new Set<Socket>()
    const server = createTcpServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.end('SSH-2.0-OpenSSH_9.2\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    using client = new RegistryClient(EAGER)
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await assert.rejects(client.getManifest(repositoryAt(host), '1'), {
      code: 'ERR_REGISTRY_BAD_ANSWER',
    })
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  it('stops being waited for when the signal fires', async () => {
    await using server = await startHostileServer(() => undefined)
    using client = new RegistryClient({ timeouts: { answerMs: 60_000 } })
    const signal = AbortSignal.timeout(200)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1', signal), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
      message: /given up/,
    })
  })

  it('that is compressed without being asked is refused', async () => {
    await assert.rejects(
      pull(OCI_IMAGE_MANIFEST, encode(manifest), { 'content-encoding': 'gzip' }),
      { code: 'ERR_REGISTRY_BAD_ANSWER' },
    )
  })

  it('cannot put control characters into our messages', async () => {
    await using server = await startHostileServer((_request, response) => {
      const errors = [{ code: 'DENIED', message: '\u001b[2Jgone\u202e' }]
      response.writeHead(403).end(JSON.stringify({ errors }))
    })
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_FORBIDDEN',
      message: /\(DENIED: \?\[2Jgone\?\)/,
    })
  })
})

describe('a busy registry', () => {
  it('is asked again, after the pause it asks for', async () => {
    let refusals = 1
    await using server = await startHostileServer((_request, response) => {
      if (refusals-- > 0) response.writeHead(429, { 'retry-after': '0' }).end()
      else response.writeHead(200, { 'content-type': OCI_IMAGE_MANIFEST }).end(encode(manifest))
    })
    using client = new RegistryClient(EAGER)
    const { digest } = await client.getManifest(repositoryAt(server.host), '1')
    assert.equal(digest, digestOf(encode(manifest)))
  })

  it('that asks for a longer pause than is reasonable is unavailable at once', async () => {
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(503, { 'retry-after': '86400' }).end(),
    )
    using client = new RegistryClient(EAGER)
    await assert.rejects(client.getManifest(repositoryAt(server.host), '1'), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
      message: /asks to wait 86400 s/,
    })
    assert.equal(server.seen.length, 1)
  })
})

describe('a manifest', () => {
  const good = encode(manifest)
  const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] }
  const layer = { mediaType: 'a/b', size: 1, digest: blobDigest }
  const bad: Record<string, readonly [string, Uint8Array]> = {
    'a web page': ['text/html', new TextEncoder().encode('<html>')],
    'JSON of another kind': [OCI_IMAGE_MANIFEST, encode([])],
    'without a media type': ['', good],
    'of another media type than it came with': [DOCKER_MANIFEST, good],
    'image and index at once, as an image': [
      OCI_IMAGE_MANIFEST,
      encode({ ...manifest, manifests: [] }),
    ],
    'image and index at once, as an index': [
      OCI_IMAGE_INDEX,
      encode({ ...index, config: manifest.config, layers: [] }),
    ],
    'image and index at once, without a type of its own': [
      OCI_IMAGE_INDEX,
      encode({ ...manifest, mediaType: undefined, manifests: [] }),
    ],
    'of schema 1': ['application/vnd.docker.distribution.manifest.v1+json', good],
    'with more layers than an image has': [
      OCI_IMAGE_MANIFEST,
      encode({ ...manifest, layers: Array.from({ length: 1001 }, () => layer) }),
    ],
    'with a negative size': [
      OCI_IMAGE_MANIFEST,
      encode({ ...manifest, layers: [{ ...layer, size: -1 }] }),
    ],
    'with a short digest': [
      OCI_IMAGE_MANIFEST,
      encode({ ...manifest, layers: [{ ...layer, digest: 'sha256:ab' }] }),
    ],
    'with two members of one name': [
      OCI_IMAGE_MANIFEST,
      new TextEncoder().encode(JSON.stringify(manifest).replace('{', '{"layers":[],')),
    ],
  }
  for (const [what, [mediaType, bytes]] of Object.entries(bad)) {
    it(`that is ${what} is refused`, async () => {
      // Of another type it may be the answer of a gateway, unless its digest is announced.
      const isOther =
        mediaType !== OCI_IMAGE_INDEX && !/image\.manifest|manifest\.v2/.test(mediaType)
      const code = isOther ? 'ERR_REGISTRY_BAD_ANSWER' : 'ERR_REGISTRY_CONTENT'
      await assert.rejects(pull(mediaType, bytes), { code })
      const announced = { 'docker-content-digest': digestOf(bytes) }
      const held = { code: 'ERR_REGISTRY_CONTENT' }
      await assert.rejects(pull(mediaType, bytes, announced), held)
      await assert.rejects(pull(mediaType, bytes, {}, digestOf(bytes)), held)
    })
  }

  it('has to have the digest it was asked for by, and the one announced', async () => {
    const { digest } = await pull(`${OCI_IMAGE_MANIFEST}; charset=utf-8`, good, {}, digestOf(good))
    assert.equal(digest, digestOf(good))
    await assert.rejects(pull(OCI_IMAGE_MANIFEST, good, {}, blobDigest), {
      code: 'ERR_REGISTRY_DIGEST',
    })
    const announced = { 'docker-content-digest': blobDigest }
    await assert.rejects(pull(OCI_IMAGE_MANIFEST, good, announced), {
      code: 'ERR_REGISTRY_DIGEST',
    })
  })
})

/** A registry with one tagged image whose signatures are what `signatures` says, by digest of the image. */
async function startImageServer(
  signaturesOf: (digest: string) => ReturnType<typeof encodeSignatures> | number,
  blobs: readonly Uint8Array[],
  images: readonly Uint8Array[] = [encode(manifest)],
) {
  let reads = 0
  return await startHostileServer((request, response) => {
    const [kind = '', reference = ''] = (request.url ?? '').split('/').slice(-2)
    const send = (type: string, bytes: Uint8Array) =>
      response.writeHead(200, { 'content-type': type }).end(bytes)
    if (kind === 'blobs') {
      const found = blobs.find((bytes) => digestOf(bytes) === reference)
      if (found === undefined) response.writeHead(404).end()
      else send('application/octet-stream', found)
    } else if (reference.endsWith('.sig')) {
      const digest = reference.replace('sha256-', 'sha256:').replace('.sig', '')
      const signatures = signaturesOf(digest)
      if (typeof signatures === 'number') response.writeHead(signatures).end()
      else send(signatures.mediaType, signatures.bytes)
    } else if (kind === 'referrers' || reference.startsWith('sha256-')) {
      response.writeHead(404).end()
    } else {
      const byDigest = images.find((bytes) => digestOf(bytes) === reference)
      send(OCI_IMAGE_MANIFEST, byDigest ?? images[reads++ % images.length]!)
    }
  })
}

function payloadFor(host: string, digest: string, repository = 'team/app'): Uint8Array {
  return encodeSimpleSigning({
    dockerReference: `${host}/${repository}`,
    manifestDigest: digest,
  })
}

function signed(payload: Uint8Array) {
  return { payload, signature: sign('sha256', payload, privateKey).toString('base64') }
}

describe('verification', () => {
  for (const [status, code] of [
    [404, 'ERR_VERIFY_UNSIGNED'],
    [401, 'ERR_REGISTRY_UNAUTHORIZED'],
    [403, 'ERR_REGISTRY_FORBIDDEN'],
    [405, 'ERR_REGISTRY_REFUSED'],
    [429, 'ERR_REGISTRY_UNAVAILABLE'],
    [500, 'ERR_REGISTRY_UNAVAILABLE'],
    [503, 'ERR_REGISTRY_UNAVAILABLE'],
  ] as const) {
    it(`calls an image ${code} whose signatures are answered with ${status}`, async () => {
      await using server = await startImageServer(() => status, [])
      using client = new RegistryClient(EAGER)
      const reference = parseReference(`${server.host}/team/app:1`)
      await assert.rejects(verifyImage(client, reference, { publicKey: spki }), { code })
    })
  }

  it('is not stopped by an index that refers to the image', async () => {
    const image = encode(manifest)
    const subject = { mediaType: OCI_IMAGE_MANIFEST, size: image.length, digest: digestOf(image) }
    const empty = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] }
    const referring = encode({ ...empty, subject })
    const entry = {
      mediaType: OCI_IMAGE_INDEX,
      size: referring.length,
      digest: digestOf(referring),
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    }
    await using server = await startHostileServer((request, response) => {
      const url = request.url ?? ''
      const send = (mediaType: string, bytes: Uint8Array) =>
        response.writeHead(200, { 'content-type': mediaType }).end(bytes)
      if (url.includes('/referrers/'))
        send(OCI_IMAGE_INDEX, encode({ ...empty, manifests: [entry] }))
      else if (url.endsWith(entry.digest)) send(OCI_IMAGE_INDEX, referring)
      else if (url.endsWith('/1')) send(OCI_IMAGE_MANIFEST, image)
      else response.writeHead(404).end()
    })
    using client = new RegistryClient(EAGER)
    const reference = parseReference(`${server.host}/team/app:1`)
    await assert.rejects(verifyImage(client, reference, { publicKey: spki }), {
      code: 'ERR_VERIFY_UNSIGNED',
    })
    assert.ok(server.seen.some(({ url }) => url.endsWith(entry.digest)))
  })

  it('is about one digest, even where the tag moves from one read to the next', async () => {
    const images = [encode(manifest), encode({ ...manifest, annotations: { a: 'b' } })]
    const [first, second] = images.map(digestOf)
    let payload = new Uint8Array()
    // Only the second image is signed.
    await using server = await startImageServer(
      (digest) =>
        digest === second ? encodeSignatures([describeSignature(signed(payload))]) : 404,
      [],
      images,
    )
    payload = Buffer.from(payloadFor(server.host, second!))
    using client = new RegistryClient(EAGER)
    const reference = parseReference(`${server.host}/team/app:1`)
    await assert.rejects(verifyImage(client, reference, { publicKey: spki }), {
      code: 'ERR_VERIFY_UNSIGNED',
      message: new RegExp(first!),
    })
    const asked = server.seen.filter(({ url }) => url.includes('sha256'))
    assert.deepEqual(
      asked.map(({ url }) => url),
      [
        `/v2/team/app/manifests/${signatureTag(first!)}`,
        `/v2/team/app/referrers/${first!}`,
        `/v2/team/app/manifests/${first!.replace(':', '-')}`,
      ],
    )
    assert.equal((await resolveImage(client, reference)).digest, second)
  })

  it('refuses payloads whose size, digest or type is not what the descriptor says', async () => {
    const host = 'registry.acme.test'
    const digest = digestOf(encode(manifest))
    const payload = payloadFor(host, digest)
    const right = describeSignature(signed(payload))
    for (const [layer, blobs, reason] of [
      [{ ...right, size: right.size - 1 }, [payload], 'ERR_REGISTRY_TOO_LARGE'],
      [{ ...right, size: right.size + 1 }, [payload], 'ERR_REGISTRY_DIGEST'],
      [{ ...right, size: 2 ** 31 }, [payload], 'ERR_VERIFY_PAYLOAD'],
      [{ ...right, mediaType: 'application/json' }, [payload], 'ERR_VERIFY_PAYLOAD'],
      [{ ...right, annotations: {} }, [payload], 'ERR_VERIFY_SIGNATURE_TEXT'],
      [right, [], 'ERR_REGISTRY_NOT_FOUND'],
    ] as const) {
      await using server = await startImageServer(() => encodeSignatures([layer]), blobs)
      using client = new RegistryClient(EAGER)
      const reference = parseReference(`${server.host}/team/app:1`)
      await assert.rejects(verifyImage(client, reference, { publicKey: spki }), (error) => {
        const { code, hints } = error as { code: string; hints: readonly string[] }
        assert.equal(code, 'ERR_VERIFY_NOTHING_ACCEPTED')
        assert.match(hints[0] ?? '', new RegExp(`\\(${reason}\\)`))
        return true
      })
    }
  })

  it('refuses a signature for another repository, unless that name is allowed', async () => {
    const digest = digestOf(encode(manifest))
    let signatures: ReturnType<typeof encodeSignatures> | number = 404
    const payload = payloadFor('registry.acme.test', digest, 'test/app')
    await using server = await startImageServer(() => signatures, [payload])
    signatures = encodeSignatures([describeSignature(signed(payload))])
    using client = new RegistryClient(EAGER)
    const reference = parseReference(`${server.host}/team/app:1`)
    await assert.rejects(verifyImage(client, reference, { publicKey: spki }), {
      code: 'ERR_VERIFY_NOTHING_ACCEPTED',
    })
    const allowedIdentities = ['registry.acme.test/test/app']
    const result = await verifyImage(client, reference, { publicKey: spki, allowedIdentities })
    assert.equal(result.verified.length, 1)
  })

  it('tells in one line that a thousand signatures are of another key, with one payload read', async () => {
    let payload = new Uint8Array()
    let blobs: Uint8Array[] = []
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const layers = () => {
      const signature = sign('sha256', payload, stranger).toString('base64')
      return Array.from({ length: 1000 }, () => describeSignature({ payload, signature }))
    }
    await using server = await startImageServer(() => encodeSignatures(layers()), (blobs = []))
    // With an annotation, so that it is not the payload that the verifier can make by itself.
    const annotated = encodeSimpleSigning({
      dockerReference: `${server.host}/team/app`,
      manifestDigest: digestOf(encode(manifest)),
      annotations: { build: '1' },
    })
    payload = Buffer.from(annotated)
    blobs.push(payload)
    using client = new RegistryClient(EAGER)
    const reference = parseReference(`${server.host}/team/app:1`)
    await assert.rejects(verifyImage(client, reference, { publicKey: spki }), (error) => {
      const { code, hints } = error as { code: string; hints: readonly string[] }
      assert.equal(code, 'ERR_VERIFY_NOTHING_ACCEPTED')
      assert.equal(hints.length, 1)
      assert.match(
        hints[0] ?? '',
        /^Signature 1 under sha256-\w+\.sig, .* and 995 more: .*ERR_VERIFY_SIGNATURE/,
      )
      return true
    })
    assert.equal(server.seen.filter(({ url }) => url.includes('/blobs/')).length, 1)
  })

  it('does not take a signature that cannot be read for one that is wrong', async () => {
    const payload = payloadFor('registry.acme.test', digestOf(encode(manifest)))
    const signatures = encodeSignatures([describeSignature(signed(payload))])
    await using server = await startHostileServer((request, response) => {
      const url = request.url ?? ''
      if (url.includes('/blobs/')) response.writeHead(503).end()
      else if (url.includes('/referrers/') || /sha256-\w+$/.test(url)) {
        response.writeHead(404).end()
      } else {
        const bytes = url.endsWith('.sig') ? signatures.bytes : encode(manifest)
        response.writeHead(200, { 'content-type': OCI_IMAGE_MANIFEST }).end(bytes)
      }
    })
    using client = new RegistryClient(EAGER)
    const reference = parseReference(`${server.host}/team/app:1`)
    await assert.rejects(verifyImage(client, reference, { publicKey: spki }), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
    })
  })
})
