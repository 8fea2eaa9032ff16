import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import {
  startDockerRegistry,
  startReferrersRegistry,
  type RunningRegistry,
} from '../support/registries.ts'
import { BY_KEY, OFFLINE, openCosignWorkshop } from '../support/signed-image.ts'

const cosign2 = component('cosign-2')
const cosign3 = component('cosign-3')
const registries: readonly (readonly [Component, () => Promise<RunningRegistry>])[] = [
  [component('docker-registry'), startDockerRegistry],
  [component('referrers-registry'), startReferrersRegistry],
]
const LEGACY = ['--tlog-upload=false', '--key']

/** A registry, cosign with two key pairs `cosign` and `other`, and `chancery verify` beside them. */
async function prepare(start: () => Promise<RunningRegistry>) {
  const registry = await start()
  const workshop = await openCosignWorkshop(cosign3)
  for (const end of ['key', 'pub']) {
    await rename(join(workshop.path, `cosign.${end}`), join(workshop.path, `other.${end}`))
  }
  await workshop.must(cosign3, 'generate-key-pair')
  const verify = (...args: readonly string[]) =>
    runChancery(['verify', ...args], { cwd: workshop.path, env: { HOME: workshop.path } })
  return {
    workshop,
    verify,
    push: (name: string) => pushTestImage(`${registry.host}/team/${name}:1`),
    /** @param codes The exit code, and what stderr has to say. */
    async expect(code: number, said: RegExp, ...args: readonly string[]): Promise<string> {
      const finished = await verify(...args)
      assert.equal(finished.code, code, finished.stderr)
      assert.match(finished.stderr, said)
      return finished.stdout
    },
    async [Symbol.asyncDispose]() {
      await workshop[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

for (const [registry, start] of registries) {
  const skip = anyAbsent(cosign2, cosign3, registry)
  describe(`chancery verify on ${registry.name}`, { skip }, () => {
    it('accepts what cosign 3 signs with a key, and nothing beside it', async () => {
      await using flow = await prepare(start)
      const { byDigest, digest } = await flow.push('app')
      await flow.workshop.must(cosign3, 'sign', ...OFFLINE, '-a', 'env=prod', byDigest)
      const key = ['--key', 'cosign.pub']

      const said = /Bundle sha256:\w+: over this digest; no repository was signed/
      const json = await flow.expect(0, said, ...key, '-a', 'env=prod', '-o', 'json', byDigest)
      const theirs = await flow.workshop.must(cosign3, 'verify', ...BY_KEY, byDigest)
      assert.deepEqual(JSON.parse(json), JSON.parse(theirs.stdout))
      const document = await flow.expect(0, said, ...key, '--json', byDigest)
      assert.partialDeepStrictEqual(JSON.parse(document), {
        isAccepted: true,
        results: [
          { manifests: [{ digest, signatures: [{ format: 'bundle', repository: null }] }] },
        ],
      })

      await flow.expect(1, /ERR_VERIFY_SIGNATURE/, '--key', 'other.pub', byDigest)
      await flow.expect(1, /ERR_VERIFY_ANNOTATION/, ...key, '-a', 'env=test', byDigest)
      await flow.expect(1, /ERR_VERIFY_IDENTITY/, ...key, '--require-identity', byDigest)
      const refused = await flow.expect(1, /error: /, '--key', 'other.pub', '--json', byDigest)
      assert.partialDeepStrictEqual(JSON.parse(refused), {
        isAccepted: false,
        results: [{ manifests: [{ signatures: [], refused: [{ code: 'ERR_VERIFY_SIGNATURE' }] }] }],
      })
    })

    it('does not take an attestation for a signature, as cosign 3 does', async () => {
      await using flow = await prepare(start)
      const { byDigest } = await flow.push('attested')
      const attest = ['attest', ...OFFLINE, '--predicate', 'predicate.json', byDigest]
      await flow.workshop.must(cosign3, ...attest)
      await flow.workshop.must(cosign3, 'verify', ...BY_KEY, byDigest)
      await flow.expect(1, /has no signature\nhint: It has 1 ref/, '--key', 'cosign.pub', byDigest)
    })

    it('finds a signature of either format, whatever others added in the other', async () => {
      await using flow = await prepare(start)
      const { byDigest } = await flow.push('mixed')
      await flow.workshop.must(cosign2, 'sign', ...LEGACY, 'cosign.key', byDigest)
      const byOther = OFFLINE.with(1, 'other.key')
      await flow.workshop.must(cosign3, 'sign', ...byOther, byDigest)
      const theirs = await flow.workshop.run(cosign3, 'verify', ...BY_KEY, byDigest)
      assert.notEqual(theirs.code, 0)
      const all = ['--all', byDigest]
      await flow.expect(0, /Signature 1 under sha256-\w+\.sig: /, '--key', 'cosign.pub', byDigest)
      await flow.expect(0, /not accepted, Bundle sha256/, '--key', 'cosign.pub', ...all)
      await flow.expect(0, /Bundle sha256:\w+: /, '--key', 'other.pub', byDigest)
    })
  })
}
