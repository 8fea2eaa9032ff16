import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { describeReferrer, REFERRERS, type IndexEntry } from '../../src/registry/referrers-index.ts'
import { RegistryClient, type PulledManifest } from '../../src/registry/registry-client.ts'
import { TagMerge } from '../../src/registry/tag-merge.ts'
import { pushTestImage } from '../support/images.ts'

/** Whether two writers get into each other's way is a matter of their pauses, which are random. */
const TAGS = ['1', '2', '3', '4', '5', '6'].map((digit) => `sha256-${digit.repeat(64)}`)

describe('two writers of one tag', () => {
  it('that replace each what the other has seen come to an end, with what both add', async () => {
    await using registry = await startEmbeddedRegistry({ honoursConditions: false })
    using client = new RegistryClient()
    const repository = { registry: registry.host, repository: 'team/app' }
    const store = async (name: string): Promise<IndexEntry> => {
      const { digest } = await pushTestImage(`${registry.host}/team/app:${name}`)
      const { bytes, mediaType } = await client.getManifest(repository, digest)
      return describeReferrer({ mediaType, digest, size: bytes.length })
    }
    const beside = await store('beside')
    const old = [await store('old-1'), await store('old-2')] as const
    const added = [await store('new-1'), await store('new-2')] as const
    const begin = REFERRERS.encode([beside, ...old], undefined)
    const replace = async (first: PulledManifest, tag: string, number: 0 | 1): Promise<void> => {
      const isReplaced = ({ digest }: IndexEntry) => digest === old[number].digest
      const { signal } = new AbortController()
      const merge = new TagMerge(client, repository, tag, REFERRERS, 0, isReplaced, signal)
      await merge.run(first, [added[number]])
    }
    const replaceBoth = async (tag: string): Promise<void> => {
      await client.pushManifest(repository, tag, begin)
      const first = await client.getManifest(repository, tag)
      await Promise.all([replace(first, tag, 0), replace(first, tag, 1)])
      const found = REFERRERS.entriesOf(await client.getManifest(repository, tag))
      // What was replaced may be back, what replaced it is never missing.
      for (const { digest } of [beside, ...added]) {
        assert.ok(found.some((entry) => entry.digest === digest))
      }
    }
    await Promise.all(TAGS.map(replaceBoth))
  })
})
