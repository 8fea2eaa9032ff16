import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { MAX_MANIFEST_ENTRIES, OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { attachSignature } from '../../src/registry/attach-signature.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { generatePayload, type ImageByDigest } from '../../src/registry/resolve-image.ts'
import {
  describeSignature,
  encodeSignatures,
  layersOfSignatures,
  signatureTag,
  signatureTextOf,
} from '../../src/registry/signature-manifest.ts'
import { verifyImage } from '../../src/registry/verify-image.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startDockerRegistry } from '../support/registries.ts'

const attachProcess = fileURLToPath(new URL('attach-process.ts', import.meta.url))
const PROCESSES = 16

const registries = {
  'the embedded registry': { start: () => startEmbeddedRegistry(), skip: false as const },
  'a registry without conditional pushes': {
    start: () => startEmbeddedRegistry({ honoursConditions: false }),
    skip: false as const,
  },
  'docker-registry': {
    start: () => startDockerRegistry(),
    skip: component('docker-registry').absent,
  },
}

interface Signed {
  readonly payload: Uint8Array
  readonly publicKey: Uint8Array
  /** A signature; another one each time. */
  readonly sign: () => string
}

async function signWithNewKey(
  client: RegistryClient,
  reference: Parameters<typeof generatePayload>[1],
): Promise<Signed> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const payload = await generatePayload(client, reference, {})
  return {
    payload,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    sign: () => sign('sha256', payload, privateKey).toString('base64'),
  }
}

async function signaturesOf(client: RegistryClient, image: ImageByDigest): Promise<string[]> {
  const { manifest } = await client.getManifest(image.repository, signatureTag(image.digest))
  return layersOfSignatures(manifest).map((layer) => signatureTextOf(layer) ?? '')
}

for (const [name, { start, skip }] of Object.entries(registries)) {
  describe(`signatures attached on ${name}`, { skip }, () => {
    it(`by ${PROCESSES} processes at once to one image are all kept`, async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const runs = await Promise.all(
        Array.from({ length: PROCESSES }, () =>
          runProgram(process.execPath, [attachProcess, image.byDigest]),
        ),
      )
      for (const { code, stderr } of runs) assert.equal(code, 0, stderr)
      const attached = runs.map(({ stdout }) => stdout.trim())
      assert.equal(new Set(attached).size, PROCESSES)
      assert.deepEqual((await signaturesOf(client, image)).sort(), attached.sort())
    })

    it('by one process at once to one image are all kept', async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const signed = await signWithNewKey(client, image.reference)
      const signatures = Array.from({ length: 4 }, signed.sign)
      await Promise.all(
        signatures.map((signature) =>
          attachSignature(client, image, { payload: signed.payload, signature }),
        ),
      )
      assert.deepEqual(await signaturesOf(client, image), signatures)
    })
  })
}

describe('attachSignature', () => {
  it('does not attach the same signature twice, however its base64 is broken', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const { payload, sign: makeSignature } = await signWithNewKey(client, image.reference)
    const signature = makeSignature()
    const { found, ...first } = await attachSignature(client, image, { payload, signature })
    assert.deepEqual(first, {
      tag: signatureTag(image.digest),
      outcome: 'attached',
      signatures: 1,
    })
    assert.equal(found?.manifest.kind === 'manifest' ? found.manifest.layers.length : 0, 1)
    const wrapped = signature.replace(/.{20}/g, '$&\n')
    const again = await attachSignature(client, image, { payload, signature: wrapped })
    assert.equal(again.outcome, 'already-attached')
    assert.equal((await signaturesOf(client, image)).length, 1)
  })

  it('with the key sees that another signature of that key is there already', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const one = await signWithNewKey(client, image.reference)
    const other = await signWithNewKey(client, image.reference)
    const attach = ({ payload, publicKey, sign: makeSignature }: Signed) =>
      attachSignature(client, image, { payload, signature: makeSignature() }, { publicKey })
    assert.equal((await attach(one)).outcome, 'attached')
    assert.equal((await attach(one)).outcome, 'already-attached')
    assert.equal((await attach(other)).outcome, 'attached')
    assert.equal((await signaturesOf(client, image)).length, 2)
  })

  it('refuses a signature that the given key did not make', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const one = await signWithNewKey(client, image.reference)
    const other = await signWithNewKey(client, image.reference)
    const signature = { payload: one.payload, signature: other.sign() }
    await assert.rejects(attachSignature(client, image, signature, { publicKey: one.publicKey }), {
      code: 'ERR_VERIFY_SIGNATURE',
    })
    assert.equal(await client.findManifest(image.repository, signatureTag(image.digest)), undefined)
  })

  it('refuses the payload of another image, and what is no payload or signature', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const other = await pushTestImage(`${registry.host}/team/app:2`)
    const { payload, sign: makeSignature } = await signWithNewKey(client, other.reference)
    const signature = makeSignature()
    const attach = (changed: object) =>
      attachSignature(client, image, { payload, signature, ...changed })
    await assert.rejects(attach({}), { code: 'ERR_VERIFY_DIGEST' })
    await assert.rejects(attach({ payload: new TextEncoder().encode('{}') }), {
      code: 'ERR_FORMAT_PAYLOAD',
    })
    await assert.rejects(attach({ signature: 'not base64!' }), {
      code: 'ERR_VERIFY_SIGNATURE_TEXT',
    })
    await assert.rejects(attach({ signature: '' }), { code: 'ERR_VERIFY_SIGNATURE_TEXT' })
  })

  it('leaves alone what is no set of signatures', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const {
      payload,
      publicKey,
      sign: makeSignature,
    } = await signWithNewKey(client, image.reference)
    const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] }
    const bytes = new TextEncoder().encode(JSON.stringify(index))
    const tag = signatureTag(image.digest)
    const digest = await client.pushManifest(image.repository, tag, {
      mediaType: OCI_IMAGE_INDEX,
      bytes,
    })
    const attach = attachSignature(client, image, { payload, signature: makeSignature() })
    await assert.rejects(attach, { code: 'ERR_REGISTRY_SIGNATURES' })
    assert.equal((await client.getManifest(image.repository, tag)).digest, digest)
    const verify = verifyImage(client, image.reference, { publicKey })
    await assert.rejects(verify, { code: 'ERR_VERIFY_NOTHING_ACCEPTED' })
  })

  it('keeps what others wrote into the manifest', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const { payload, sign: makeSignature } = await signWithNewKey(client, image.reference)
    const layer = describeSignature({ payload, signature: makeSignature() })
    const foreign = { ...layer, annotations: { ...layer.annotations, 'test.acme/x': '<1>' } }
    const encoded = encodeSignatures([foreign], { annotations: { 'test.acme/y': '2' } })
    await client.blobs.push(image.repository, payload)
    await client.blobs.push(image.repository, encoded.config)
    await client.pushManifest(image.repository, signatureTag(image.digest), encoded)
    await attachSignature(client, image, { payload, signature: makeSignature() })
    const { manifest } = await client.getManifest(image.repository, signatureTag(image.digest))
    assert.deepEqual(manifest.annotations, { 'test.acme/y': '2' })
    assert.deepEqual(layersOfSignatures(manifest)[0], foreign)
    assert.equal(layersOfSignatures(manifest).length, 2)
  })

  it('does not go beyond the number of signatures that every reader accepts', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const { payload, sign: makeSignature } = await signWithNewKey(client, image.reference)
    const layer = describeSignature({ payload, signature: 'AAAA' })
    const encoded = encodeSignatures(Array.from({ length: MAX_MANIFEST_ENTRIES }, () => layer))
    await client.blobs.push(image.repository, payload)
    await client.blobs.push(image.repository, encoded.config)
    await client.pushManifest(image.repository, signatureTag(image.digest), encoded)
    const attach = attachSignature(client, image, { payload, signature: makeSignature() })
    await assert.rejects(attach, { code: 'ERR_REGISTRY_SIGNATURES' })
  })
})
