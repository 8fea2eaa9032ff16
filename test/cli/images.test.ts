import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

/** An image in a registry, and a directory with a key, its metadata and the signature of that. */
async function prepare() {
  const registry = await startEmbeddedRegistry()
  const directory = await createTemporaryDirectory()
  const path = (name: string): string => join(directory.path, name)
  const image = await pushTestImage(`${registry.host}/team/app:1`)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = (key: typeof publicKey) => key.export({ type: 'spki', format: 'pem' })
  await writeFile(path('key.pub'), pem(publicKey))
  await writeFile(path('other.pub'), pem(generateKeyPairSync('ed25519').publicKey))
  await writeFile(path('key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const run = (...args: readonly string[]) =>
    runChancery(args, { cwd: directory.path, env: { HOME: directory.path } })
  return {
    registry,
    image,
    path,
    run,
    tag: `${registry.host}/team/app:1`,
    async signPayload(): Promise<void> {
      const signature = sign('sha256', await readFile(path('payload.json')), privateKey)
      await writeFile(path('payload.json.sig'), signature)
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

const attachArguments = [
  ...['attach', 'signature', '--payload', 'payload.json', '--signature', 'payload.json.sig'],
]

describe('chancery generate, attach signature and verify', () => {
  it('sign and verify an image, with the raw signature or with base64', async () => {
    await using flow = await prepare()
    const generated = await flow.run('generate', '-a', 'env=prod', flow.tag)
    assert.equal(generated.code, 0, generated.stderr)
    assert.equal(generated.stderr, `${flow.tag} is ${flow.image.byDigest}\n`)
    await writeFile(flow.path('payload.json'), generated.stdoutBytes)
    await flow.signPayload()

    const attached = await flow.run(...attachArguments, '--json', flow.image.byDigest)
    assert.equal(attached.code, 0, attached.stderr)
    assert.deepEqual(JSON.parse(attached.stdout), {
      image: flow.image.byDigest,
      tag: `${flow.registry.host}/team/app:${flow.image.digest.replace(':', '-')}.sig`,
      outcome: 'attached',
      signatures: 1,
    })
    const raw = await readFile(flow.path('payload.json.sig'))
    const base64 = raw.toString('base64').replace(/.{76}/, '$&\n')
    await writeFile(flow.path('payload.json.sig'), `${base64}\n`)
    const again = await flow.run(...attachArguments, '--key', 'key.pub', flow.tag)
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stderr, /has this signature already/)
    assert.equal(again.stdout, '')

    const verified = await flow.run('verify', '--key', 'key.pub', '-a', 'env=prod', flow.tag)
    assert.equal(verified.code, 0, verified.stderr)
    assert.equal(verified.stdout, '')
    assert.match(verified.stderr, new RegExp(`Verified ${flow.image.byDigest}`))
    const arguments_ = ['verify', '--key', 'key.pub', '--insecure-ignore-tlog=true', '-o', 'json']
    const asJson = await flow.run(...arguments_, flow.image.byDigest)
    assert.deepEqual(JSON.parse(asJson.stdout), [JSON.parse(generated.stdout)])
  })

  it('tell by exit code and words what is wrong', async () => {
    await using flow = await prepare()
    const verify = (key: string, image: string, ...more: readonly string[]) =>
      flow.run('verify', '--key', key, ...more, image)

    const unsigned = await verify('key.pub', flow.tag)
    assert.deepEqual([unsigned.code, unsigned.stdout], [1, ''])
    assert.match(unsigned.stderr, /error: .* has no signature/)

    const generated = await flow.run('generate', flow.tag)
    await writeFile(flow.path('payload.json'), generated.stdoutBytes)
    await flow.signPayload()
    await flow.run(...attachArguments, flow.tag)
    const foreign = await verify('other.pub', flow.tag)
    assert.equal(foreign.code, 1)
    assert.match(
      foreign.stderr,
      /hint: Signature 1 under sha256-\w+\.sig: .*\(ERR_VERIFY_SIGNATURE\)/,
    )
    const unannotated = await verify('key.pub', flow.tag, '-a', 'env=prod')
    assert.equal(unannotated.code, 1)
    assert.match(unannotated.stderr, /ERR_VERIFY_ANNOTATION/)

    const privateKey = await verify('key', flow.tag)
    assert.equal(privateKey.code, 2)
    assert.match(privateKey.stderr, /expected a public key, found a private one/)
    assert.equal((await verify('key.pub', `${flow.tag}0`)).code, 4)
    assert.equal((await verify('key.pub', 'Not/A/Reference')).code, 2)
    assert.equal((await verify('absent.pub', flow.tag)).code, 2)
    assert.equal((await verify('key.pub', '127.0.0.1:1/app:1')).code, 6)

    const other = await pushTestImage(`${flow.registry.host}/team/app:2`)
    const attached = await flow.run(...attachArguments, other.byDigest)
    assert.equal(attached.code, 1)
    assert.match(attached.stderr, /expected a payload for/)
  })

  it(
    'take a certificate for a key, in PEM or DER',
    { skip: component('openssl').absent },
    async () => {
      await using flow = await prepare()
      const openssl = component('openssl').path
      const form = { cwd: flow.path('.') }
      for (const args of [
        ['req', '-x509', '-key', 'key', '-subj', '/CN=x', '-days', '2', '-out', 'key.crt'],
        ['x509', '-in', 'key.crt', '-outform', 'der', '-out', 'key.der'],
      ]) {
        const made = await runProgram(openssl, args, form)
        assert.equal(made.code, 0, made.stderr)
      }
      const generated = await flow.run('generate', flow.image.byDigest)
      await writeFile(flow.path('payload.json'), generated.stdoutBytes)
      await flow.signPayload()
      await flow.run(...attachArguments, '--certificate', 'key.crt', flow.tag)
      for (const key of ['key.crt', 'key.der']) {
        const { code, stderr } = await flow.run('verify', '--key', key, flow.tag)
        assert.equal(code, 0, stderr)
      }
    },
  )

  it('show where signatures are, and want user name and password together', async () => {
    await using flow = await prepare()
    const found = await flow.run('triangulate', flow.tag)
    assert.equal(
      found.stdout,
      `${flow.registry.host}/team/app:${flow.image.digest.replace(':', '-')}.sig\n`,
    )
    const json = await flow.run('triangulate', '--type', 'attestation', '--json', flow.tag)
    const { digest } = flow.image
    assert.deepEqual(JSON.parse(json.stdout), {
      digest,
      type: 'attestation',
      location: `${flow.registry.host}/team/app:${digest.replace(':', '-')}.att`,
    })
    assert.equal((await flow.run('triangulate', '--type', 'other', flow.tag)).code, 2)
    const half = await flow.run('triangulate', '--registry-username', 'me', flow.tag)
    assert.equal(half.code, 2)
    assert.match(half.stderr, /--registry-username and --registry-password together/)
  })
})
