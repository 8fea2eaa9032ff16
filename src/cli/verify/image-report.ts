import type { ChanceryError } from '../../errors/chancery-error.ts'
import { encodeBase64 } from '../../format/base64.ts'
import { referenceContext } from '../../format/oci-reference.ts'
import { SIMPLE_SIGNING_TYPE } from '../../format/simple-signing.ts'
import { describePlace } from '../../registry/refused-signatures.ts'
import type { ImageToVerify } from '../../registry/image-judge.ts'
import type { AcceptedSignature, ImageVerification } from '../../registry/verify-image.ts'
import type { Output } from '../output.ts'
import { describeEvidence, printEvidence } from './evidence-report.ts'
import type { VerifiedTree } from './image-trees.ts'

/** An image as the user named it, with what is known about it. */
export interface NamedTree {
  readonly name: string
  readonly tree: VerifiedTree
}

/** So many signatures that are not accepted are told of one image. */
const MAX_REFUSED = 50

/** Tells people what was accepted, of whom, and why the rest was not. */
export function reportTree(output: Output, { name, tree }: NamedTree, isOneOfMany: boolean): void {
  for (const verification of tree.images) {
    if (verification.failure === undefined) reportImage(output, verification)
  }
  const { failure } = tree
  if (failure !== undefined && isOneOfMany) output.progress(`FAILED ${name}: ${failure.message}`)
}

function reportImage(output: Output, verification: ImageVerification): void {
  const { image, verified, refused, obstacles } = verification
  output.progress(`Verified ${nameOf(image)}`)
  for (const one of verified) {
    output.progress(`  ${describePlace(one.place)}: ${describeIdentity(one)}`)
    for (const line of describeEvidence(printEvidence(one))) output.progress(`    ${line}`)
    for (const [name, value] of Object.entries(one.annotations)) {
      output.progress(`    annotation ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    }
  }
  for (const { place, error } of refused.slice(0, MAX_REFUSED)) {
    output.progress(`  not accepted, ${describePlace(place)}: ${error.message} (${error.code})`)
  }
  if (refused.length > MAX_REFUSED) {
    output.progress(`  and ${refused.length - MAX_REFUSED} more that are not accepted`)
  }
  for (const error of obstacles) {
    output.progress(`  not looked at: ${error.message} (${error.code})`)
  }
  if (image.repository === undefined) {
    output.progress('  the repository was compared with those of --allow-identity only')
  }
  if (!verification.hasReadReferrers) {
    output.progress('  bundles were not looked at, as this suffices; --all looks at them, too')
  }
}

function describeIdentity({ identity }: AcceptedSignature): string {
  return identity === undefined
    ? 'over this digest; no repository was signed'
    : `over this digest, for ${identity}`
}

function nameOf({ repository, digest }: ImageToVerify): string {
  return repository === undefined ? digest : `${referenceContext(repository)}@${digest}`
}

/** Everything that is known, as one JSON document, whether the images are accepted or not. */
export function printTrees(trees: readonly NamedTree[]): object {
  return {
    isAccepted: trees.every(({ tree }) => tree.failure === undefined),
    results: trees.map(({ name, tree }) => ({
      image: name,
      isAccepted: tree.failure === undefined,
      error: printError(tree.failure),
      manifests: tree.images.map(printImage),
    })),
  }
}

function printImage(verification: ImageVerification): object {
  const { image, verified, refused, obstacles, hasReadReferrers, others, failure } = verification
  return {
    image: nameOf(image),
    digest: image.digest,
    isAccepted: failure === undefined,
    error: printError(failure),
    signatures: verified.map((one) => ({
      ...printPlace(one.place),
      repository: one.identity ?? null,
      annotations: one.annotations,
      ...printEvidence(one),
    })),
    refused: refused.map(({ place, error }) => ({
      ...printPlace(place),
      code: error.code,
      message: error.message,
    })),
    obstacles: obstacles.map(printError),
    hasReadReferrers,
    otherReferrers: others,
  }
}

function printPlace(place: ImageVerification['refused'][number]['place']): object {
  const { manifest, tag } = place
  if (!('format' in place)) return { format: null, manifest: manifest ?? null, tag: tag ?? null }
  const { format, index } = place
  return { format, manifest, tag: tag ?? null, index }
}

function printError(error: ChanceryError | undefined): object | null {
  if (error === undefined) return null
  return { code: error.code, message: error.message, hints: error.hints }
}

/** The accepted attestations as Cosign prints them, a DSSE envelope each. */
export function printEnvelopes(trees: readonly NamedTree[]): readonly object[] {
  const contents = trees.flatMap(({ tree }) =>
    tree.images.flatMap(({ verified }) => verified.map(({ content }) => content)),
  )
  return contents.flatMap((content) => {
    if (content.format === 'simple-signing') return []
    const { payload, payloadType, signature } = content.envelope
    const signatures = [{ keyid: '', sig: encodeBase64(signature) }]
    return [{ payloadType, payload: encodeBase64(payload), signatures }]
  })
}

/** The accepted signatures as Cosign prints them, bundles included, in one array for all images. */
export function printAsCosign(trees: readonly NamedTree[]): readonly object[] {
  return trees.flatMap(({ name, tree }) =>
    tree.images.flatMap(({ image, verified }) =>
      verified.map((one) => printSignatureAsCosign(name, image, one)),
    ),
  )
}

function printSignatureAsCosign(
  name: string,
  { digest }: ImageToVerify,
  { content, annotations }: AcceptedSignature,
): object {
  const [reference, type, optional] =
    content.format === 'simple-signing'
      ? [content.payload.dockerReference, SIMPLE_SIGNING_TYPE, content.payload.annotations]
      : [name, content.statement.predicateType, annotations]
  return {
    critical: {
      identity: { 'docker-reference': reference },
      image: { 'docker-manifest-digest': digest },
      type,
    },
    optional,
  }
}
