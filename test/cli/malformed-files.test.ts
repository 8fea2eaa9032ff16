import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { PrivateKey } from '../../src/crypto/private-key.ts'
import { encodePem } from '../../src/format/pem.ts'
import { pushTestImage } from '../support/images.ts'
import { openWorkshop } from '../support/workshop.ts'
import { issue } from '../x509/test-authority.ts'

/** A workshop with the files that the commands below expect, and with files that are none of those. */
async function prepare() {
  const workshop = await openWorkshop({ COSIGN_PASSWORD: '' })
  const registry = await startEmbeddedRegistry()
  const { byDigest } = await pushTestImage(`${registry.host}/team/app:1`)
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const privateKey = new PrivateKey(key)
  const issuer = await issue('Authority', { isAuthority: true })
  const leaf = await issue('Leaf', { issuer, privateKey })
  const generated = await workshop.chancery(['generate', byDigest])
  const statement = await workshop.chancery(['generate', '--pae', byDigest])
  assert.equal((await workshop.chancery(['generate-key-pair'])).code, 0)
  const files: Readonly<Record<string, string | Uint8Array>> = {
    'payload.json': generated.stdoutBytes,
    'payload.sig': sign('sha256', generated.stdoutBytes, key).toString('base64'),
    'statement.pae': statement.stdoutBytes,
    'leaf.pem': encodePem('CERTIFICATE', leaf.certificate),
    'leaf.der': leaf.certificate,
    'leaf.pub': encodePem('PUBLIC KEY', privateKey.publicKey),
    'chain.pem': encodePem('CERTIFICATE', issuer.certificate),
    'both.pem': [leaf, issuer].map((one) => encodePem('CERTIFICATE', one.certificate)).join(''),
    'not.base64': 'AAA\n',
    empty: '',
    junk: '{',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(workshop.path(name), content)
  return {
    chancery: (args: readonly string[]) => workshop.chancery(args),
    byDigest,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await workshop[Symbol.asyncDispose]()
    },
  }
}

const LEGACY = ['attach', 'signature', '--payload', 'payload.json', '--signature']
const STATEMENT = ['attach', 'signature', '--payload', 'statement.pae', '--signature']
const WITH_CERTIFICATE = [...LEGACY, 'payload.sig', '--certificate']
const BLOB = ['verify-blob', '--key', 'leaf.pub', 'payload.json', '--signature']
const SIGN = ['sign', '--key', 'cosign.key', '--certificate']
const BOTH_OF_SIGN = [...SIGN, 'leaf.pem', '--certificate-chain']
const ROOT = ['trusted-root', 'create']

/** Calls whose last word is a file that is at fault; true where an image has to be named besides. */
const CALLS: readonly (readonly [call: readonly string[], isOfImage: boolean])[] = [
  ...['not.base64', 'empty'].flatMap(
    (file) =>
      [
        [[...LEGACY, file], true],
        [[...STATEMENT, file], true],
        [[...BLOB, file], false],
      ] as const,
  ),
  ...['junk', 'empty', 'both.pem', 'leaf.pub'].map(
    (file) => [[...WITH_CERTIFICATE, file], true] as const,
  ),
  [[...STATEMENT, 'payload.sig', '--certificate', 'junk'], true],
  [[...WITH_CERTIFICATE, 'leaf.pem', '--certificate-chain', 'junk'], true],
  [[...WITH_CERTIFICATE, 'leaf.pem', '--key', 'empty'], true],
  [[...SIGN, 'leaf.pem'], true],
  [[...BOTH_OF_SIGN, 'leaf.pem'], true],
  [['attach', 'signature', '--bundle', 'junk'], true],
  [['attach', 'attestation', '--attestation', 'junk'], true],
  [[...ROOT, '--certificate-chain', 'leaf.pem'], false],
  [[...ROOT, '--certificate-chain', 'both.pem'], false],
  [[...ROOT, '--fulcio', 'url=https://a.test,certificate-chain=leaf.pem'], false],
  [[...ROOT, '--tsa', 'url=https://a.test,certificate-chain=leaf.pem'], false],
]

describe('a local file that is malformed', () => {
  it('is a wrong call, told by its name, for whatever command', async () => {
    await using flow = await prepare()
    for (const [call, isOfImage] of CALLS) {
      const args = isOfImage ? [...call, flow.byDigest] : call
      const { code, stdout, stderr } = await flow.chancery(args)
      assert.deepEqual([code, stdout], [2, ''], `${call.join(' ')}: ${stderr}`)
      const name = call.at(-1)!.split('=').at(-1)!
      if (call[0] !== 'sign') assert.ok(stderr.startsWith(`error: ${name}: `), stderr)
    }
    const unsigned = await flow.chancery(['verify', '--key', 'leaf.pub', flow.byDigest])
    assert.match(unsigned.stderr, /has no signature/, 'nothing was attached')
  })

  it('is not one in DER: that is attached in PEM, as verifiers read it', async () => {
    await using flow = await prepare()
    const attached = await flow.chancery([...WITH_CERTIFICATE, 'leaf.der', flow.byDigest])
    assert.equal(attached.code, 0, attached.stderr)
    const again = await flow.chancery([...WITH_CERTIFICATE, 'leaf.pem', flow.byDigest])
    assert.match(again.stderr, /has this signature already/)
    const downloaded = await flow.chancery(['download', 'signature', flow.byDigest])
    assert.match(downloaded.stdout, /-----BEGIN CERTIFICATE-----/)
  })
})
