import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SIGSTORE_BUNDLE } from '../../src/format/bundle-writer.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { runChancery } from '../support/chancery-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startReferrersRegistry } from '../support/registries.ts'

/** Of what a terminal obeys, what JSON lets stand as it is: the beginning of a colour, the other direction, a line. */
const OBEYED = '\u009b31m\u202e\u2028'

describe('chancery download', { skip: component('referrers-registry').absent }, () => {
  it('prints nothing raw that a terminal obeys, and the same JSON', async () => {
    await using registry = await startReferrersRegistry()
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const bundle = { mediaType: SIGSTORE_BUNDLE, [OBEYED]: OBEYED }
    await publishBundle(client, image, {
      bytes: new TextEncoder().encode(JSON.stringify(bundle)),
      predicateType: COSIGN_SIGNATURE_PREDICATE,
      createdAt: new Date('2026-07-24T11:31:58Z'),
    })
    for (const [flags, expected] of [
      [[], bundle],
      [['--json'], [bundle]],
    ] as const) {
      const args = ['download', 'signature', ...flags, image.byDigest]
      const { code, stdout, stderr } = await runChancery(args)
      assert.equal(code, 0, stderr)
      assert.deepEqual(JSON.parse(stdout), expected)
      assert.doesNotMatch(stdout, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u)
    }
  })
})
