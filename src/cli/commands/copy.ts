import { ChanceryError } from '../../errors/chancery-error.ts'
import {
  parseReference,
  referenceContext,
  type ImageReference,
} from '../../format/oci-reference.ts'
import { readImageTree } from '../../registry/image-tree.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { repositorySink, repositorySource } from '../../registry/repository-store.ts'
import {
  transferImage,
  type TransferPart,
  type TransferReport,
} from '../../registry/transfer-image.ts'
import type { CliContext } from '../context.ts'
import { counted } from '../counted.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { requireOneRegistry } from '../registry-secrets.ts'
import { readSides, type SideFlags } from '../registry-sides.ts'

/** The flags of `chancery copy`. */
export interface CopyFlags extends RegistryFlags, SideFlags, JsonFlag {
  readonly only?: string
  readonly force?: boolean
}

const PARTS: Readonly<Record<string, TransferPart>> = {
  sig: 'signature',
  att: 'attestation',
  sbom: 'sbom',
  referrer: 'referrer',
}

const SIDES_HINT =
  'Say which side it is for: --src-creds, --src-registry-token, --src-cert-dir, --dest-creds, …; or use docker login and certs.d.'

/** `chancery copy`: says on stderr what is at the destination. */
export async function copy(
  this: CliContext,
  flags: CopyFlags,
  sourceImage: string,
  destinationImage: string,
): Promise<void> {
  const source = parseReference(sourceImage)
  const destination = parseReference(destinationImage)
  const only = flags.only === undefined ? undefined : readParts(flags.only)
  const sides = readSides(flags)
  const both = [source, destination]
  requireOneRegistry(flags, both, SIDES_HINT)
  using from = await openRegistryClient(
    this,
    sides?.source ?? flags,
    sides === undefined ? both : [source],
  )
  using own =
    sides === undefined
      ? undefined
      : await openRegistryClient(this, sides.destination, [destination])
  const to = own ?? from
  const signal = new Deadline(flags.timeout).signal
  const origin = repositorySource(from, source, signal)
  const tree = await readImageTree(origin, source.digest ?? source.tag ?? 'latest')
  const { digest } = tree.pulled
  const tag = destination.digest === undefined ? (destination.tag ?? 'latest') : undefined
  requireSameDigest(destination, digest)
  if (only === undefined && flags.force !== true && tag !== undefined) {
    await requireFree(to, destination, tag, digest, signal)
  }
  const report = await transferImage(
    tree,
    origin,
    repositorySink(to, destination, signal),
    repositorySource(to, destination, signal),
    { only, tag },
  )
  const image = `${referenceContext(destination)}@${digest}`
  this.output.progress(describeReport(image, report))
  this.output.result(flags.json, { image, ...report }, () => '')
}

/** What is at the destination of a transfer, in one line. */
export function describeReport(image: string, report: TransferReport): string {
  const { manifests, blobs, signatures, attestations, sboms, referrers } = report
  const parts = [
    counted(manifests, 'manifest'),
    counted(blobs, 'blob'),
    counted(signatures, 'signature'),
    counted(attestations, 'attestation'),
    ...(sboms === 0 ? [] : [counted(sboms, 'SBOM')]),
    counted(referrers, 'referrer'),
  ]
  return `${image}: all there: ${parts.join(', ')}`
}

function readParts(text: string): readonly TransferPart[] {
  return text.split(',').map((name) => {
    const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined
    if (part !== undefined) return part
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      `--only expects ${Object.keys(PARTS).join(', ')}, separated by commas, found "${name}"`,
    )
  })
}

function requireSameDigest(destination: ImageReference, digest: string): void {
  if (destination.digest === undefined || destination.digest === digest) return
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    `expected a destination without a digest, or with ${digest}, which is that of the source`,
  )
}

async function requireFree(
  client: RegistryClient,
  destination: ImageReference,
  tag: string,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  const found = await client.findManifest(destination, tag, signal)
  if (found === undefined || found.digest === digest) return
  throw new ChanceryError(
    'ERR_REGISTRY_EXISTS',
    `${referenceContext(destination)}:${tag} is another image, ${found.digest}`,
    { hints: ['With --force the tag is moved to the copied image.'] },
  )
}
