import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import type { ErrorCode } from '../../src/errors/codes.ts'
import { encodePem } from '../../src/format/pem.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { encodeSimpleSigning } from '../../src/format/simple-signing.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { describeSignature, encodeSignatures } from '../../src/registry/signature-manifest.ts'
import { verifyImage, type ImageRequirements } from '../../src/registry/verify-image.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signStatement,
  trustedRootOf,
  type BundleOptions,
} from '../verify/test-sigstore.ts'
import { digestOf, encodeJson, startMapRegistry, type MapRegistry } from './map-registry.ts'
import { UNHURRIED } from './unhurried.ts'

const SIGN = 'https://sigstore.dev/cosign/sign/v1'
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const FAST = { attempts: 1, baseDelayMs: 1, maxDelayMs: 1, maxRetryAfterMs: 1 }
const sigstore = createTestSigstore()
const leaf = issueLeaf(sigstore)
const stranger = issueLeaf(sigstore)
const now = new Date('2026-07-01T00:00:00Z')
const byKey = { publicKey: leaf.publicKey }
const trustedRoot = loadTrustedRoot(JSON.stringify(trustedRootOf(sigstore)))
const byIdentity = { trustedRoot, certificate: { identity, issuer }, requires: { log: 1 } }

interface Made {
  readonly signer?: typeof leaf
  readonly subject?: object
  readonly predicateType?: string
  /** What the manifest says; what the statement says by default. */
  readonly annotation?: string | null
  readonly options?: BundleOptions
  readonly subjectDigest?: string
  /** What the descriptor of the bundle brings along as its content. */
  readonly data?: (bundle: Uint8Array) => Uint8Array
}

/** A registry with one image `team/app:1`, and ways to sign it. */
async function prepare() {
  const registry = await startMapRegistry()
  const image = registry.add(
    encodeJson({
      schemaVersion: 2,
      mediaType: OCI_IMAGE_MANIFEST,
      config: registry.addBlob(encodeJson({}), 'application/vnd.oci.image.config.v1+json'),
      layers: [],
    }),
    '1',
  )
  const context = `${registry.host}/team/app`
  return {
    registry,
    image,
    context,
    sigTag: `${image.digest.replace(':', '-')}.sig`,
    addBundle(made: Made = {}): string {
      const predicateType = made.predicateType ?? SIGN
      const statement = {
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ digest: { sha256: image.digest.slice(7) }, ...made.subject }],
        predicateType,
        predicate: {},
      }
      const options = made.options ?? { isKeySigned: true, logs: [] }
      const bundle = signStatement(sigstore, made.signer ?? leaf, statement, options)
      const annotation = made.annotation === undefined ? predicateType : made.annotation
      return addReferrer(registry, {
        layer: encodeJson(bundle),
        subjectDigest: made.subjectDigest ?? image.digest,
        ...(made.data === undefined ? {} : { data: made.data(encodeJson(bundle)) }),
        annotations: annotation === null ? {} : { 'dev.sigstore.bundle.predicateType': annotation },
      })
    },
    addEnvelope(made: Made, chain: readonly (typeof leaf)[] = []): void {
      const predicateType = made.predicateType ?? SIGN
      const statement = {
        _type: 'https://in-toto.io/Statement/v0.1',
        subject: [{ name: context, digest: { sha256: image.digest.slice(7) }, ...made.subject }],
        predicateType,
        predicate: {},
      }
      const signer = made.signer ?? leaf
      const { dsseEnvelope } = signStatement(sigstore, signer, statement, { logs: [] })
      const layer = registry.addBlob(
        encodeJson(dsseEnvelope),
        'application/vnd.dsse.envelope.v1+json',
      )
      const annotation = made.annotation === undefined ? predicateType : made.annotation
      const pem = (parties: readonly (typeof leaf)[]) =>
        parties.map(({ certificate }) => encodePem('CERTIFICATE', certificate)).join('')
      const annotations = {
        'dev.cosignproject.cosign/signature': '',
        ...(annotation === null ? {} : { predicateType: annotation }),
        ...(chain.length === 0
          ? {}
          : {
              'dev.sigstore.cosign/certificate': pem([signer]),
              'dev.sigstore.cosign/chain': pem(chain),
            }),
      }
      const { bytes } = encodeSignatures([{ ...layer, annotations }])
      registry.add(bytes, `${image.digest.replace(':', '-')}.att`)
    },
    addSignature(signer = leaf, dockerReference = context): Uint8Array {
      const payload = encodeSimpleSigning({ dockerReference, manifestDigest: image.digest })
      registry.addBlob(payload, 'x')
      const signature = sign('sha256', payload, signer.privateKey).toString('base64')
      const { bytes } = encodeSignatures([describeSignature({ payload, signature })])
      registry.add(bytes, this.sigTag)
      return bytes
    },
    /** The same as a referrer, as Cosign's mode `oci-1-1` has it; with an artifact type, if any. */
    addReferringSignature(artifactType?: string): void {
      const signatures = JSON.parse(Buffer.from(this.addSignature()).toString()) as object
      const subject = { mediaType: OCI_IMAGE_MANIFEST, digest: image.digest, size: 1 }
      const type = artifactType === undefined ? {} : { artifactType }
      const { digest } = registry.add(encodeJson({ ...signatures, subject, ...type }))
      registry.referrers.push({ mediaType: OCI_IMAGE_MANIFEST, digest, size: 1000, ...type })
    },
    verify: (requirements: ImageRequirements = byKey, maxAttachedBytes?: number) => {
      const client = new RegistryClient({ retries: FAST, timeouts: UNHURRIED, maxAttachedBytes })
      return verifyImage(client, parseReference(`${context}:1`), { now, ...requirements })
    },
    async refuses(
      code: ErrorCode,
      reason: RegExp,
      requirements: ImageRequirements = byKey,
    ): Promise<void> {
      await assert.rejects(this.verify(requirements), (error) => {
        const found = error as { code: string; message: string; hints: readonly string[] }
        assert.equal(found.code, code, found.message)
        assert.match([found.message, ...found.hints].join('\n'), reason)
        return true
      })
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}

/** Adds a manifest with a bundle, listed as a referrer of the image; returns its digest. */
function addReferrer(
  registry: MapRegistry,
  referrer: {
    readonly layer: Uint8Array
    readonly subjectDigest: string
    readonly annotations: Readonly<Record<string, string>>
    readonly size?: number
    readonly data?: Uint8Array
  },
): string {
  const described = registry.addBlob(referrer.layer, BUNDLE)
  const { digest } = registry.add(
    encodeJson({
      schemaVersion: 2,
      mediaType: OCI_IMAGE_MANIFEST,
      config: registry.addBlob(encodeJson({}), 'application/vnd.oci.empty.v1+json'),
      layers: [
        {
          ...described,
          size: referrer.size ?? described.size,
          ...(referrer.data === undefined
            ? {}
            : { data: Buffer.from(referrer.data).toString('base64') }),
        },
      ],
      annotations: referrer.annotations,
      subject: { mediaType: OCI_IMAGE_MANIFEST, digest: referrer.subjectDigest, size: 1 },
      artifactType: BUNDLE,
    }),
  )
  registry.referrers.push({
    mediaType: OCI_IMAGE_MANIFEST,
    digest,
    size: 1000,
    artifactType: BUNDLE,
  })
  return digest
}

describe('the signatures of an image', () => {
  it('are bundles as well as signatures under the tag', async () => {
    await using flow = await prepare()
    const digest = flow.addBundle()
    const { verified, refused, hasReadReferrers } = await flow.verify()
    assert.deepEqual(refused, [])
    assert.equal(hasReadReferrers, true)
    assert.equal(verified.length, 1)
    assert.deepEqual(verified[0]?.place, {
      format: 'bundle',
      manifest: digest,
      tag: undefined,
      index: 0,
    })
    assert.equal(verified[0].identity, undefined)
  })

  it('are read from the manifest where that has them', async () => {
    await using flow = await prepare()
    flow.addBundle({ data: (bundle) => bundle })
    assert.equal((await flow.verify()).verified.length, 1)
    assert.equal(flow.registry.countOf('/blobs/'), 0)
  })

  it('are refused where the manifest has other bytes than it says', async () => {
    await using flow = await prepare()
    // The blob is right: it is no way out.
    flow.addBundle({ data: (bundle) => Buffer.concat([bundle, Buffer.from(' ')]) })
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /to be its content, found other bytes/)
    flow.addBundle({ signer: stranger, data: () => encodeJson({}) })
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /to be its content, found other bytes/)
  })

  it('under the tag suffice, and bundles are then looked at only where asked', async () => {
    await using flow = await prepare()
    flow.addSignature()
    flow.addBundle()
    const first = await flow.verify()
    assert.deepEqual(
      [first.verified.length, first.hasReadReferrers, flow.registry.countOf('/referrers/')],
      [1, false, 0],
    )
    const all = await flow.verify({ ...byKey, isExhaustive: true })
    assert.deepEqual([all.verified.length, all.hasReadReferrers], [2, true])
  })

  it('do not hide one another, whichever is of a stranger', async () => {
    await using flow = await prepare()
    flow.addSignature(leaf)
    flow.addBundle({ signer: stranger })
    assert.equal((await flow.verify()).verified[0]?.place.format, 'simple-signing')
    await flow.verify({ ...byKey, isExhaustive: true })

    await using reverse = await prepare()
    reverse.addSignature(stranger)
    reverse.addBundle({ signer: stranger })
    reverse.addBundle()
    const { verified, refused } = await reverse.verify()
    assert.equal(verified[0]?.place.format, 'bundle')
    assert.deepEqual(
      refused.map(({ error }) => error.code),
      ['ERR_VERIFY_SIGNATURE', 'ERR_VERIFY_SIGNATURE'],
    )
  })

  it('are found although the tag holds something else', async () => {
    await using flow = await prepare()
    flow.addBundle()
    const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] }
    flow.registry.add(encodeJson(index), flow.sigTag, OCI_IMAGE_INDEX)
    const { verified, refused } = await flow.verify()
    assert.equal(verified.length, 1)
    assert.deepEqual(
      refused.map(({ error }) => error.code),
      ['ERR_REGISTRY_SIGNATURES'],
    )
    const reason = /What is under sha256-.*\.sig: .*ERR_REGISTRY_SIGNATURES/
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', reason, { publicKey: stranger.publicKey })
  })

  it('are of the key, for the digest, with the annotations, and no attestation', async () => {
    await using flow = await prepare()
    flow.addBundle({ subject: { annotations: { env: 'prod' } } })
    await flow.verify({ ...byKey, annotations: { env: 'prod' } })
    const nothing = 'ERR_VERIFY_NOTHING_ACCEPTED'
    const annotations = { env: 'test' }
    await flow.refuses(nothing, /ERR_VERIFY_ANNOTATION/, { ...byKey, annotations })
    const { publicKey } = stranger
    await flow.refuses(nothing, /Bundle sha256:\w+: .*ERR_VERIFY_SIGNATURE/, { publicKey })
    await flow.refuses(nothing, /expected a signature with a certificate/, byIdentity)

    for (const [made, code] of [
      [{ subject: { digest: { sha256: 'a'.repeat(64) } } }, 'ERR_VERIFY_ARTIFACT'],
      [{ predicateType: 'https://slsa.dev/provenance/v1', annotation: SIGN }, 'PREDICATE_TYPE'],
      [{ predicateType: 'https://slsa.dev/provenance/v1', annotation: null }, 'PREDICATE_TYPE'],
      [{ options: {} }, 'ERR_VERIFY_SIGNER'],
    ] as const) {
      await using other = await prepare()
      other.addBundle(made)
      await other.refuses(nothing, new RegExp(code))
    }
  })

  it('are missing where there are attestations only, which is told', async () => {
    await using flow = await prepare()
    flow.addBundle({ predicateType: 'https://slsa.dev/provenance/v1' })
    await flow.refuses('ERR_VERIFY_UNSIGNED', /has no signature\nIt has 1 referrer that is/)
    assert.equal(flow.registry.countOf('/blobs/'), 0)
    // What the list itself calls something else is not even asked for.
    const digest = `sha256:${'c'.repeat(64)}`
    const artifactType = 'application/spdx+json'
    flow.registry.referrers.push({ mediaType: OCI_IMAGE_MANIFEST, digest, size: 1, artifactType })
    await flow.refuses('ERR_VERIFY_UNSIGNED', /It has 2 referrers that are/)
    assert.equal(flow.registry.countOf(digest), 0)
  })

  it('are for the repository where they name one', async () => {
    await using flow = await prepare()
    flow.addBundle({ subject: { name: `${flow.context}:9` } })
    const { verified } = await flow.verify({ ...byKey, requiresIdentity: true })
    assert.equal(verified[0]?.identity, `${flow.context}:9`)

    await using other = await prepare()
    other.addBundle({ subject: { name: 'registry.acme.test/test/app' } })
    const nothing = 'ERR_VERIFY_NOTHING_ACCEPTED'
    await other.refuses(nothing, /found one for registry\.acme\.test\/test\/app.*VERIFY_IDENTITY/)
    await other.verify({ ...byKey, allowedIdentities: ['registry.acme.test/test/app'] })

    await using silent = await prepare()
    silent.addBundle()
    const requirements = { ...byKey, requiresIdentity: true }
    await silent.refuses(nothing, /for the digest alone.*ERR_VERIFY_IDENTITY/, requirements)
  })
})

describe('the attestations of an image', () => {
  const type = 'https://acme.test/built/v1'
  const wanted = { ...byKey, predicateType: type }

  it('are of the type, the key, the digest and the repository, in both formats', async () => {
    const nothing = 'ERR_VERIFY_NOTHING_ACCEPTED'
    for (const isTagged of [false, true]) {
      const add = (flow: Awaited<ReturnType<typeof prepare>>, made: Made) =>
        isTagged ? flow.addEnvelope(made) : flow.addBundle(made)
      await using flow = await prepare()
      add(flow, { predicateType: type })
      const { verified } = await flow.verify(wanted)
      assert.equal(verified[0]?.place.format, isTagged ? 'envelope' : 'bundle')
      await flow.refuses('ERR_VERIFY_UNSIGNED', /has no signature/)
      const spdx = { ...byKey, predicateType: 'https://spdx.dev/Document' }
      await flow.refuses('ERR_VERIFY_UNSIGNED', /no attestation of the type .*spdx/, spdx)
      for (const [made, reason] of [
        [{ predicateType: SIGN, annotation: type }, /ERR_VERIFY_PREDICATE_TYPE/],
        [{ predicateType: SIGN, annotation: null }, /ERR_VERIFY_PREDICATE_TYPE/],
        [{ signer: stranger }, /ERR_VERIFY_SIGNATURE\)/],
        [{ subject: { digest: { sha256: 'a'.repeat(64) } } }, /ERR_VERIFY_ARTIFACT/],
        [{ subject: { name: 'registry.acme.test/x' } }, /ERR_VERIFY_IDENTITY/],
      ] as const) {
        await using other = await prepare()
        add(other, { predicateType: type, ...made })
        await other.refuses(nothing, reason, wanted)
      }
    }
  })

  it('are none of the signatures that refer to it, whatever they call themselves', async () => {
    for (const artifactType of [undefined, 'application/vnd.dev.cosign.artifact.sig.v1+json']) {
      await using flow = await prepare()
      flow.addReferringSignature(artifactType)
      const { verified } = await flow.verify({ ...byKey, isExhaustive: true })
      assert.equal(verified.length, 2)
      await flow.refuses('ERR_VERIFY_UNSIGNED', /no attestation of the type/, wanted)
    }
  })

  it('under the tag count with the certificate that came along', async () => {
    await using flow = await prepare()
    flow.addEnvelope({ predicateType: type }, [sigstore.intermediate])
    const requirements = { ...byIdentity, requires: { log: 0 }, predicateType: type }
    await flow.verify({ ...requirements, now: sigstore.signedAt })
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /CERTIFICATE_TIME/, requirements)
  })
})

describe('a signature with a certificate', () => {
  it('is of the identity, at a time that somebody vouches for', async () => {
    await using flow = await prepare()
    flow.addBundle({ options: {} })
    const { verified } = await flow.verify(byIdentity)
    assert.partialDeepStrictEqual(verified[0]?.signer, { kind: 'certificate', identity, issuer })
    assert.deepEqual(verified[0]?.signedAt, [sigstore.signedAt])
    for (const [certificate, code] of [
      [{ identity: 'x@acme.example', issuer }, 'ERR_VERIFY_CERTIFICATE_IDENTITY'],
      [{ identityPattern: 'release@acme.exam', issuer }, 'ERR_VERIFY_CERTIFICATE_IDENTITY'],
      [{ identity, issuer: 'https://login.acme' }, 'ERR_VERIFY_CERTIFICATE_ISSUER'],
    ] as const) {
      const requirements = { ...byIdentity, certificate }
      await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', new RegExp(code), requirements)
    }
    const twice = { ...byIdentity, requires: { log: 2 } }
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /ERR_VERIFY_LOG_COUNT/, twice)
  })

  it('that has expired is refused where nobody says when it was made', async () => {
    await using flow = await prepare()
    flow.addBundle({ options: { logs: [] } })
    const requirements = { ...byIdentity, requires: { log: 0 } }
    const nothing = 'ERR_VERIFY_NOTHING_ACCEPTED'
    await flow.refuses(nothing, /ERR_VERIFY_CERTIFICATE_TIME/, requirements)
    await flow.verify({ ...requirements, now: sigstore.signedAt })
  })
})

describe('a registry that lists referrers', () => {
  for (const [status, code] of [
    [401, 'ERR_REGISTRY_UNAUTHORIZED'],
    [403, 'ERR_REGISTRY_FORBIDDEN'],
    [405, 'ERR_REGISTRY_REFUSED'],
    [429, 'ERR_REGISTRY_UNAVAILABLE'],
    [500, 'ERR_REGISTRY_UNAVAILABLE'],
  ] as const) {
    it(`with ${status} does not make an image unsigned`, async () => {
      await using flow = await prepare()
      flow.registry.referrersStatus = status
      await assert.rejects(flow.verify(), { code })
      flow.addSignature(stranger)
      await assert.rejects(flow.verify(), { code })
      flow.addSignature()
      assert.equal((await flow.verify()).verified.length, 1)
      const { obstacles } = await flow.verify({ ...byKey, isExhaustive: true })
      assert.equal(obstacles[0]?.code, code)
    })
  }

  it('may list bundles under the fallback tag', async () => {
    await using flow = await prepare()
    flow.addBundle()
    flow.registry.referrersStatus = 404
    await assert.rejects(flow.verify(), { code: 'ERR_VERIFY_UNSIGNED' })
    const { referrers } = flow.registry
    // As older writers have it, with a type that says nothing.
    const manifests = referrers.map((one) => ({
      ...one,
      artifactType: 'application/vnd.oci.empty.v1+json',
    }))
    const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests }
    flow.registry.add(encodeJson(index), flow.image.digest.replace(':', '-'), OCI_IMAGE_INDEX)
    assert.equal((await flow.verify()).verified.length, 1)
  })

  it('that lists what refers to another image does not get it accepted', async () => {
    await using flow = await prepare()
    const digest = flow.addBundle({ subjectDigest: `sha256:${'b'.repeat(64)}` })
    const reason = new RegExp(`Referrer ${digest}: .*ERR_REGISTRY_REFERRER`)
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', reason)
  })

  it('that has other bytes, or too many, under a digest is told so, and hides nothing', async () => {
    await using flow = await prepare()
    const layer = encodeJson({ wrong: true })
    const base = { layer, subjectDigest: flow.image.digest, annotations: {} }
    addReferrer(flow.registry, { ...base, size: 25 * 1024 * 1024 })
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /ERR_REGISTRY_TOO_LARGE/)
    const other = encodeJson({ wrong: false })
    addReferrer(flow.registry, { ...base, layer: other })
    flow.registry.blobs.set(digestOf(other), encodeJson({ wrong: 1234 }))
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /ERR_REGISTRY_DIGEST/)
    flow.addBundle()
    assert.equal((await flow.verify()).refused.length, 2)
  })

  it('that answers a manifest that is none, or its own, hides no other', async () => {
    await using flow = await prepare()
    const junk = flow.registry.add(encodeJson({ schemaVersion: 2 }))
    const itself = flow.image.digest
    for (const digest of [junk.digest, itself]) {
      const entry = { mediaType: OCI_IMAGE_MANIFEST, digest, size: 1, artifactType: BUNDLE }
      flow.registry.referrers.push(entry)
    }
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /ERR_REGISTRY_CONTENT/)
    flow.addBundle()
    const { verified, refused } = await flow.verify()
    assert.equal(verified.length, 1)
    assert.deepEqual(
      refused.map(({ error }) => error.code),
      ['ERR_REGISTRY_CONTENT', 'ERR_REGISTRY_REFERRER'],
    )
  })

  it('of which there is no end is refused', async () => {
    await using flow = await prepare()
    flow.registry.isEndless = true
    await assert.rejects(flow.verify(), { code: 'ERR_REGISTRY_TOO_LARGE' })
    assert.ok(flow.registry.countOf('/manifests/') < 5)
  })

  it('has more bytes of bundles than are read of one image is refused', async () => {
    await using flow = await prepare()
    for (let n = 0; n < 4; n += 1) {
      const layer = new Uint8Array(17 * 1024 * 1024).fill(0x20 + n)
      const referrer = { layer, subjectDigest: flow.image.digest, annotations: {} }
      addReferrer(flow.registry, referrer)
    }
    await flow.refuses(
      'ERR_REGISTRY_ATTACHED_SIZE',
      /1 of 4 were not looked at(.|\n)*--max-attached/,
    )
    assert.equal(flow.registry.countOf('/blobs/'), 3)
  })
})

describe('what belongs to one image has a limit in bytes', () => {
  const MIB = 1024 * 1024
  const code = 'ERR_REGISTRY_ATTACHED_SIZE'

  /** A referrer that is large itself. @param listedSize What the list says. */
  function addLargeReferrer(flow: Awaited<ReturnType<typeof prepare>>, listedSize?: number): void {
    const subjectDigest = flow.image.digest
    const annotations = { filler: 'x'.repeat(400_000), n: String(flow.registry.referrers.length) }
    const digest = addReferrer(flow.registry, { layer: encodeJson({}), subjectDigest, annotations })
    const entry = flow.registry.referrers.pop()!
    const size = listedSize ?? flow.registry.sizeOf(digest)
    flow.registry.referrers.push({ ...entry, size })
  }

  it('that is kept before any manifest is read, where the list says how large they are', async () => {
    await using flow = await prepare()
    for (let n = 0; n < 3; n += 1) addLargeReferrer(flow)
    flow.addBundle()
    await assert.rejects(flow.verify(byKey, MIB), { code })
    // The image itself and the tag of signatures.
    assert.equal(flow.registry.countOf('/manifests/'), 2)
    assert.equal((await flow.verify(byKey, 2 * MIB)).verified.length, 1)
  })

  it('that is kept while they are read, whatever the list says', async () => {
    await using flow = await prepare()
    for (let n = 0; n < 30; n += 1) addLargeReferrer(flow, 1)
    await assert.rejects(flow.verify(byKey, MIB), { code })
    // Two fit; eight are read at the same time.
    assert.ok(flow.registry.countOf('/manifests/sha256:') <= 10)
  })

  it('that hides no signature under the tag, and is told where all are looked at', async () => {
    await using flow = await prepare()
    for (let n = 0; n < 3; n += 1) addLargeReferrer(flow)
    flow.addSignature()
    assert.equal((await flow.verify(byKey, MIB)).failure, undefined)
    const all = await flow.verify({ ...byKey, isExhaustive: true }, MIB)
    assert.deepEqual(
      all.obstacles.map((one) => one.code),
      [code],
    )
    flow.addSignature(stranger)
    await assert.rejects(flow.verify(byKey, MIB), { code })
  })

  it('of which what comes first is used up first: a signature within it counts', async () => {
    await using flow = await prepare()
    const large = (n: number) => {
      const layer = new Uint8Array(700_000).fill(0x20 + n)
      addReferrer(flow.registry, { layer, subjectDigest: flow.image.digest, annotations: {} })
    }
    large(0)
    flow.addBundle()
    large(1)
    const { verified, refused, obstacles } = await flow.verify(byKey, MIB)
    assert.equal(verified.length, 1)
    assert.equal(refused.length, 1)
    assert.match(obstacles[0]?.message ?? '', /1 MiB .*1 of 3 were not looked at/)
    await assert.rejects(flow.verify({ publicKey: stranger.publicKey }, MIB), { code })
  })

  it('that payloads under the tag count for, each once', async () => {
    await using flow = await prepare()
    const payloads = Array.from({ length: 40 }, (_, n) =>
      encodeJson({ n, filler: 'x'.repeat(40_000) }),
    )
    for (const payload of payloads) flow.registry.addBlob(payload, 'x')
    const layers = [...payloads, ...payloads].map((payload, n) =>
      describeSignature({ payload, signature: Buffer.from(`${n}`).toString('base64') }),
    )
    flow.registry.add(encodeSignatures(layers).bytes, flow.sigTag)
    await flow.refuses('ERR_VERIFY_NOTHING_ACCEPTED', /ERR_VERIFY/)
    assert.equal(flow.registry.countOf('/blobs/'), payloads.length)
    await assert.rejects(flow.verify(byKey, MIB), { code })
    assert.ok(flow.registry.countOf('/blobs/') < payloads.length + 26)
  })
})

it('a key that cannot be used is the fault of the caller', async () => {
  await using flow = await prepare()
  flow.addBundle()
  const { publicKey } = generateKeyPairSync('ed448')
  const requirements = { publicKey: publicKey.export({ type: 'spki', format: 'der' }) }
  await assert.rejects(flow.verify(requirements), { code: 'ERR_CRYPTO_KEY' })
})
