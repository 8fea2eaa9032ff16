import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { createOwnAuthority, OWN_IDENTITY } from '../support/own-authority.ts'
import { startDockerRegistry } from '../support/registries.ts'
import { openCosignWorkshop } from '../support/signed-image.ts'
import { startTimestampAuthority } from '../support/timestamp-authority.ts'

const PREDICATE = 'https://cosign.sigstore.dev/attestation/v1'

for (const cosign of [component('cosign-2'), component('cosign-3')]) {
  const skip = anyAbsent(cosign, component('openssl'), component('docker-registry'))
  describe(`what ${cosign.name} has timestamped`, { skip }, () => {
    it('counts with the time of the authority that is trusted, under .sig, under .att and in bundles', async () => {
      await using workshop = await openCosignWorkshop(cosign)
      const authority = await createOwnAuthority(workshop.directory)
      await using times = await startTimestampAuthority(workshop.directory)
      await using strangers = await startTimestampAuthority(workshop.directory)
      await using registry = await startDockerRegistry()
      const run = (...args: readonly string[]) => workshop.chancery(args)
      const imported = ['--key', authority.privateKey, '--output-key-prefix', 'signer']
      assert.equal((await run('import-key-pair', ...imported)).code, 0)
      const alone =
        cosign.name === 'cosign-2'
          ? ['--tlog-upload=false']
          : ['--tlog-upload=false', '--use-signing-config=false']
      const signer = [
        ...['--key', 'signer.key', '--certificate', authority.certificate],
        ...['--certificate-chain', authority.chain, '--timestamp-server-url', times.url, ...alone],
      ]
      const requires = [
        ...['--ca-roots', authority.root, '--ca-intermediates', authority.intermediate],
        ...['--certificate-identity', OWN_IDENTITY, '--use-signed-timestamps'],
      ]
      for (const format of ['legacy', 'bundle']) {
        const image = (await pushTestImage(`${registry.host}/team/app:${format}`)).byDigest
        const as = `--new-bundle-format=${format === 'bundle'}`
        await workshop.must(cosign, 'sign', ...signer, as, image)
        const predicate = ['--predicate', 'predicate.json']
        await workshop.must(cosign, 'attest', ...signer, as, ...predicate, image)
        for (const [command, by] of [
          ['verify', []],
          ['verify-attestation', ['--type', PREDICATE]],
        ] as const) {
          const verify = (chain: string) =>
            run(command, ...by, ...requires, '--timestamp-certificate-chain', chain, image)
          const verified = await verify(times.chain)
          assert.equal(verified.code, 0, `${command} ${format}: ${verified.stderr}`)
          assert.match(verified.stderr, /signed at or before/)
          const stranger = await verify(strangers.chain)
          assert.equal(stranger.code, 1, `${command} ${format} with the time of a stranger`)
          assert.match(stranger.stderr, /ERR_VERIFY_TIMESTAMP_COUNT/)
        }
      }
    })
  })
}
