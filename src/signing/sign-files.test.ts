import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { sha256Hex } from '../crypto/digest.ts'
import { LocalSigner } from '../crypto/local-signer.ts'
import { generatePrivateKey } from '../crypto/private-key.ts'
import type { Signer } from '../crypto/signer.ts'
import { writeZip } from '../format/zip-writer.ts'
import { parseArtifactConfiguration } from '../policy/artifact-configuration.ts'
import { planSigning, type SigningPlan } from '../policy/signing-plan.ts'
import { getTemplate } from '../policy/templates.ts'
import { signFiles } from './sign-files.ts'

const model = parseArtifactConfiguration(getTemplate('detached-raw-signatures').xml)

/** A plan of so many files, and their digests by path. */
function planOf(count: number): { plan: SigningPlan; digests: Map<string, string> } {
  const files = Array.from({ length: count }, (_, n) => ({
    path: `${n}.json`,
    bytes: Buffer.from(`file ${n}`),
  }))
  const bytes = writeZip(files, new Date(0))
  const plan = planSigning(model, { kind: 'file', fileName: 'a.zip', bytes }, {})
  return { plan, digests: new Map(files.map((file) => [file.path, sha256Hex(file.bytes)])) }
}

describe('the files of a plan', () => {
  let signer: Signer
  before(async () => {
    signer = new LocalSigner('key', await generatePrivateKey('ecdsa-p256'))
  })

  it('are signed in order, few or many', async () => {
    for (const count of [1, 3, 100]) {
      const { plan, digests } = planOf(count)
      const signatures = await signFiles({ plan, digests }, signer)
      assert.deepEqual(
        signatures.map(({ path, sha256 }) => [path, sha256]),
        [...digests],
      )
    }
  })

  it('are not signed where other bytes were examined, or none', async () => {
    for (const count of [3, 100]) {
      for (const digest of [sha256Hex('another file'), undefined]) {
        const { plan, digests } = planOf(count)
        if (digest === undefined) digests.delete('2.json')
        else digests.set('2.json', digest)
        await assert.rejects(signFiles({ plan, digests }, signer), /not those that were examined/)
      }
    }
  })
})
