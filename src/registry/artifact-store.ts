import type { Descriptor } from '../format/oci-manifest.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import type { RepositoryName } from './origins.ts'
import type { Referrers, ReferrerSelection } from './referrers.ts'
import type { PulledManifest } from './registry-client.ts'

/** Where images, and what belongs to them, are read from: a repository, a directory, or an archive. */
export interface ArtifactSource {
  /** What it is called in an error: `registry/repository`, `the directory` or `the archive`. */
  readonly name: string
  /** The repository, where it is one: another of the same registry may take blobs over from it. */
  readonly repository: RepositoryName | undefined
  /** How many bytes are read of what belongs to one image; more is an error. */
  readonly maxAttachedBytes: number
  /** A manifest by tag or digest, counted against an allowance; undefined only if there is none. */
  readonly findManifest: (
    reference: string,
    allowance?: ByteAllowance,
  ) => Promise<PulledManifest | undefined>
  /** The content of a blob, whose last piece comes only if its digest is right. */
  readonly openBlob: (
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
  ) => Promise<AsyncIterable<Uint8Array>>
  readonly findReferrers: (digest: string, selection?: ReferrerSelection) => Promise<Referrers>
}

/** Where images are written to. Everything that a manifest refers to has to be there before it. */
export interface ArtifactSink {
  readonly pushBlob: (
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    open: () => Promise<AsyncIterable<Uint8Array>>,
    mountFrom: RepositoryName | undefined,
  ) => Promise<void>
  /** Stores a manifest by its digest; one with a subject is listed as a referrer of that. */
  readonly pushManifest: (manifest: PulledManifest) => Promise<void>
  /** Adds the signatures or attestations of a manifest to those the tag holds. */
  readonly addToTag: (tag: string, manifest: PulledManifest) => Promise<void>
  /** Makes the tag name a manifest that is there. */
  readonly setTag: (tag: string, manifest: PulledManifest) => Promise<void>
}
