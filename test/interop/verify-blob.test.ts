import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { chanceryPath } from '../support/chancery-process.ts'
import { runProgram, type Finished } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import {
  certificateLogsOf,
  createCertificateLog,
  listOf,
  makeSct,
  withScts,
} from '../verify/test-certificate-log.ts'
import { utf8 } from '../verify/test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signArtifact,
  trustedRootOf,
} from '../verify/test-sigstore.ts'

const cosign = component('cosign-3')
const artifact = 'an artifact\n'
const certificateFlags = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]

/** A directory with an artifact, where cosign can reach nobody. */
async function openWorkshop() {
  const directory = await createTemporaryDirectory()
  const write = (name: string, content: string) => writeFile(join(directory.path, name), content)
  await write('a.txt', artifact)
  const env = {
    ...process.env,
    HOME: directory.path,
    COSIGN_PASSWORD: 'x',
    COSIGN_YES: 'true',
    TUF_ROOT: join(directory.path, 'tuf'),
    TUF_MIRROR: 'http://127.0.0.1:9',
  }
  const options = { cwd: directory.path, env }
  return {
    write,
    read: (name: string) => readFile(join(directory.path, name), 'utf8'),
    cosign: (...args: readonly string[]): Promise<Finished> =>
      runProgram(cosign.path, args, options),
    chancery: (...args: readonly string[]): Promise<Finished> =>
      runProgram(process.execPath, [chanceryPath, 'verify-blob', ...args], options),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

describe('chancery verify-blob', () => {
  it('verifies what cosign 3 signs with a key', { skip: cosign.absent }, async () => {
    await using workshop = await openWorkshop()
    const services = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'
    const selector = { selector: 'ANY' }
    await workshop.write(
      'none.json',
      JSON.stringify({ mediaType: services, rekorTlogConfig: selector, tsaConfig: selector }),
    )
    assert.equal((await workshop.cosign('generate-key-pair')).code, 0)
    const args = ['--key', 'cosign.key', '--bundle', 'b.json', '--signing-config', 'none.json']
    const signed = await workshop.cosign('sign-blob', ...args, 'a.txt')
    assert.equal(signed.code, 0, signed.stderr)
    const bundle = ['--bundle', 'b.json', '--key', 'cosign.pub']

    const verified = await workshop.chancery('a.txt', ...bundle, '--json')
    assert.equal(verified.code, 0, verified.stderr)
    const document = JSON.parse(verified.stdout) as { digest: string; signedAt: string[] }
    assert.match(document.digest, /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(document.signedAt, [])

    await workshop.write('b.txt', `${artifact}more`)
    const other = await workshop.chancery('b.txt', ...bundle)
    assert.equal(other.code, 1)
    assert.match(other.stderr, /^error: expected a signature/)
    await workshop.write('b.json', '{}')
    assert.equal((await workshop.chancery('a.txt', ...bundle)).code, 2)
  })

  it(
    'verifies certificates with a trusted root, as cosign 3 does',
    { skip: cosign.absent },
    async () => {
      await using workshop = await openWorkshop()
      const sigstore = createTestSigstore()
      const bundle = signArtifact(sigstore, issueLeaf(sigstore), utf8(artifact))
      await workshop.write('b.json', JSON.stringify(bundle))
      await workshop.write('root.json', JSON.stringify(trustedRootOf(sigstore)))
      const args = ['a.txt', '--bundle', 'b.json', '--trusted-root', 'root.json']

      const theirs = ['verify-blob', ...args, ...certificateFlags, '--insecure-ignore-sct']
      const byCosign = await workshop.cosign(...theirs)
      assert.equal(byCosign.code, 0, byCosign.stderr)
      const byUs = await workshop.chancery(...args, ...certificateFlags)
      assert.equal(byUs.code, 0, byUs.stderr)
      assert.match(byUs.stderr, /signed by "release@acme\.example"/)

      const log = createCertificateLog('ct')
      const options = {
        time: Date.parse('2026-06-01T11:59:00Z'),
        issuerKey: sigstore.intermediate.publicKey,
      }
      const logged = issueLeaf(
        sigstore,
        withScts((body) => listOf(makeSct(log, body, options))),
      )
      await workshop.write(
        'b2.json',
        JSON.stringify(signArtifact(sigstore, logged, utf8(artifact))),
      )
      const withLog = { ...trustedRootOf(sigstore), ctlogs: certificateLogsOf([log]) }
      await workshop.write('root2.json', JSON.stringify(withLog))
      const second = ['--trusted-root', 'root2.json', ...certificateFlags]
      for (const [file, code] of [
        ['b2.json', 0],
        ['b.json', 1],
      ] as const) {
        const blob = ['a.txt', '--bundle', file, ...second]
        const ofCosign = await workshop.cosign('verify-blob', ...blob)
        assert.equal(ofCosign.code === 0, code === 0, ofCosign.stderr)
        const ours = await workshop.chancery(...blob)
        assert.equal(ours.code, code, ours.stderr)
      }

      const evil = ['--certificate-identity', 'x@acme.example', '--certificate-oidc-issuer', issuer]
      assert.equal((await workshop.chancery(...args, ...evil)).code, 1)
      const pattern = ['--certificate-identity-pattern', '*@acme.example']
      const any = ['--certificate-oidc-issuer-pattern', '*']
      assert.equal((await workshop.chancery(...args, ...pattern, ...any)).code, 0)
      const stamped = [...args, ...certificateFlags, '--use-signed-timestamps']
      assert.equal((await workshop.chancery(...stamped)).code, 1)
    },
  )

  it('refuses calls that do not say whom to trust', async () => {
    await using workshop = await openWorkshop()
    const sigstore = createTestSigstore()
    const root = trustedRootOf(sigstore)
    await workshop.write(
      'b.json',
      JSON.stringify(signArtifact(sigstore, issueLeaf(sigstore), utf8(artifact))),
    )
    await workshop.write('root.json', JSON.stringify(root))
    await workshop.write('ct.json', JSON.stringify({ ...root, ctlogs: root.tlogs }))
    const args = ['a.txt', '--bundle', 'b.json']
    for (const flags of [
      [],
      certificateFlags,
      ['--trusted-root', 'root.json'],
      ['--trusted-root', 'root.json', '--certificate-identity', identity],
      ['--trusted-root', 'root.json', ...certificateFlags, '--key', 'cosign.pub'],
      ['--trusted-root', 'missing.json', ...certificateFlags],
    ]) {
      assert.equal((await workshop.chancery(...args, ...flags)).code, 2, flags.join(' '))
    }
    const unlogged = ['--trusted-root', 'ct.json', ...certificateFlags]
    assert.equal((await workshop.chancery(...args, ...unlogged)).code, 1)
    const said = ['--trusted-root', 'ct.json', ...certificateFlags, '--insecure-ignore-sct']
    assert.equal((await workshop.chancery(...args, ...said)).code, 0)
  })
})
