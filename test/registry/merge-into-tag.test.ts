import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { attachAttestation } from '../../src/registry/attach-attestation.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { pushTestImage } from '../support/images.ts'

describe('additions to one tag', () => {
  it(
    'that follow one another are all made, however soon the next one comes',
    { timeout: 120_000 },
    async () => {
      await using registry = await startEmbeddedRegistry()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      using client = new RegistryClient()
      const add = async (name: string): Promise<number> => {
        const envelope = new TextEncoder().encode(JSON.stringify({ name }))
        const attestation = { envelope, predicateType: 'a:b' }
        return (await attachAttestation(client, image, attestation)).attestations
      }
      await add('first')
      for (let turns = 0; turns < 8; turns++) {
        // Neither of the two may wait for a turn that never comes.
        const there = add(`${turns}`)
        const next = there.then(async () => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          return add(`${turns} again`)
        })
        assert.equal(await next, 3 + 2 * turns)
      }
    },
  )
})
