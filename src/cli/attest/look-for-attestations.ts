import { saysTheSame } from '../../format/attestation.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import { findBundle } from '../../registry/find-bundle.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import { findOwnAttestations, findOwnBundles } from '../../registry/own-attestations.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import type { SignatureOwner } from '../sign/made-signature.ts'
import { asMadeBefore, type AttestationToMake } from './attestation-to-make.ts'

/** What an image has already of what is to be attested. */
export interface AttestationLook {
  readonly attestation: AttestationToMake
  readonly there: readonly SignatureFormat[]
  readonly missing: readonly SignatureFormat[]
  /** Earlier attestations that make room: digests of layers, and of referrers. */
  readonly replaced: { readonly legacy: ReadonlySet<string>; readonly bundle: readonly string[] }
}

/** What is looked for, and how. */
export interface LookOptions {
  readonly formats: readonly SignatureFormat[]
  readonly owner: SignatureOwner
  /** Whether all earlier attestations of the type make room for the new one. */
  readonly isReplacing: boolean
  /** Whether one that is there already does not count. */
  readonly isForced: boolean
  readonly maxWorkers: number
  readonly signal: AbortSignal
}

/** Looks for the same attestations of the same key. Nothing is signed before all images have been looked at. */
export async function lookForAttestations(
  client: RegistryClient,
  attestations: readonly AttestationToMake[],
  options: LookOptions,
): Promise<readonly AttestationLook[]> {
  return inParallel(attestations, options.maxWorkers, async (given) => {
    const attestation =
      given.isTimed && !options.isForced ? await findMadeBefore(client, given, options) : given
    const legacy = options.formats.includes('legacy')
      ? await lookUnderTag(client, attestation, options)
      : NOTHING
    const bundle = options.formats.includes('bundle')
      ? await lookForBundles(client, attestation, options)
      : NOTHING
    const isThere = { legacy: legacy.isThere, bundle: bundle.isThere }
    return {
      attestation,
      there: options.formats.filter((format) => isThere[format]),
      missing: options.formats.filter((format) => !isThere[format]),
      replaced: { legacy: new Set(legacy.replaced), bundle: bundle.replaced },
    }
  })
}

interface FormatLook {
  readonly isThere: boolean
  readonly replaced: readonly string[]
}

const NOTHING: FormatLook = { isThere: false, replaced: [] }

async function lookUnderTag(
  client: RegistryClient,
  { image, statement, predicateType }: AttestationToMake,
  { owner, isReplacing, isForced, signal }: LookOptions,
): Promise<FormatLook> {
  if (isForced && !isReplacing) return NOTHING
  const wanted = { publicKey: owner.publicKey, predicateType }
  const { own } = await findOwnAttestations(client, image, wanted, signal)
  const isSame = own.some((one) => Buffer.compare(one.statement, statement) === 0)
  const isThere = isSame && !isForced && !(isReplacing && own.length > 1)
  return { isThere, replaced: isReplacing && !isThere ? own.map(({ layer }) => layer.digest) : [] }
}

async function lookForBundles(
  client: RegistryClient,
  { image, statement, predicateType }: AttestationToMake,
  { owner: { publicKey, chain }, isReplacing, isForced, signal }: LookOptions,
): Promise<FormatLook> {
  const wanted = { statement, predicateType, publicKey, certificate: chain?.leaf }
  const isSame =
    !isForced && (await findBundle(client, image, wanted, { signal })).bundle !== undefined
  if (!isReplacing) return { isThere: isSame, replaced: [] }
  const own = await findOwnBundles(client, image, { publicKey, predicateType }, signal)
  const isThere = isSame && own.length === 1
  return { isThere, replaced: isThere ? [] : own.map(({ digest }) => digest) }
}

/**
 * The attestation with the time at which the key said the same before, if it did: so that it is one attestation, and its
 * other format or what an interrupted command has left is no other one. Of several the one in most formats.
 */
async function findMadeBefore(
  client: RegistryClient,
  attestation: AttestationToMake,
  { formats, owner: { publicKey }, signal }: LookOptions,
): Promise<AttestationToMake> {
  const { image, predicateType, statement } = attestation
  const wanted = { publicKey, predicateType }
  const under = formats.includes('legacy')
    ? (await findOwnAttestations(client, image, wanted, signal)).own
    : []
  const bundles = formats.includes('bundle')
    ? await findOwnBundles(client, image, wanted, signal)
    : []
  const same = [...under, ...bundles].filter((one) => saysTheSame(statement, one.statement))
  const texts = same.map((one) => Buffer.from(one.statement))
  const inSeveral = texts.find((text, index) =>
    texts.slice(index + 1).some((one) => one.equals(text)),
  )
  const before = inSeveral ?? texts[0]
  return before === undefined ? attestation : asMadeBefore(attestation, before)
}
