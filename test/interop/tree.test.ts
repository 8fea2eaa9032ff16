import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { signaturesIn, type TreeDocument } from '../cli/tree-document.ts'
import { runProgram } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { createOwnAuthority, OWN_IDENTITY } from '../support/own-authority.ts'
import { realRegistries } from '../support/registries.ts'
import { openCosignWorkshop, signByCosign } from '../support/signed-image.ts'

const cosign2 = component('cosign-2')
const cosign3 = component('cosign-3')
const openssl = component('openssl')
const ATTESTED = 'https://cosign.sigstore.dev/attestation/v1'
/** As cosign 2 makes them without any service. */
const ALONE = ['--key', 'cosign.key', '--tlog-upload=false']

for (const [registryComponent, start] of realRegistries) {
  const skip = anyAbsent(registryComponent, cosign2, cosign3, openssl)
  describe(`what cosign attached on ${registryComponent.name}`, { skip }, () => {
    it('is valid in every form by the right key or certificate, and by no other', async () => {
      await using workshop = await openCosignWorkshop(cosign3)
      await using registry = await start()
      const authority = await createOwnAuthority(workshop.directory)
      const run = (...args: readonly string[]) => workshop.chancery(args)
      const tree = async (...args: readonly string[]): Promise<TreeDocument> => {
        const { code, stdout, stderr } = await run('tree', '--json', ...args)
        assert.equal(code, 0, stderr)
        return JSON.parse(stdout) as TreeDocument
      }
      const imported = ['--key', authority.privateKey, '--output-key-prefix', 'certified']
      assert.equal((await run('import-key-pair', ...imported)).code, 0)
      const { byDigest } = await pushTestImage(`${registry.host}/team/app:1`)
      await signByCosign(workshop, cosign3, byDigest)
      // The mode oci-1-1 of cosign: signatures as under the tag, in a referrer.
      const asReferrer = ['sign', ...ALONE, '--registry-referrers-mode=oci-1-1', byDigest]
      const referred = await runProgram(cosign2.path, asReferrer, {
        cwd: workshop.directory,
        env: { ...workshop.variables, COSIGN_EXPERIMENTAL: '1' },
      })
      assert.equal(referred.code, 0, referred.stderr)
      await workshop.must(cosign2, 'attest', ...ALONE, '--predicate', 'predicate.json', byDigest)
      const certified = ['--certificate', authority.certificate]
      const chain = ['--certificate-chain', authority.chain]
      await workshop.must(
        cosign2,
        ...['sign', '--key', 'certified.key', '--tlog-upload=false', ...certified, ...chain],
        byDigest,
      )
      const byKey = signaturesIn(await tree('--key', 'cosign.pub', byDigest))
      const table = byKey.map(({ format, verdict, proven, error }) => [
        format,
        verdict,
        proven?.predicateType ?? error?.code ?? null,
      ])
      assert.deepEqual(
        table.map((row) => row.join(' ')).sort(),
        [
          ['bundle', 'valid', ATTESTED],
          ['bundle', 'valid', 'https://sigstore.dev/cosign/sign/v1'],
          ['envelope', 'valid', ATTESTED],
          ['envelope', 'valid', ATTESTED],
          ['simple-signing', 'refused', 'ERR_VERIFY_SIGNATURE'],
          ['simple-signing', 'valid', null],
          ['simple-signing', 'valid', null],
        ].map((row) => row.join(' ')),
      )
      const identity = ['--ca-roots', authority.root, '--certificate-identity', OWN_IDENTITY]
      const byCertificate = signaturesIn(await tree(...identity, byDigest))
      const [valid, ...others] = byCertificate.filter(({ verdict }) => verdict === 'valid')
      assert.deepEqual(others, [])
      assert.partialDeepStrictEqual(valid, {
        format: 'simple-signing',
        proven: { signer: { identity: OWN_IDENTITY, issuer: null }, signedAt: [] },
      })
      const strangers = ['--ca-roots', authority.root, '--certificate-identity', 'x@acme.test']
      for (const nobody of [[], strangers, ['--key', authority.root]]) {
        const found = await tree(...nobody, byDigest)
        assert.equal(found.verdicts['valid'], 0)
        const expected = nobody.length === 0 ? 'unchecked' : 'refused'
        assert.equal(found.verdicts[expected], byKey.length)
      }
    })
  })
}
