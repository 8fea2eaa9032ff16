import { ChanceryError } from '../../errors/chancery-error.ts'
import { encodeBase64 } from '../../format/base64.ts'
import { parseJson } from '../../format/json.ts'
import type { Descriptor } from '../../format/oci-manifest.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { badContent } from '../../registry/answers.ts'
import { ByteAllowance } from '../../registry/byte-allowance.ts'
import { readImageTree, type ImageTree, type TaggedKind } from '../../registry/image-tree.ts'
import { bundleLayerOf, factsOf, readLayer } from '../../registry/published-artifacts.ts'
import { repositorySource } from '../../registry/repository-store.ts'
import {
  CERTIFICATE,
  CERTIFICATE_CHAIN,
  LOG_ENTRY,
  SIGNATURE,
  TIMESTAMP,
} from '../../registry/signature-manifest.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openReadingClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery download attestation`. */
export interface DownloadAttestationFlags extends RegistryFlags, JsonFlag {
  readonly predicateType?: string
}

/** `chancery download signature`: each signature as a line of JSON, bundles first; unverified. */
export async function downloadSignatures(
  this: CliContext,
  flags: RegistryFlags & JsonFlag,
  image: string,
): Promise<void> {
  await download(this, flags, image, 'signature', {
    isWanted: () => true,
    describe: describeSignature,
  })
}

/** `chancery download attestation`: each attestation as a line of JSON, bundles first; unverified. */
export async function downloadAttestations(
  this: CliContext,
  flags: DownloadAttestationFlags,
  image: string,
): Promise<void> {
  const { predicateType: wanted } = flags
  await download(this, flags, image, 'attestation', {
    isWanted: (predicateType) => wanted === undefined || predicateType === wanted,
    describe: contentOf,
  })
}

interface Selection {
  readonly isWanted: (predicateType: string | undefined) => boolean
  /** A layer under Cosign's tag, as it is printed. */
  readonly describe: (layer: Descriptor, content: Uint8Array) => unknown
}

async function download(
  context: CliContext,
  flags: RegistryFlags & JsonFlag,
  image: string,
  kind: Extract<TaggedKind, 'signature' | 'attestation'>,
  selection: Selection,
): Promise<void> {
  const reference = parseReference(image)
  using client = await openReadingClient(context, flags, [reference])
  const source = repositorySource(client, reference, new Deadline(flags.timeout).signal)
  const root = await readImageTree(source, reference.digest ?? reference.tag ?? 'latest')
  const allowance = new ByteAllowance(source.maxAttachedBytes)
  const read = (layer: Descriptor) => readLayer(source, layer, allowance)
  const documents = [
    ...(await readBundles(read, root, kind, selection)),
    ...(await readTagged(read, root, kind, selection)),
  ]
  if (documents.length === 0) {
    throw new ChanceryError(
      'ERR_REGISTRY_NOT_FOUND',
      `${referenceContext(reference)}@${root.pulled.digest} has no ${kind} of that kind`,
    )
  }
  if (flags.json === true) context.output.result(true, documents, () => '')
  else context.output.lines(documents)
}

type ReadContent = (layer: Descriptor) => Promise<Uint8Array>

async function readJson(read: ReadContent, layer: Descriptor): Promise<unknown> {
  return contentOf(layer, await read(layer))
}

/** @throws ChanceryError ERR_REGISTRY_CONTENT if it is no JSON. */
function contentOf({ digest }: Descriptor, content: Uint8Array | string): unknown {
  try {
    return parseJson(content)
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw badContent(digest, `expected JSON: ${cause.message}`, cause)
  }
}

async function readBundles(
  read: ReadContent,
  root: ImageTree,
  kind: string,
  { isWanted }: Selection,
): Promise<unknown[]> {
  const documents: unknown[] = []
  for (const referrer of root.referrers) {
    const layer = bundleLayerOf(referrer)
    const facts = factsOf(referrer)
    if (layer === undefined || facts.kind !== kind || !isWanted(facts.predicateType)) continue
    documents.push(await readJson(read, layer))
  }
  return documents
}

async function readTagged(
  read: ReadContent,
  root: ImageTree,
  kind: TaggedKind,
  { isWanted, describe }: Selection,
): Promise<unknown[]> {
  const documents: unknown[] = []
  for (const { kind: found, tag, pulled } of root.tagged) {
    if (found !== kind) continue
    if (pulled.manifest.kind !== 'manifest') {
      throw badContent(tag, 'expected an image manifest, found an index')
    }
    for (const layer of pulled.manifest.layers) {
      if (!isWanted(layer.annotations?.['predicateType'])) continue
      documents.push(describe(layer, await read(layer)))
    }
  }
  return documents
}

/** As Cosign prints it, with certificates as PEM. */
function describeSignature(layer: Descriptor, payload: Uint8Array): object {
  const { annotations = {} } = layer
  const json = (text: string | undefined): unknown =>
    text === undefined || text === '' ? null : contentOf(layer, text)
  const pem = (text: string | undefined): string | null =>
    text === undefined || text === '' ? null : text
  return {
    Base64Signature: annotations[SIGNATURE] ?? '',
    Payload: encodeBase64(payload),
    Cert: pem(annotations[CERTIFICATE]),
    Chain: pem(annotations[CERTIFICATE_CHAIN]),
    Bundle: json(annotations[LOG_ENTRY]),
    RFC3161Timestamp: json(annotations[TIMESTAMP]),
  }
}
