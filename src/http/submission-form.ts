import { Type, type Static, type TObject } from 'typebox'
import type { ArtifactFile, Origin, Submission } from '../signing/signing-service.ts'
import { Guid, Slug } from '../wire/shapes.ts'
import type { BoundForm } from './form.ts'

const Text = Type.String({ maxLength: 2000 })

/** The fields that all submit routes share, by their names in the form. */
export const SUBMISSION_FIELDS = {
  projectSlug: Type.Optional(Slug),
  signingPolicySlug: Type.Optional(Slug),
  artifactConfigurationSlug: Type.Optional(Slug),
  signingPolicyId: Type.Optional(Guid),
  artifactConfigurationId: Type.Optional(Guid),
  description: Type.Optional(Text),
  cancellationTimeoutInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
  'origin.buildData.url': Type.Optional(Text),
  'origin.repositoryData.url': Type.Optional(Text),
  'origin.repositoryData.branchName': Type.Optional(Text),
  'origin.repositoryData.commitId': Type.Optional(Text),
  'origin.repositoryData.sourceControlManagementType': Type.Optional(Text),
}

/** The file part of an origin. */
export const BUILD_SETTINGS_FILE = 'origin.buildData.buildSettingsFile'

type SubmissionFields = Static<TObject<typeof SUBMISSION_FIELDS>>

/** The submission a form describes. */
export function submissionOf(
  { fields, files, parameters }: BoundForm<SubmissionFields>,
  idempotencyKey: string | undefined,
): Submission {
  const origin = originOf(fields, files.get(BUILD_SETTINGS_FILE))
  return present({
    projectSlug: fields.projectSlug,
    signingPolicySlug: fields.signingPolicySlug,
    artifactConfigurationSlug: fields.artifactConfigurationSlug,
    signingPolicyId: fields.signingPolicyId,
    artifactConfigurationId: fields.artifactConfigurationId,
    description: fields.description,
    cancellationTimeoutInSeconds: fields.cancellationTimeoutInSeconds,
    parameters,
    origin: Object.keys(origin).length === 0 ? undefined : origin,
    idempotencyKey,
  })
}

function originOf(fields: SubmissionFields, buildSettingsFile: ArtifactFile | undefined): Origin {
  return present({
    buildUrl: fields['origin.buildData.url'],
    buildSettingsFile,
    repositoryUrl: fields['origin.repositoryData.url'],
    branchName: fields['origin.repositoryData.branchName'],
    commitId: fields['origin.repositoryData.commitId'],
    sourceControlManagementType: fields['origin.repositoryData.sourceControlManagementType'],
  })
}

type OptionalKeys<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T]

/** An object without the members that are undefined. */
type Present<T> = Omit<T, OptionalKeys<T>> & { [K in OptionalKeys<T>]?: Exclude<T[K], undefined> }

/** Leaves out what is undefined, so that an absent member is absent and not a member without a value. */
export function present<T extends object>(members: T): Present<T> {
  const kept: Record<string, unknown> = {}
  for (const name of Object.keys(members)) {
    const value = members[name as keyof T]
    if (value !== undefined) kept[name] = value
  }
  return kept as Present<T>
}
