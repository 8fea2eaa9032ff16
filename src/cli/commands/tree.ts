import type { Descriptor } from '../../format/oci-manifest.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { readImageTree, type ImageTree, type TaggedArtifact } from '../../registry/image-tree.ts'
import { factsOf } from '../../registry/published-artifacts.ts'
import { repositorySource } from '../../registry/repository-store.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openReadingClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { printable } from '../text-table.ts'

const PREDICATE_TYPE = 'predicateType'
const SIGNATURE_TITLES = { signature: 'signatures', attestation: 'attestations', sbom: 'SBOMs' }

/** `chancery tree`: what belongs to an image, verified or not. */
export async function tree(
  this: CliContext,
  flags: RegistryFlags & JsonFlag,
  image: string,
): Promise<void> {
  const reference = parseReference(image)
  using client = await openReadingClient(this, flags, [reference])
  const source = repositorySource(client, reference, new Deadline(flags.timeout).signal)
  const name = reference.digest ?? reference.tag ?? 'latest'
  const root = await readImageTree(source, name)
  const repository = referenceContext(reference)
  for (const { error } of root.refused) this.output.warn(printable(error.message))
  const document = { image: `${repository}@${root.pulled.digest}`, ...documentOf(root) }
  this.output.result(flags.json, document, () => draw(repository, root).join('\n'))
}

function documentOf(part: ImageTree): object {
  return {
    digest: part.pulled.digest,
    mediaType: part.pulled.mediaType,
    tagged: part.tagged.map(({ kind, tag, pulled }) => ({
      kind,
      tag,
      digest: pulled.digest,
      mediaType: pulled.mediaType,
      layers: layersOf(pulled.manifest).map((layer) => ({
        digest: layer.digest,
        mediaType: layer.mediaType,
        predicateType: layer.annotations?.[PREDICATE_TYPE] ?? null,
      })),
    })),
    referrers: part.referrers.map((referrer) => {
      const { kind, predicateType, created } = factsOf(referrer)
      return {
        kind,
        artifactType: referrer.artifactType ?? null,
        predicateType: predicateType ?? null,
        created: created ?? null,
        ...documentOf(referrer),
      }
    }),
    refused: part.refused.map(({ digest, error }) => ({ digest, reason: error.message })),
    children: part.children.map(documentOf),
  }
}

function layersOf(manifest: ImageTree['pulled']['manifest']): readonly Descriptor[] {
  return manifest.kind === 'manifest' ? manifest.layers : []
}

/** Lines; the branches of each part are indented below it. */
function draw(repository: string, part: ImageTree): string[] {
  return [`${repository}@${part.pulled.digest}`, ...indent(branchesOf(repository, part))]
}

function branchesOf(repository: string, part: ImageTree): (readonly string[])[] {
  const branches: (readonly string[])[] = [
    ...part.tagged.map((one) => drawTagged(repository, one)),
    ...part.referrers.map((one) => drawReferrer(repository, one)),
    ...part.children.map((one) => draw(repository, one)),
  ]
  return branches.length === 0 ? [['nothing is attached']] : branches
}

function drawTagged(repository: string, { kind, tag, pulled }: TaggedArtifact): string[] {
  const layers = layersOf(pulled.manifest).map((layer) => [
    [layer.digest, layer.mediaType, layer.annotations?.[PREDICATE_TYPE] ?? '']
      .filter((text) => text !== '')
      .map(printable)
      .join('  '),
  ])
  return [`${SIGNATURE_TITLES[kind]} under ${repository}:${tag}`, ...indent(layers)]
}

function drawReferrer(repository: string, referrer: ImageTree): string[] {
  const { kind, predicateType, created } = factsOf(referrer)
  const type = predicateType ?? referrer.artifactType ?? referrer.pulled.mediaType
  const when = created === undefined ? '' : `, ${created}`
  const title = `${kind === 'other' ? 'referrer' : kind}: ${type}${when}`
  const layers = layersOf(referrer.pulled.manifest).map((layer) => [
    printable(`${layer.digest}  ${layer.mediaType}`),
  ])
  const below = referrer.referrers.map((one) => drawReferrer(repository, one))
  return [
    printable(title),
    `   ${repository}@${referrer.pulled.digest}`,
    ...indent([...layers, ...below]),
  ]
}

function indent(branches: readonly (readonly string[])[]): string[] {
  return branches.flatMap((lines, index) => {
    const isLast = index === branches.length - 1
    return lines.map((line, row) => {
      const stem = row === 0 ? (isLast ? '└── ' : '├── ') : isLast ? '    ' : '│   '
      return `${stem}${line}`
    })
  })
}
