import type { Descriptor } from '../format/oci-manifest.ts'
import { referenceContext } from '../format/oci-reference.ts'
import { artifactsUnderTag } from './artifacts-under-tag.ts'
import type { ArtifactSink, ArtifactSource } from './artifact-store.ts'
import { mergeIntoTag } from './merge-into-tag.ts'
import type { RepositoryName } from './origins.ts'
import { pushReferrer } from './push-referrer.ts'
import { findReferrers } from './referrers.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'

/** Reads from a repository. @param signal Ends everything that is read. */
export function repositorySource(
  client: RegistryClient,
  repository: RepositoryName,
  signal?: AbortSignal,
): ArtifactSource {
  return {
    name: referenceContext(repository),
    repository,
    maxAttachedBytes: client.maxAttachedBytes,
    findManifest: (reference, allowance) =>
      client.findManifest(repository, reference, signal, allowance),
    openBlob: (descriptor) => client.blobs.open(repository, descriptor, signal),
    findReferrers: (digest, selection) =>
      findReferrers(client, repository, digest, { ...selection, signal }),
  }
}

/** Writes to a repository. @param signal Ends everything that is written. */
export function repositorySink(
  client: RegistryClient,
  repository: RepositoryName,
  signal?: AbortSignal,
): ArtifactSink {
  return {
    async pushBlob(descriptor, open, mountFrom) {
      const isSameRegistry = mountFrom?.registry === repository.registry
      await client.blobs.pushStream(repository, descriptor, open, {
        mountFrom: isSameRegistry ? mountFrom.repository : undefined,
        signal,
      })
    },
    async pushManifest(pulled) {
      if (pulled.manifest.subject === undefined) {
        await client.pushManifest(repository, pulled.digest, pulled, { signal })
      } else {
        await pushReferrer(client, repository, pulled, { signal })
      }
    },
    addToTag: (tag, pulled) => addToTag(client, repository, tag, pulled, signal),
    async setTag(tag, pulled) {
      await client.pushManifest(repository, tag, pulled, { signal })
    },
  }
}

/** Sets a tag that is absent; adds to one that is there what it lacks, so that nobody's signature goes. */
async function addToTag(
  client: RegistryClient,
  repository: RepositoryName,
  tag: string,
  pulled: PulledManifest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await client.findManifest(repository, tag, signal)
  if (found?.digest === pulled.digest) return
  if (found === undefined && pulled.manifest.kind === 'manifest') {
    // Byte for byte as it was; whoever writes at the same moment is taken care of by the merge.
    await client.pushManifest(repository, tag, pulled, { isRepeatable: false, signal })
  }
  const content = artifactsUnderTag
  const add = (entry: Descriptor) =>
    mergeIntoTag(client, repository, tag, content, {
      entry,
      isStoodForBy: (existing) => content.isSame(existing, entry),
      signal,
    })
  await Promise.all(content.entriesOf(pulled).map(add))
}
