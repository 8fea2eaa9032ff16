import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseReference } from '../../src/format/oci-reference.ts'
import { attachSignature } from '../../src/registry/attach-signature.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { generatePayload, type ImageByDigest } from '../../src/registry/resolve-image.ts'
import {
  describeSignature,
  encodeSignatures,
  signatureTag,
} from '../../src/registry/signature-manifest.ts'
import { verifyImage } from '../../src/registry/verify-image.ts'
import { runProgram, type Finished } from '../support/child-process.ts'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import {
  startDockerRegistry,
  startReferrersRegistry,
  startZot,
  type RunningRegistry,
} from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { cutOff } from '../support/workshop.ts'

const cosigns = [component('cosign-2'), component('cosign-3')]
const dockerRegistry = component('docker-registry')
const registries: readonly (readonly [Component, () => Promise<RunningRegistry>])[] = [
  [dockerRegistry, startDockerRegistry],
  [component('referrers-registry'), startReferrersRegistry],
  [component('zot'), startZot],
]
const SOME_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

interface Key {
  readonly privateKey: KeyObject
  readonly spki: Uint8Array
  readonly pem: string
}

function createKey(kind: 'P-256' | 'RSA-3072'): Key {
  const { privateKey, publicKey } =
    kind === 'P-256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 3072 })
  return {
    privateKey,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

const keys = { 'P-256': createKey('P-256'), 'RSA-3072': createKey('RSA-3072') }

/** Runs cosign with nothing of this machine's configuration, and no way out of it. */
function runCosign(cosign: Component, directory: string, ...args: string[]): Promise<Finished> {
  return runProgram(cosign.path, args, { env: cutOff(directory) })
}

async function cosignVerify(
  cosign: Component,
  directory: string,
  pem: string,
  image: string,
): Promise<Finished> {
  const path = join(directory, `${createHash('sha256').update(pem).digest('hex')}.pub`)
  await writeFile(path, pem)
  return runCosign(
    cosign,
    directory,
    ...['verify', '--key', path, '--insecure-ignore-tlog=true', '--output', 'json', image],
  )
}

/** Makes metadata, signs it and attaches the signature, as the documented flow does. */
async function signByUs(
  client: RegistryClient,
  image: ImageByDigest & { readonly byDigest: string },
  key: Key,
): Promise<Uint8Array> {
  const payload = await generatePayload(client, parseReference(image.byDigest), {})
  const signature = sign('sha256', payload, key.privateKey).toString('base64')
  const options = { publicKey: key.spki }
  const { outcome } = await attachSignature(client, image, { payload, signature }, options)
  assert.equal(outcome, 'attached')
  return payload
}

for (const cosign of cosigns) {
  describe(`${cosign.name} generate`, { skip: cosign.absent }, () => {
    const annotations = {
      env: 'prod <b> & "quoted" \\',
      grüße: 'žluťoučký 🦊',
      zz: '',
      a: 'line\u2028end',
      Z: '1',
    }
    const names = [
      `registry.acme.test/team/app@${SOME_DIGEST}`,
      `registry.acme.test:5000/team/app:1.0@${SOME_DIGEST}`,
      `localhost:5000/app@${SOME_DIGEST}`,
      `alpine@${SOME_DIGEST}`,
      `library/alpine@${SOME_DIGEST}`,
      `bitnami/redis@${SOME_DIGEST}`,
      `docker.io/alpine@${SOME_DIGEST}`,
      `docker.io/bitnami/redis@${SOME_DIGEST}`,
      `index.docker.io/library/alpine@${SOME_DIGEST}`,
      `registry-1.docker.io/library/alpine@${SOME_DIGEST}`,
    ]
    for (const name of names) {
      it(`prints what we print for ${name.replace(/@.*/, '@digest')}`, async () => {
        await using directory = await createTemporaryDirectory()
        using client = new RegistryClient()
        const theirs = await runCosign(cosign, directory.path, 'generate', name)
        assert.equal(theirs.code, 0, theirs.stderr)
        const ours = await generatePayload(client, parseReference(name), {})
        assert.equal(Buffer.from(ours).toString('utf8'), theirs.stdout)
      })
    }

    it('prints what we print with annotations that Go escapes', async () => {
      await using directory = await createTemporaryDirectory()
      using client = new RegistryClient()
      const name = names[0]!
      // Cosign splits at commas and reads quotes as CSV does.
      const args = Object.entries(annotations).flatMap(([key, value]) => {
        return ['-a', `"${key}=${value.replaceAll('"', '""')}"`]
      })
      const theirs = await runCosign(cosign, directory.path, 'generate', ...args, name)
      assert.equal(theirs.code, 0, theirs.stderr)
      const ours = await generatePayload(client, parseReference(name), annotations)
      assert.equal(Buffer.from(ours).toString('utf8'), theirs.stdout)
    })

    it('resolves a tag to what we resolve it to', { skip: dockerRegistry.absent }, async () => {
      await using directory = await createTemporaryDirectory()
      await using registry = await startDockerRegistry()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1.0`)
      const theirs = await runCosign(
        cosign,
        directory.path,
        'generate',
        `${registry.host}/team/app:1.0`,
      )
      assert.equal(theirs.code, 0, theirs.stderr)
      const ours = await generatePayload(client, image.reference, {})
      assert.equal(Buffer.from(ours).toString('utf8'), theirs.stdout)
      assert.match(theirs.stdout, new RegExp(image.digest))
    })
  })

  for (const [registryComponent, start] of registries) {
    const skip = anyAbsent(cosign, registryComponent)
    describe(`${cosign.name} on ${registryComponent.name}`, { skip }, () => {
      for (const [name, key] of Object.entries(keys)) {
        it(`accepts what we attached with ${name}, and nothing else`, async () => {
          await using directory = await createTemporaryDirectory()
          await using registry = await start()
          using client = new RegistryClient()
          const image = await pushTestImage(`${registry.host}/team/app:1.0`)
          const other = await pushTestImage(`${registry.host}/team/app:2.0`)
          await signByUs(client, image, key)

          const accepted = await cosignVerify(cosign, directory.path, key.pem, image.byDigest)
          assert.equal(accepted.code, 0, accepted.stderr)
          assert.match(accepted.stdout, new RegExp(image.digest))

          const unsigned = await cosignVerify(cosign, directory.path, key.pem, other.byDigest)
          assert.equal(unsigned.code, 10, unsigned.stderr)
          assert.match(unsigned.stderr, /no signatures found/)

          const stranger = createKey('P-256').pem
          const foreign = await cosignVerify(cosign, directory.path, stranger, image.byDigest)
          assert.equal(foreign.code, 12, foreign.stderr)
        })
      }

      it('and we refuse a payload that was changed after it was signed', async () => {
        await using directory = await createTemporaryDirectory()
        await using registry = await start()
        using client = new RegistryClient()
        const key = keys['P-256']
        const image = await pushTestImage(`${registry.host}/team/app:1.0`)
        const payload = await generatePayload(client, image.reference, { env: 'test' })
        const signature = sign('sha256', payload, key.privateKey).toString('base64')
        const changed = await generatePayload(client, image.reference, { env: 'prod' })
        await pushSignature(client, image, changed, signature)

        const theirs = await cosignVerify(cosign, directory.path, key.pem, image.byDigest)
        assert.equal(theirs.code, 12, theirs.stderr)
        assert.match(theirs.stderr, /invalid signature/)
        await assert.rejects(verifyImage(client, image.reference, { publicKey: key.spki }), {
          code: 'ERR_VERIFY_NOTHING_ACCEPTED',
        })
      })

      it('and we refuse a signature that was made for another image', async () => {
        await using directory = await createTemporaryDirectory()
        await using registry = await start()
        using client = new RegistryClient()
        const key = keys['P-256']
        const image = await pushTestImage(`${registry.host}/team/app:1.0`)
        const other = await pushTestImage(`${registry.host}/team/app:2.0`)
        const payload = await generatePayload(client, image.reference, {})
        const signature = sign('sha256', payload, key.privateKey).toString('base64')
        await pushSignature(client, other, payload, signature)

        const theirs = await cosignVerify(cosign, directory.path, key.pem, other.byDigest)
        assert.equal(theirs.code, 12, theirs.stderr)
        const ours = verifyImage(client, other.reference, { publicKey: key.spki })
        await assert.rejects(ours, { code: 'ERR_VERIFY_NOTHING_ACCEPTED' })
      })

      it('attaches what we verify, beside what we attached, line breaks in base64 included', async () => {
        await using directory = await createTemporaryDirectory()
        await using registry = await start()
        using client = new RegistryClient()
        const [ours, theirs] = [keys['P-256'], keys['RSA-3072']]
        const image = await pushTestImage(`${registry.host}/team/app:1.0`)
        const payload = await signByUs(client, image, ours)
        const files = await writeSignature(directory.path, payload, theirs)
        const attached = await runCosign(
          cosign,
          directory.path,
          ...['attach', 'signature', ...files, image.byDigest],
        )
        assert.equal(attached.code, 0, attached.stderr)

        for (const { spki, pem } of [ours, theirs]) {
          const { verified, refused } = await verifyImage(client, image.reference, {
            publicKey: spki,
          })
          assert.equal(verified.length, 1)
          assert.deepEqual(
            refused.map(({ error }) => error.code),
            ['ERR_VERIFY_SIGNATURE'],
          )
          const accepted = await cosignVerify(cosign, directory.path, pem, image.byDigest)
          assert.equal(accepted.code, 0, accepted.stderr)
        }
        const again = { payload, signature: sign('sha256', payload, theirs.privateKey) }
        const { outcome } = await attachSignature(
          client,
          image,
          { payload, signature: again.signature.toString('base64') },
          { publicKey: theirs.spki },
        )
        assert.equal(outcome, 'already-attached')
      })

      it('writes the manifest that we write, byte for byte', async () => {
        await using directory = await createTemporaryDirectory()
        await using registry = await start()
        using client = new RegistryClient()
        const key = keys['P-256']
        const one = await pushTestImage(`${registry.host}/team/app:1.0`)
        const payload = await generatePayload(client, one.reference, { note: 'a&b' })
        const signatures = [1, 2].map(() =>
          sign('sha256', payload, key.privateKey).toString('base64'),
        )
        for (const signature of signatures) {
          const files = await writeFiles(directory.path, payload, signature)
          const args = ['attach', 'signature', ...files, one.byDigest]
          const attached = await runCosign(cosign, directory.path, ...args)
          assert.equal(attached.code, 0, attached.stderr)
        }
        const { bytes } = await client.getManifest(one.repository, signatureTag(one.digest))
        const layers = signatures.map((signature) => describeSignature({ payload, signature }))
        const ours = encodeSignatures(layers)
        assert.equal(Buffer.from(ours.bytes).toString(), Buffer.from(bytes).toString())
      })
    })
  }
}

/** Writes a signature under the tag of an image, right or wrong. */
async function pushSignature(
  client: RegistryClient,
  image: ImageByDigest,
  payload: Uint8Array,
  signature: string,
): Promise<void> {
  const encoded = encodeSignatures([describeSignature({ payload, signature })])
  await client.blobs.push(image.repository, payload)
  await client.blobs.push(image.repository, encoded.config)
  await client.pushManifest(image.repository, signatureTag(image.digest), encoded)
}

/** The files of step 2 and 3 of the documented flow, the signature as `base64` breaks it. */
function writeSignature(directory: string, payload: Uint8Array, key: Key): Promise<string[]> {
  const signature = sign('sha256', payload, key.privateKey).toString('base64')
  return writeFiles(directory, payload, `${signature.replace(/.{76}/g, '$&\n')}\n`)
}

async function writeFiles(
  directory: string,
  payload: Uint8Array,
  signature: string,
): Promise<string[]> {
  const [payloadPath, signaturePath] = [join(directory, 'payload.json'), join(directory, 'sig')]
  await writeFile(payloadPath, payload)
  await writeFile(signaturePath, signature)
  return ['--payload', payloadPath, '--signature', signaturePath]
}

const skopeo = component('skopeo')
describe('skopeo', { skip: anyAbsent(skopeo, dockerRegistry) }, () => {
  it('accepts what we attached under its sigstoreSigned policy, and refuses another key', async () => {
    await using directory = await createTemporaryDirectory()
    await using registry = await startDockerRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1.0`)
    await signByUs(client, image, keys['P-256'])
    const copy = async (pem: string, name: string): Promise<Finished> => {
      await writePolicy(directory.path, registry.host, pem)
      return runProgram(
        skopeo.path,
        [
          ...['--policy', join(directory.path, 'policy.json')],
          ...['--registries.d', directory.path],
          ...[
            'copy',
            '--remove-signatures',
            '--src-tls-verify=false',
            `docker://${image.byDigest}`,
          ],
          `oci:${join(directory.path, name)}:1`,
        ],
        { env: { HOME: directory.path, TMPDIR: directory.path } },
      )
    }
    const accepted = await copy(keys['P-256'].pem, 'accepted')
    assert.equal(accepted.code, 0, accepted.stderr)
    assert.match(await readFile(join(directory.path, 'accepted', 'index.json'), 'utf8'), /sha256/)
    const refused = await copy(keys['RSA-3072'].pem, 'refused')
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /signature/i)
  })
})

async function writePolicy(directory: string, host: string, pem: string): Promise<void> {
  const keyPath = join(directory, 'policy.pub')
  const requirement = {
    type: 'sigstoreSigned',
    keyPath,
    signedIdentity: { type: 'matchRepository' },
  }
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: { [host]: [requirement] } },
  }
  await writeFile(keyPath, pem)
  await writeFile(join(directory, 'policy.json'), JSON.stringify(policy))
  const attachments = `docker:\n  ${host}:\n    use-sigstore-attachments: true\n`
  await writeFile(join(directory, 'attachments.yaml'), attachments)
}
