import type { ArtifactConfiguration, SigningPolicy } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  parseArtifactConfiguration,
  type ArtifactConfigurationModel,
} from '../policy/artifact-configuration.ts'
import { sha256Hex } from '../crypto/digest.ts'
import { describeDenial } from '../policy/denial.ts'
import { examine, type ExaminationRules } from '../policy/examine.ts'
import { planSigning, type ArtifactInput, type SigningPlan } from '../policy/signing-plan.ts'
import type { SigningRequestImage } from '../wire/signing-requests.ts'
import type { Examiner } from './examiner.ts'

/** What is examined, and under what: plain values, so that another thread can have them. */
export interface ExaminationTask {
  readonly artifact: ArtifactInput
  /** Of the version of the artifact configuration. */
  readonly xml: string
  readonly parameters: Readonly<Record<string, string>>
  /** Of the version of the signing policy. */
  readonly rules: ExaminationRules
}

/** SHA-256 of files that were examined, in lower-case hexadecimal, by their paths. */
export type ExaminedDigests = ReadonlyMap<string, string>

/** A verdict that is no yes. `failed`: the artifact is not what the configuration describes. `denied`: the policy says no. */
export type Refusal =
  | { readonly outcome: 'failed'; readonly reason: string; readonly hints: readonly string[] }
  | {
      readonly outcome: 'denied'
      readonly images: readonly SigningRequestImage[]
      readonly reason: string
      readonly hints: readonly string[]
    }

/** What a task came to, on whatever thread. */
export type Finding =
  | Refusal
  | {
      readonly outcome: 'allowed'
      readonly images: readonly SigningRequestImage[]
      readonly digests: ExaminedDigests
    }

/** What an examination found. */
export type Verdict =
  | Refusal
  | {
      readonly outcome: 'allowed'
      readonly images: readonly SigningRequestImage[]
      readonly plan: SigningPlan
      /** What has to be signed; null where the bytes in memory are those that were examined. */
      readonly digests: ExaminedDigests | null
    }

/** A file as the plan takes it: as it was uploaded, or as the one entry of a ZIP that nobody built. */
export function inputOf(
  artifact: { readonly fileName: string; readonly bytes: Uint8Array },
  isEntry: boolean,
): ArtifactInput {
  const { fileName, bytes } = artifact
  return isEntry ? { kind: 'entry', path: fileName, bytes } : { kind: 'file', fileName, bytes }
}

const models = new WeakMap<ArtifactConfiguration, ArtifactConfigurationModel>()

/** The parsed form of a configuration; parsed once for each version. */
function modelOf(configuration: ArtifactConfiguration): ArtifactConfigurationModel {
  let model = models.get(configuration)
  if (model === undefined) {
    model = parseArtifactConfiguration(configuration.xml)
    models.set(configuration, model)
  }
  return model
}

/**
 * Finds what a version of a configuration signs in an artifact.
 *
 * @throws ChanceryError as `planSigning`.
 */
export function planArtifact(
  configuration: ArtifactConfiguration,
  artifact: ArtifactInput,
  parameters: Readonly<Record<string, string>>,
): SigningPlan {
  return planSigning(modelOf(configuration), artifact, parameters)
}

/** Artifacts, and files in them together, up to this many bytes are examined at once; others on another thread. */
const MAX_BYTES_AT_ONCE = 256 * 1024

/**
 * Examines an artifact under a version of a configuration and of a policy. The same bytes, versions and parameters
 * always give the same verdict. Large artifacts are examined on another thread, without keeping others waiting.
 *
 * @param organizationId Whose artifact it is.
 * @throws ChanceryError ERR_POLICY_PARAMETER if the parameters are not those of the configuration; ERR_SIGNING_BUSY.
 */
export function examineArtifact(
  examiner: Examiner,
  organizationId: string,
  configuration: ArtifactConfiguration,
  policy: SigningPolicy,
  artifact: ArtifactInput,
  parameters: Readonly<Record<string, string>>,
): Verdict | Promise<Verdict> {
  if (artifact.bytes.length <= MAX_BYTES_AT_ONCE) {
    try {
      const plan = planArtifact(configuration, artifact, parameters)
      if (plan.size <= MAX_BYTES_AT_ONCE) {
        const found = findInPlan(plan, policy)
        return found.outcome === 'allowed' ? { ...found, plan, digests: null } : found
      }
    } catch (thrown) {
      return failed(thrown)
    }
  }
  const { allowedImages, allowOtherFiles, signatureFormats, allowedPredicateTypes } = policy
  const rules = { allowedImages, allowOtherFiles, signatureFormats, allowedPredicateTypes }
  const task = { artifact, xml: configuration.xml, parameters, rules }
  return examiner
    .examine(organizationId, task)
    .then((found) =>
      found.outcome === 'allowed'
        ? { ...found, plan: planArtifact(configuration, artifact, parameters) }
        : found,
    )
    .catch(failed)
}

/**
 * Examines an artifact, however long it takes.
 *
 * @throws ChanceryError as `planSigning` and `examine`.
 */
export function findIn({ artifact, xml, parameters, rules }: ExaminationTask): Finding {
  const plan = planSigning(parseArtifactConfiguration(xml), artifact, parameters)
  const digests = new Map<string, string>()
  const files = plan.files.map((file) => ({
    ...file,
    read: () => {
      const bytes = file.read()
      digests.set(file.path, sha256Hex(bytes))
      return bytes
    },
  }))
  const found = findInPlan({ files }, rules)
  return found.outcome === 'allowed' ? { ...found, digests } : found
}

function findInPlan(
  plan: Pick<SigningPlan, 'files'>,
  rules: ExaminationRules,
): Refusal | { readonly outcome: 'allowed'; readonly images: readonly SigningRequestImage[] } {
  const { images, decision } = examine(plan, rules)
  if (decision.allowed) return { outcome: 'allowed', images }
  return { outcome: 'denied', images, ...describeDenial(decision.reasons) }
}

/** The verdict on an artifact that is not what it has to be. @throws What is thrown for any other reason. */
function failed(thrown: unknown): Refusal {
  const isArtifacts = thrown instanceof ChanceryError && !NOT_OF_THE_ARTIFACT.has(thrown.code)
  if (!isArtifacts) throw thrown
  return { outcome: 'failed', reason: thrown.message, hints: thrown.hints }
}

/** What is wrong with the request's parameters, the policy or the server, whatever was submitted. */
const NOT_OF_THE_ARTIFACT: ReadonlySet<string> = new Set([
  'ERR_POLICY_PARAMETER',
  'ERR_POLICY_IMAGE_PATTERN',
  'ERR_SIGNING_BUSY',
])
