import type { ChanceryError } from '../../errors/chancery-error.ts'
import type { Descriptor } from '../../format/oci-manifest.ts'
import {
  appraisedIn,
  type AppraisedReferrer,
  type AppraisedSignature,
  type AppraisedTree,
  type Verdict,
} from '../../registry/appraise-tree.ts'
import { predicateTypeOf } from '../../registry/attestation-manifest.ts'
import type { ImageTree } from '../../registry/image-tree.ts'
import { printEvidence } from '../verify/evidence-report.ts'
import { printClaims } from './claims-report.ts'

/** How often each verdict was given. */
export type VerdictCounts = Readonly<Record<Verdict['kind'], number>>

/** All that is known of an image and of what belongs to it, as one document. */
export function printTree(image: string, tree: AppraisedTree, isChecked: boolean): object {
  return { image, isChecked, verdicts: countVerdicts(tree), ...printNode(tree) }
}

/** How often each verdict was given in a tree. */
export function countVerdicts(tree: AppraisedTree): VerdictCounts {
  const counts = { valid: 0, refused: 0, unchecked: 0, unreadable: 0, unknown: 0 }
  for (const { verdict } of appraisedIn(tree)) counts[verdict.kind] += 1
  return counts
}

function printNode({ tree, tagged, referrers, children }: AppraisedTree): object {
  return {
    digest: tree.pulled.digest,
    mediaType: tree.pulled.mediaType,
    tagged: tagged.map(({ artifact: { kind, tag, pulled }, signatures }) => ({
      kind,
      tag,
      digest: pulled.digest,
      mediaType: pulled.mediaType,
      layers: layersOf(pulled.manifest).map(printLayer),
      signatures: signatures.map(printSignature),
    })),
    referrers: referrers.map(printReferrer),
    refused: tree.refused.map(({ digest, error }) => ({ digest, reason: error.message })),
    unread: tree.unread.map(({ part, name, error }) => ({ part, name, ...printError(error) })),
    listed: listedIn(tree).map(({ digest, mediaType, platform }) => ({
      digest,
      mediaType,
      platform: platform ?? null,
    })),
    children: children.map((child) => ({
      platforms: platformsOf(tree, child.tree.pulled.digest),
      ...printNode(child),
    })),
  }
}

function printReferrer(referrer: AppraisedReferrer): object {
  const { facts, signatures, tree } = referrer
  return {
    kind: facts.kind,
    artifactType: tree.artifactType ?? null,
    predicateType: facts.predicateType ?? null,
    created: facts.created ?? null,
    ...printNode(referrer),
    layers: layersOf(tree.pulled.manifest).map(printLayer),
    signatures: signatures.map(printSignature),
  }
}

function printLayer(layer: Descriptor): object {
  const { digest, mediaType } = layer
  return { digest, mediaType, predicateType: predicateTypeOf(layer) ?? null }
}

function printSignature(one: AppraisedSignature): object {
  const { place, layer, listedType, claims, verdict } = one
  return {
    verdict: verdict.kind,
    error: 'error' in verdict ? printError(verdict.error) : null,
    format: place.format,
    manifest: place.manifest,
    tag: 'tag' in place ? (place.tag ?? null) : null,
    index: 'index' in place ? place.index : null,
    layer: layer?.digest ?? null,
    listedType: listedType ?? null,
    proven: 'proven' in verdict ? printProven(verdict.proven) : null,
    claimed: claims === undefined ? null : printClaims(claims),
  }
}

function printProven(proven: Extract<Verdict, { kind: 'valid' }>['proven']): object {
  return {
    predicateType: proven.predicateType ?? null,
    repository: proven.identity ?? null,
    annotations: proven.annotations,
    ...printEvidence(proven),
  }
}

function printError({ code, message, hints }: ChanceryError): object {
  return { code, message, hints }
}

/** What a manifest holds, other than manifests. */
export function layersOf(manifest: ImageTree['pulled']['manifest']): readonly Descriptor[] {
  return manifest.kind === 'manifest' ? manifest.layers : []
}

/** The manifests that an index lists. */
export function listedIn({ pulled }: ImageTree): readonly Descriptor[] {
  return pulled.manifest.kind === 'index' ? pulled.manifest.manifests : []
}

/** What an image in an index runs on, as the index says: several where it is listed for several. */
export function platformsOf(index: ImageTree, digest: string): readonly string[] {
  const entries = listedIn(index).filter((one) => one.digest === digest)
  return [...new Set(entries.flatMap(({ platform }) => platform ?? []))]
}
