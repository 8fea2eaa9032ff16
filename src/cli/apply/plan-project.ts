import type {
  DesiredArtifactConfiguration,
  DesiredProject,
  DesiredSigningPolicy,
} from '../../config/chancery-yaml.ts'
import { compareFields, sortedTexts, type FieldChange } from './field-change.ts'
import type { People } from './people.ts'
import type { ActualProject } from './state.ts'

/** A step about something inside a project. */
export type ProjectPartChange =
  | {
      readonly object: 'artifact configuration'
      readonly action: 'create' | 'change'
      /** `project/slug` */
      readonly name: string
      readonly project: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredArtifactConfiguration
    }
  | {
      readonly object: 'default artifact configuration'
      readonly action: 'change'
      readonly name: string
      readonly project: string
      readonly fields: readonly FieldChange[]
      readonly desired: string
    }
  | {
      readonly object: 'signing policy'
      readonly action: 'create' | 'change'
      readonly name: string
      readonly project: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredSigningPolicy
    }

/** The artifact configuration that a new project starts with, from this template. */
const INITIAL = { slug: 'initial', template: 'detached-raw-signatures' }

/**
 * The steps for the configurations and policies of a project.
 *
 * @param actual Undefined for a project that the plan creates.
 */
export function planProjectParts(
  desired: DesiredProject,
  actual: ActualProject | undefined,
  people: People,
): readonly ProjectPartChange[] {
  return [
    ...desired.artifactConfigurations.flatMap((each) =>
      planConfiguration(desired.slug, each, actual),
    ),
    ...planDefault(desired, actual),
    ...desired.signingPolicies.flatMap((each) => planPolicy(desired.slug, each, actual, people)),
  ]
}

function planConfiguration(
  project: string,
  desired: DesiredArtifactConfiguration,
  actual: ActualProject | undefined,
): readonly ProjectPartChange[] {
  const { slug, content } = desired
  const base = {
    object: 'artifact configuration',
    name: `${project}/${slug}`,
    project,
    desired,
  } as const
  const wanted = { name: desired.name, xml: content.kind === 'xml' ? content.xml : undefined }
  if (actual === undefined && slug === INITIAL.slug) {
    const isAsMade = content.kind === 'template' && content.template === INITIAL.template
    const fields = compareFields(isAsMade ? { name: wanted.name } : wanted, {}, ['name', 'xml'])
    return fields.length === 0 ? [] : [{ ...base, action: 'change', fields: shorten(fields) }]
  }
  const known = actual?.artifactConfigurations.find((each) => each.slug === slug)
  if (known === undefined) {
    const template = content.kind === 'template' ? content.template : undefined
    const fields = compareFields({ ...wanted, template }, {}, ['name', 'template', 'xml'])
    return [{ ...base, action: 'create', fields: shorten(fields) }]
  }
  const fields = compareFields(wanted, known, ['name', 'xml'])
  return fields.length === 0 ? [] : [{ ...base, action: 'change', fields: shorten(fields) }]
}

function planDefault(
  desired: DesiredProject,
  actual: ActualProject | undefined,
): readonly ProjectPartChange[] {
  const to = desired.defaultArtifactConfiguration
  const from = actual === undefined ? INITIAL.slug : actual.project.defaultArtifactConfigurationSlug
  if (to === undefined || to === from) return []
  const fields = [{ field: 'defaultArtifactConfiguration', from: from ?? undefined, to }]
  const object = 'default artifact configuration'
  return [
    { object, action: 'change', name: desired.slug, project: desired.slug, fields, desired: to },
  ]
}

const POLICY_KEYS = [
  'name',
  'certificate',
  'submitters',
  'approvers',
  'requiredApprovals',
  'allowedImages',
  'signatureFormats',
  'allowedPredicateTypes',
  'allowOtherFiles',
  'allowHashSigning',
] as const

function planPolicy(
  project: string,
  desired: DesiredSigningPolicy,
  actual: ActualProject | undefined,
  people: People,
): readonly ProjectPartChange[] {
  const { slug } = desired
  const base = { object: 'signing policy', name: `${project}/${slug}`, project, desired } as const
  const wanted = {
    ...desired,
    submitters: people.describe(desired.submitters),
    approvers: people.describe(desired.approvers),
    allowedImages: sortedTexts(desired.allowedImages),
    signatureFormats: sortedTexts(desired.signatureFormats),
    allowedPredicateTypes: sortedTexts(desired.allowedPredicateTypes),
  }
  const known = actual?.signingPolicies.find((each) => each.slug === slug)
  if (known === undefined) {
    return [{ ...base, action: 'create', fields: compareFields(wanted, {}, POLICY_KEYS) }]
  }
  const found = {
    ...known,
    certificate: known.certificateSlug,
    submitters: people.describeIds(known.submitters),
    approvers: people.describeIds(known.approvers),
    allowedImages: sortedTexts(known.allowedImages),
    signatureFormats: sortedTexts(known.signatureFormats),
    allowedPredicateTypes: sortedTexts(known.allowedPredicateTypes),
  }
  const fields = compareFields(wanted, found, POLICY_KEYS)
  return fields.length === 0 ? [] : [{ ...base, action: 'change', fields }]
}

/** XML is shown by its size: a plan is read line by line. */
function shorten(fields: readonly FieldChange[]): readonly FieldChange[] {
  const size = (xml: unknown): unknown =>
    typeof xml === 'string' ? `${Buffer.byteLength(xml)} bytes` : xml
  return fields.map((each) =>
    each.field === 'xml' ? { field: 'xml', from: size(each.from), to: size(each.to) } : each,
  )
}
