import type { Descriptor } from '../format/oci-manifest.ts'
import type { PulledManifest } from './registry-client.ts'
import { encodeSignatures, layersOfSignatures, signatureTextOf } from './signature-manifest.ts'
import type { TagContent } from './tag-merge.ts'

/** What Cosign keeps under the tags of an image, `sha256-<hex>.sig` and `.att`: a layer for each artifact. */
export const artifactsUnderTag: TagContent<Descriptor> = {
  entriesOf,
  isSame,
  encode: (layers, replaced) => {
    const kept = replaced?.manifest.kind === 'manifest' ? replaced.manifest : undefined
    return encodeSignatures(layers, kept)
  },
}

function entriesOf(found: PulledManifest | undefined): readonly Descriptor[] {
  return found === undefined ? [] : layersOfSignatures(found.manifest)
}

/** Whether two layers are one signature of one payload; how its base64 is broken into lines does not matter. */
function isSame(one: Descriptor, other: Descriptor): boolean {
  const text = (layer: Descriptor) => signatureTextOf(layer)?.replace(/\s+/g, '')
  return one.digest === other.digest && text(one) === text(other)
}
