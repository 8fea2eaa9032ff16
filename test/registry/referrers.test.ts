import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { SIGSTORE_BUNDLE } from '../../src/format/bundle-writer.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { fallbackTag } from '../../src/registry/referrers-index.ts'
import { findReferrers, listReferrers } from '../../src/registry/referrers.ts'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { component } from '../support/components.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { startDockerRegistry, startReferrersRegistry, startZot } from '../support/registries.ts'
import { startChangedRegistry, type ChangedRegistry } from './changed-registry.ts'
import { startHostileServer } from './hostile-server.ts'
import { UNHURRIED } from './unhurried.ts'

/** Repeats soon, and waits for what is only slow. */
const EAGER: RegistryClientOptions = {
  retries: { attempts: 2, baseDelayMs: 1, maxDelayMs: 5, maxRetryAfterMs: 50 },
  timeouts: UNHURRIED,
}
const SUBJECT = `sha256:${'ab'.repeat(32)}`
const AT = new Date('2026-07-24T11:31:58Z')

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}

function bundle(name: string) {
  const bytes = encode({ mediaType: SIGSTORE_BUNDLE, name })
  return { bytes, predicateType: COSIGN_SIGNATURE_PREDICATE, createdAt: AT }
}

/** A referrer's manifest. */
function referrer(name: string, subject: string): Uint8Array {
  const config = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    size: 2,
    digest: digestOf(encode({})),
  }
  return encode({
    schemaVersion: 2,
    mediaType: OCI_IMAGE_MANIFEST,
    config,
    layers: [config],
    subject: { mediaType: OCI_IMAGE_MANIFEST, size: 2, digest: subject },
    artifactType: `test/${name}`,
  })
}

function entry(bytes: Uint8Array) {
  return { mediaType: OCI_IMAGE_MANIFEST, size: bytes.length, digest: digestOf(bytes) }
}

function index(entries: readonly object[]): Uint8Array {
  return encode({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: entries })
}

type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => void

/** A registry that answers as told, and manifests by digest from `manifests`. */
async function startFake(manifests: readonly Uint8Array[], handle: Handler) {
  return startHostileServer((request, response) => {
    const path = request.url?.replace('/v2/team/app/', '') ?? ''
    const known = manifests.find((bytes) => path === `manifests/${digestOf(bytes)}`)
    if (known === undefined) handle(request, response, path)
    else response.writeHead(200, { 'content-type': OCI_IMAGE_MANIFEST }).end(known)
  })
}

function sendIndex(response: ServerResponse, entries: readonly object[], headers = {}): void {
  response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX, ...headers }).end(index(entries))
}

async function listAt(host: string, options = {}) {
  using client = new RegistryClient(EAGER)
  return await findReferrers(client, { registry: host, repository: 'team/app' }, SUBJECT, options)
}

const registries = {
  'the embedded registry': { start: startEmbeddedRegistry, skip: false as const, by: 'api' },
  'referrers-registry': {
    start: startReferrersRegistry,
    skip: component('referrers-registry').absent,
    by: 'api',
  },
  zot: { start: startZot, skip: component('zot').absent, by: 'api' },
  'docker-registry': {
    start: startDockerRegistry,
    skip: component('docker-registry').absent,
    by: 'tag',
  },
}

for (const [name, { start, skip, by }] of Object.entries(registries)) {
  describe(`bundles published on ${name}`, { skip }, () => {
    it('are listed, each once, with type and annotations', async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const none = await findReferrers(client, image.repository, image.digest)
      assert.deepEqual(none.referrers, [])
      const names = ['one', 'two', 'three', 'one']
      const pushed = await Promise.all(
        names.map((one) => publishBundle(client, image, bundle(one))),
      )
      assert.deepEqual([...new Set(pushed.map(({ listedBy }) => listedBy))], [by])
      const found = await findReferrers(client, image.repository, image.digest)
      assert.equal(found.source, by)
      assert.deepEqual(found.refused, [])
      const digests = found.referrers.map(({ descriptor }) => descriptor.digest)
      assert.deepEqual(digests.sort(), [...new Set(pushed.map(({ digest }) => digest))].sort())
      assert.equal(digests.length, 3)
      for (const { descriptor } of found.referrers) {
        assert.equal(descriptor.artifactType, SIGSTORE_BUNDLE)
        assert.deepEqual(descriptor.annotations, {
          'dev.sigstore.bundle.content': 'dsse-envelope',
          'dev.sigstore.bundle.predicateType': COSIGN_SIGNATURE_PREDICATE,
          'org.opencontainers.image.created': '2026-07-24T11:31:58Z',
        })
      }
      const ofType = { artifactType: SIGSTORE_BUNDLE }
      const filtered = await findReferrers(client, image.repository, image.digest, ofType)
      assert.equal(filtered.referrers.length, 3)
      const other = { artifactType: 'test/other' }
      const others = await findReferrers(client, image.repository, image.digest, other)
      assert.deepEqual(others.referrers, [])
    })
  })
}

/** The embedded registry without its referrers API, which is what `options` change. */
function startWithoutApi(
  options: {
    readonly isImmutable?: boolean
    readonly status?: number
    /** How many manifests, pushed by digest, are refused before the first one is taken. */
    readonly refusals?: number
  } = {},
): Promise<ChangedRegistry> {
  let refusals = options.refusals ?? 0
  return startChangedRegistry(async (request, _body, origin) => {
    const url = request.url ?? ''
    const tag = /manifests\/(sha256-\w+(?:\.sig)?)$/.exec(url)?.[1]
    if (request.method === 'PUT' && url.includes('/manifests/sha256:') && refusals > 0) {
      refusals -= 1
      return { status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' }
    }
    if (url.includes('/referrers/')) return { status: 404, body: '404 page not found' }
    if (options.isImmutable === true && request.method === 'PUT' && tag !== undefined) {
      const there = await fetch(`${origin}${url}`)
      await there.arrayBuffer()
      if (there.ok) return { status: options.status ?? 400, body: '{}' }
    }
    return undefined
  })
}

async function tagIndex(client: RegistryClient, image: PushedImage) {
  const found = await client.getManifest(image.repository, fallbackTag(image.digest))
  return JSON.parse(new TextDecoder().decode(found.bytes)) as {
    readonly manifests: readonly Record<string, unknown>[]
  }
}

describe('the fallback tag', () => {
  it('gets what waits in this process in one write, and keeps what others wrote', async () => {
    await using registry = await startWithoutApi()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const foreign = referrer('foreign', image.digest)
    await client.blobs.push(image.repository, encode({}))
    const manifest = { mediaType: OCI_IMAGE_MANIFEST, bytes: foreign }
    await client.pushManifest(image.repository, digestOf(foreign), manifest)
    const foreignEntry = { ...entry(foreign), platform: { os: 'plan9', architecture: 'mips' } }
    const written = { mediaType: OCI_IMAGE_INDEX, bytes: index([foreignEntry]) }
    await client.pushManifest(image.repository, fallbackTag(image.digest), written)
    const before = puts(registry.seen, fallbackTag(image.digest))
    const names = Array.from({ length: 20 }, (_, number) => `bundle ${number}`)
    await Promise.all(names.map((name) => publishBundle(client, image, bundle(name))))
    const { manifests } = await tagIndex(client, image)
    assert.equal(manifests.length, 21)
    assert.deepEqual(
      manifests.find(({ digest }) => digest === foreignEntry.digest),
      foreignEntry,
    )
    const digests = manifests.map(({ digest }) => String(digest))
    assert.deepEqual(digests, digests.toSorted())
    const writes = puts(registry.seen, fallbackTag(image.digest)) - before
    // How many wait together depends on the machine.
    assert.ok(writes <= 10, `expected few writes for 20 bundles, found ${writes}`)
  })

  for (const status of [400, 403, 409, 412]) {
    it(`that may not be changed is recognised, by ${status} without words`, async () => {
      await using registry = await startWithoutApi({ isImmutable: true, status })
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      await publishBundle(client, image, bundle('one'))
      await assert.rejects(publishBundle(client, image, bundle('two')), {
        code: 'ERR_REGISTRY_IMMUTABLE_TAG',
      })
      assert.equal((await tagIndex(client, image)).manifests.length, 1)
    })
  }

  it('is reached where the manifest is refused for a moment, not where it stays so', async () => {
    for (const [refusals, isTaken] of [
      [3, true],
      // Once more as often, without what the descriptor brings along.
      [7, true],
      [8, false],
    ] as const) {
      await using registry = await startWithoutApi({ refusals })
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const published = publishBundle(client, image, bundle('one'))
      if (isTaken) assert.equal((await published).listedBy, 'tag')
      else await assert.rejects(published, { code: 'ERR_REGISTRY_REFUSED' })
    }
  })

  it('that is full is left as it is, so that it can still be read', async () => {
    const full = Array.from({ length: 1000 }, (_, number) => entry(encode({ number })))
    await using server = await startFake([], (request, response, path) => {
      if (request.method === 'GET' && path === `manifests/${fallbackTag(SUBJECT)}`) {
        sendIndex(response, full)
      } else if (request.method === 'GET') response.writeHead(404).end()
      else response.writeHead(request.method === 'HEAD' ? 200 : 201).end()
    })
    using client = new RegistryClient(EAGER)
    const repository = { registry: server.host, repository: 'team/app' }
    const image = { repository, digest: SUBJECT, mediaType: OCI_IMAGE_MANIFEST, size: 2 }
    await assert.rejects(publishBundle(client, image, bundle('one')), {
      code: 'ERR_REGISTRY_SIGNATURES',
    })
    assert.equal(puts(server.seen, fallbackTag(SUBJECT)), 0)
  })

  it('that holds an image is left alone', async () => {
    await using registry = await startWithoutApi()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const tag = fallbackTag(image.digest)
    const other = await pushTestImage(`${registry.host}/team/app:${tag}`)
    await assert.rejects(publishBundle(client, image, bundle('one')), {
      code: 'ERR_REGISTRY_SIGNATURES',
    })
    await assert.rejects(findReferrers(client, image.repository, image.digest), {
      code: 'ERR_REGISTRY_CONTENT',
    })
    assert.equal((await client.getManifest(image.repository, tag)).digest, other.digest)
  })
})

function puts(seen: readonly { readonly method: string; readonly url: string }[], tag: string) {
  return seen.filter(({ method, url }) => method === 'PUT' && url.endsWith(tag)).length
}

describe('a list of referrers', () => {
  const one = referrer('one', SUBJECT)
  const two = referrer('two', SUBJECT)
  const stranger = referrer('stranger', `sha256:${'cd'.repeat(32)}`)

  it('is read to its last page', async () => {
    await using server = await startFake([one, two], (request, response) => {
      if (request.url?.endsWith('?page=2') === true) sendIndex(response, [entry(two)])
      else sendIndex(response, [entry(one)], { link: `<${request.url ?? ''}?page=2>; rel="next"` })
    })
    const { source, referrers } = await listAt(server.host)
    assert.equal(source, 'api')
    assert.deepEqual(
      referrers.map(({ descriptor }) => descriptor.artifactType),
      ['test/one', 'test/two'],
    )
  })

  it('is read to its last page however that is linked, or not at all', async () => {
    const listWith = async (link: (next: string) => string) => {
      await using server = await startFake([one, two], (request, response) => {
        if (request.url?.endsWith('?page=2') === true) sendIndex(response, [entry(two)])
        else sendIndex(response, [entry(one)], { link: link(`<${request.url ?? ''}?page=2>`) })
      })
      return (await listAt(server.host)).referrers.length
    }
    const linked: ((next: string) => string)[] = [
      (next) => `${next}; rel=next`,
      (next) => `${next};REL = "NEXT"`,
      (next) => `${next}; rel="last  next"`,
      (next) => `${next}; title="a, \\"b\\" <c>; d"; crossorigin; rel="next"; rel="prev"`,
      (next) => `, </x>; rel=preload; as=a=b, ${next}; rel="next",${next}; rel="next"`,
    ]
    for (const link of linked) assert.equal(await listWith(link), 2, link('<>'))
    const others: ((next: string) => string)[] = [
      (next) => `${next}; rel="nextx"`,
      (next) => `${next}; rel=prev; rel=next`,
      (next) => `${next}; title="; rel=next"`,
      (next) => next,
    ]
    for (const link of others) assert.equal(await listWith(link), 1, link('<>'))
    const unclear: ((next: string) => string)[] = [
      (next) => `${next.slice(0, -1)}; rel="next"`,
      (next) => `${next}; rel="next`,
      (next) => `${next} rel="next"`,
      (next) => `${next}; rel=`,
      (next) => `x ${next}; rel="next"`,
      (next) => `${next}; rel="next", <?page=3>; rel="next"`,
      () => '<>; rel="next"',
    ]
    for (const link of unclear) {
      await assert.rejects(listWith(link), { code: 'ERR_REGISTRY_BAD_ANSWER' }, link('<>'))
    }
  })

  it('does not lead to another host, to another list, or round in a circle', async () => {
    await using other = await startHostileServer((_request, response) => sendIndex(response, []))
    const links = [
      `http://${other.host}/v2/team/app/referrers/${SUBJECT}?page=2`,
      `http://me:secret@HOST/v2/team/app/referrers/${SUBJECT}?page=2`,
      `/v2/team/other/referrers/${SUBJECT}?page=2`,
      `/v2/team/app/referrers/${SUBJECT}`,
      `//[`,
    ]
    for (const link of links) {
      await using server = await startFake([one], (request, response) => {
        const address = link.replace('HOST', request.headers.host ?? '')
        sendIndex(response, [entry(one)], { link: `<${address}>; rel="next"` })
      })
      await assert.rejects(listAt(server.host), { code: 'ERR_REGISTRY_BAD_ANSWER' }, link)
    }
    assert.deepEqual(other.seen, [])
  })

  it('without end is given up', async () => {
    let page = 0
    await using server = await startFake([], (request, response) => {
      const bytes = referrer(`number ${page++}`, SUBJECT)
      const link = `<${request.url?.split('?')[0] ?? ''}?page=${page}>; rel="next"`
      sendIndex(response, [entry(bytes)], { link })
    })
    await assert.rejects(listAt(server.host), { code: 'ERR_REGISTRY_TOO_LARGE' })
    await assert.rejects(listAt(server.host, { maxReferrers: 10 }), {
      code: 'ERR_REGISTRY_TOO_LARGE',
    })
    await using under = await startFake([], (_request, response, path) => {
      if (path.startsWith('referrers')) response.writeHead(404).end()
      else sendIndex(response, [entry(one), entry(two)])
    })
    await assert.rejects(listAt(under.host, { maxReferrers: 1 }), {
      code: 'ERR_REGISTRY_TOO_LARGE',
    })
  })

  it('that goes on for ever with nothing new is given up, after 100 pages or 32 MiB', async () => {
    for (const [padding, most] of [
      ['', 101],
      ['x'.repeat(3.9 * 1024 * 1024), 9],
    ] as const) {
      await using server = await startFake([], (request, response) => {
        const page = Number(/\d+$/.exec(request.url ?? '?0')) + 1
        const again = { ...entry(one), annotations: { padding } }
        sendIndex(response, [again], { link: `<?page=${page}>; rel="next"` })
      })
      using client = new RegistryClient()
      const repository = { registry: server.host, repository: 'team/app' }
      await assert.rejects(findReferrers(client, repository, SUBJECT), {
        code: 'ERR_REGISTRY_TOO_LARGE',
      })
      assert.equal(new Set(server.seen.map(({ url }) => url)).size, most)
    }
  })

  it('is not taken for whole where the way to its next page is too long to be read', async () => {
    await using server = await startFake([one], (request, response) => {
      const isNext = request.url?.includes('?') === true
      const link = `<?page=${'x'.repeat(5_000)}>; rel="next"`
      sendIndex(response, [entry(one)], isNext ? {} : { link })
    })
    await assert.rejects(listAt(server.host), { code: 'ERR_REGISTRY_BAD_ANSWER' })
  })

  it('of a million is refused, in one page or in many', async () => {
    const line = JSON.stringify(entry(one))
    await using server = await startFake([], (_request, response) => {
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX })
      response.write(`{"schemaVersion":2,"mediaType":"${OCI_IMAGE_INDEX}","manifests":[${line}`)
      const more = `,${line}`.repeat(1000)
      const pour = (): void => {
        while (!response.destroyed && response.write(more));
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    })
    await assert.rejects(listAt(server.host), { code: 'ERR_REGISTRY_TOO_LARGE' })
    await using pages = await startFake([], (request, response) => {
      const number = Number(new URL(request.url!, 'http://x').searchParams.get('n') ?? 0)
      const entries = Array.from({ length: 900 }, (_, row) =>
        entry(encode({ number: number * 900 + row })),
      )
      const link = `<?n=${number + 1}>; rel="next"`
      sendIndex(response, entries, { link })
    })
    await assert.rejects(listAt(pages.host), { code: 'ERR_REGISTRY_TOO_LARGE' })
    assert.ok(pages.seen.length < 10)
  })

  it('counts only what refers to the digest asked for', async () => {
    const absent = referrer('absent', SUBJECT)
    await using server = await startFake([one, stranger], (_request, response, path) => {
      if (path.startsWith('referrers')) {
        sendIndex(response, [entry(stranger), entry(one), entry(absent)])
      } else response.writeHead(404).end()
    })
    const { referrers, refused } = await listAt(server.host)
    assert.deepEqual(
      referrers.map(({ descriptor }) => descriptor.digest),
      [digestOf(one)],
    )
    assert.deepEqual(
      refused.map(({ digest, error }) => [digest, error.code]),
      [stranger, absent].map((bytes) => [digestOf(bytes), 'ERR_REGISTRY_REFERRER']),
    )
  })

  it('is none only where the registry says so', async () => {
    for (const [status, code] of [
      [401, 'ERR_REGISTRY_UNAUTHORIZED'],
      [403, 'ERR_REGISTRY_FORBIDDEN'],
      [405, 'ERR_REGISTRY_REFUSED'],
      [429, 'ERR_REGISTRY_UNAVAILABLE'],
      [500, 'ERR_REGISTRY_UNAVAILABLE'],
      [204, 'ERR_REGISTRY_BAD_ANSWER'],
      [302, 'ERR_REGISTRY_REDIRECT'],
    ] as const) {
      for (const isApi of [true, false]) {
        await using server = await startFake([], (_request, response, path) => {
          const isMeant = path.startsWith('referrers') === isApi
          response.writeHead(isMeant ? status : 404, { location: 'http://x.test/' }).end()
        })
        if (status === 302 && !isApi) continue
        await assert.rejects(listAt(server.host), { code }, `${status} ${isApi}`)
      }
    }
    await using silent = await startFake([], (_request, response) => response.writeHead(404).end())
    const nothing = { source: 'none', referrers: [], refused: [], passedOver: 0 }
    assert.deepEqual(await listAt(silent.host), nothing)
    await using bad = await startFake([], (_request, response) => response.writeHead(400).end())
    await assert.rejects(listAt(bad.host), { code: 'ERR_REGISTRY_REFUSED' })
  })

  it('is none where the fallback tag answers the subject itself', async () => {
    const image = referrer('image', `sha256:${'cd'.repeat(32)}`)
    await using server = await startFake([], (_request, response, path) => {
      if (path.startsWith('referrers')) response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': OCI_IMAGE_MANIFEST }).end(image)
    })
    using client = new RegistryClient(EAGER)
    const repository = { registry: server.host, repository: 'team/app' }
    const found = await findReferrers(client, repository, digestOf(image))
    assert.deepEqual(found, { source: 'none', referrers: [], refused: [], passedOver: 0 })
  })

  it('that is the subject itself, or its children, has no referrers', async () => {
    const child = encode({
      ...(JSON.parse(new TextDecoder().decode(one)) as object),
      subject: undefined,
    })
    await using server = await startFake([child], (_request, response, path) => {
      if (path.startsWith('referrers')) response.writeHead(404).end()
      else sendIndex(response, [entry(child), { ...entry(child), digest: SUBJECT }])
    })
    await assert.rejects(listAt(server.host), { code: 'ERR_REGISTRY_DIGEST' })
    await using honest = await startFake([child], (_request, response, path) => {
      if (path.startsWith('referrers')) response.writeHead(404).end()
      else sendIndex(response, [entry(child)])
    })
    const { source, referrers, refused } = await listAt(honest.host)
    assert.deepEqual([source, referrers], ['tag', []])
    assert.equal(refused.length, 1)
  })

  it('has to be an index', async () => {
    for (const [mediaType, bytes, code] of [
      ['application/json', index([]), 'ERR_REGISTRY_BAD_ANSWER'],
      [OCI_IMAGE_INDEX, encode([]), 'ERR_REGISTRY_CONTENT'],
      [OCI_IMAGE_INDEX, encode({ schemaVersion: 2, manifests: [{}] }), 'ERR_REGISTRY_CONTENT'],
      [
        OCI_IMAGE_INDEX,
        new TextEncoder().encode('{"manifests":[],"manifests":[]}'),
        'ERR_REGISTRY_CONTENT',
      ],
      [OCI_IMAGE_MANIFEST, one, 'ERR_REGISTRY_BAD_ANSWER'],
    ] as const) {
      await using server = await startFake([], (_request, response) => {
        response.writeHead(200, { 'content-type': mediaType }).end(bytes)
      })
      await assert.rejects(listAt(server.host), { code })
    }
  })

  it('that is missing for one manifest is not missing for the others', async () => {
    const other = `sha256:${'cd'.repeat(32)}`
    const docker = { 'docker-distribution-api-version': 'registry/2.0' }
    for (const [body, headers, isRemembered] of [
      ['{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', docker, false],
      ['{"errors":[{"code":"UNSUPPORTED"}]}', {}, true],
      ['404 page not found', docker, true],
      // Something before the registry may say so.
      ['<html>404 page not found</html>', {}, false],
    ] as const) {
      await using server = await startFake([one], (_request, response, path) => {
        if (path === `referrers/${SUBJECT}`) sendIndex(response, [entry(one)])
        else response.writeHead(404, headers).end(path.startsWith('referrers') ? body : '')
      })
      using client = new RegistryClient(EAGER)
      const repository = { registry: server.host, repository: 'team/app' }
      const digests = [other, SUBJECT, other, SUBJECT]
      const all = await Promise.all(
        digests.map((digest) => findReferrers(client, repository, digest)),
      )
      const expected = isRemembered ? [0, 0, 0, 0] : [0, 1, 0, 1]
      assert.deepEqual(
        all.map(({ referrers }) => referrers.length),
        expected,
        body,
      )
      const asked = server.seen.filter(({ url }) => url.includes('/referrers/')).length
      assert.equal(asked, isRemembered ? 1 : 4, body)
    }
  })

  it('is not asked for again where two answers were a page of something else', async () => {
    await using server = await startFake([], (_request, response) => {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not found</html>')
    })
    using client = new RegistryClient(EAGER)
    const asked = () => server.seen.filter(({ url }) => url.includes('/referrers/')).length
    for (const [name, count] of [
      ['team/app', 1],
      ['team/app', 2],
      ['team/app', 2],
      // It is nobody's word, so that it holds for nothing else.
      ['team/other', 3],
    ] as const) {
      const digest = `sha256:${String(asked()).repeat(64)}`
      const repository = { registry: server.host, repository: name }
      assert.equal((await listReferrers(client, repository, digest)).source, 'none')
      assert.equal(asked(), count)
    }
  })

  it('is not asked for again where the registry has said so of a neighbour', async () => {
    await using server = await startFake([], (_request, response) => {
      response.writeHead(404).end('{"errors":[{"code":"UNSUPPORTED"}]}')
    })
    using client = new RegistryClient(EAGER)
    const asked = () => server.seen.filter(({ url }) => url.includes('/referrers/')).length
    for (const [name, count] of [
      ['team/app', 1],
      ['team/other/app', 1],
      ['people/app', 2],
      ['team', 3],
    ] as const) {
      const repository = { registry: server.host, repository: name }
      assert.equal((await listReferrers(client, repository, SUBJECT)).source, 'none')
      assert.equal(asked(), count, name)
    }
  })

  it('falls back to the tag where the API knows nothing', async () => {
    await using server = await startFake([one], (_request, response, path) => {
      sendIndex(response, path.startsWith('referrers') ? [] : [entry(one)])
    })
    using client = new RegistryClient(EAGER)
    const repository = { registry: server.host, repository: 'team/app' }
    assert.equal((await listReferrers(client, repository, SUBJECT)).source, 'tag')
    assert.equal((await listAt(server.host)).referrers.length, 1)
  })
})
