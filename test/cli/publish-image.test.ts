import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { Output } from '../../src/cli/output.ts'
import { prepareImage } from '../../src/cli/sign/image-to-sign.ts'
import { lookAtNothing } from '../../src/cli/sign/look-for-signatures.ts'
import { findNamedImages } from '../../src/cli/sign/named-images.ts'
import { publishImage } from '../../src/cli/sign/signed-image.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import type { SignatureFormat } from '../../src/policy/signature-format.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { signatureTag } from '../../src/registry/signature-manifest.ts'
import { pushTestImage } from '../support/images.ts'

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }) }
}
const own = newKey()
const another = newKey()
const silent = new Output({ write: () => true }, { write: () => true })

/** An image in a registry, and a way to publish signatures of it that a key made. */
async function prepare() {
  const registry = await startEmbeddedRegistry()
  const pushed = await pushTestImage(`${registry.host}/team/app:1`)
  const client = new RegistryClient()
  const reference = parseReference(`${registry.host}/team/app:1`)
  const signal = AbortSignal.timeout(300_000)
  const [named] = await findNamedImages(silent, client, [reference], false, signal)
  assert(named !== undefined)
  const image = prepareImage(named, {})
  const made: SignatureFormat[] = []
  return {
    made,
    async countTagged(): Promise<number> {
      const found = await client.findManifest(pushed.repository, signatureTag(pushed.digest))
      return found?.manifest.kind === 'manifest' ? found.manifest.layers.length : 0
    },
    async publish(key: typeof own, format: SignatureFormat, isPublished: boolean) {
      const { fileName, bytes } = image.messages[format]
      const signature = sign('sha256', bytes, key.privateKey).toString('base64')
      const signed = {
        publicKey: own.publicKey,
        signatures: new Map([[fileName, signature]]),
        signedAt: new Date(),
        signingRequest: undefined,
      }
      const [look] = lookAtNothing([image], [format])
      assert(look !== undefined)
      const onMade = (): Promise<void> => {
        made.push(format)
        return Promise.resolve()
      }
      const publication = {
        publicKey: own.publicKey,
        chain: undefined,
        annotations: {},
        isForced: true,
        signedAt: signed.signedAt,
        signal,
      }
      const to = { output: silent, client, isPublished, onMade }
      const { signed: result, error } = await publishImage(to, look, signed, publication)
      return [result.outcome, error?.code]
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

describe('a signature that came back', () => {
  for (const format of ['legacy', 'bundle'] as const) {
    it(`as ${format}, of another key, is neither written nor published`, async () => {
      await using flow = await prepare()
      // The one that is there must not be taken for the one that was to be added.
      assert.deepEqual(await flow.publish(own, format, true), ['attached', undefined])
      const before = await flow.countTagged()
      for (const isPublished of [true, false]) {
        const outcome = await flow.publish(another, format, isPublished)
        assert.deepEqual(outcome, ['failed', 'ERR_VERIFY_SIGNATURE'], String(isPublished))
      }
      assert.deepEqual(flow.made, [format])
      assert.equal(await flow.countTagged(), before)
    })
  }
})
