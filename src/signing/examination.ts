import type { ArtifactConfiguration, SigningPolicy } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  parseArtifactConfiguration,
  type ArtifactConfigurationModel,
} from '../policy/artifact-configuration.ts'
import { describeDenial } from '../policy/denial.ts'
import { examine, examineInBackground, type Examination } from '../policy/examine.ts'
import { planSigning, type ArtifactInput, type SigningPlan } from '../policy/signing-plan.ts'
import type { SigningRequestImage } from '../wire/signing-requests.ts'
import { inTurn, isLarge } from './large-plan.ts'

/** What an examination found. `failed`: the artifact is not what the configuration describes. `denied`: the policy says no. */
export type Verdict =
  | { readonly outcome: 'failed'; readonly reason: string; readonly hints: readonly string[] }
  | {
      readonly outcome: 'denied'
      readonly images: readonly SigningRequestImage[]
      readonly reason: string
      readonly hints: readonly string[]
    }
  | {
      readonly outcome: 'allowed'
      readonly images: readonly SigningRequestImage[]
      readonly plan: SigningPlan
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

/**
 * Examines an artifact under a version of a configuration and of a policy. The same bytes, versions and parameters
 * always give the same verdict. Large artifacts are examined without keeping others waiting.
 *
 * @throws ChanceryError ERR_POLICY_PARAMETER if the parameters are not those of the configuration.
 */
export function examineArtifact(
  configuration: ArtifactConfiguration,
  policy: SigningPolicy,
  artifact: ArtifactInput,
  parameters: Readonly<Record<string, string>>,
): Verdict | Promise<Verdict> {
  try {
    const plan = planArtifact(configuration, artifact, parameters)
    if (!isLarge(plan)) return verdictOf(plan, examine(plan, policy))
    return inTurn(() => examineInBackground(plan, policy)).then(
      (examination) => verdictOf(plan, examination),
      failed,
    )
  } catch (thrown) {
    return failed(thrown)
  }
}

function verdictOf(plan: SigningPlan, { images, decision }: Examination): Verdict {
  if (decision.allowed) return { outcome: 'allowed', images, plan }
  const { reason, hints } = describeDenial(decision.reasons)
  return { outcome: 'denied', images, reason, hints }
}

/** The verdict on an artifact that is not what it has to be. @throws What is thrown for any other reason. */
function failed(thrown: unknown): Verdict {
  const isArtifacts = thrown instanceof ChanceryError && !NOT_OF_THE_ARTIFACT.has(thrown.code)
  if (!isArtifacts) throw thrown
  return { outcome: 'failed', reason: thrown.message, hints: thrown.hints }
}

/** What is wrong with the request's parameters or the policy, whatever was submitted. */
const NOT_OF_THE_ARTIFACT: ReadonlySet<string> = new Set([
  'ERR_POLICY_PARAMETER',
  'ERR_POLICY_IMAGE_PATTERN',
])
