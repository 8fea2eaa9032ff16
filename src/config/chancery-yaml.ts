import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../crypto/algorithms.ts'
import type { ChanceryError } from '../errors/chancery-error.ts'
import { ROLES, type Role } from '../policy/principal.ts'
import { SIGNATURE_FORMATS, type SignatureFormat } from '../policy/signature-format.ts'
import { YamlSource, type YamlMapping } from './yaml-reader.ts'

/** Users and groups by name. */
export interface NamedAssignees {
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

/** A member that the file does not name is undefined, and left as it is. */
export interface DesiredOrganization {
  readonly name: string | undefined
  /** 0 keeps artifacts for good. */
  readonly artifactRetentionDays: number | undefined
}

/** A person or a machine; its name says which of the server's users it is, in any case. */
export interface DesiredUser {
  readonly name: string
  readonly userType: 'interactive' | 'ci'
  readonly emailAddress: string | undefined
  readonly roles: readonly Role[] | undefined
}

/** Members by user name. */
export interface DesiredGroup {
  readonly name: string
  readonly roles: readonly Role[] | undefined
  readonly members: readonly string[] | undefined
}

/** A key with a self-signed certificate; an existing one keeps its key and subject. */
export interface DesiredCertificate {
  readonly slug: string
  readonly name: string | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly subject: CertificateSubject | undefined
  readonly validForDays: number | undefined
}

/** The subject of a new certificate. */
export interface CertificateSubject {
  readonly commonName: string
  readonly organization?: string
  readonly organizationalUnit?: string
  readonly country?: string
  readonly emailAddress?: string
}

/** What an artifact configuration consists of. */
export type ConfigurationContent =
  | { readonly kind: 'xml'; readonly xml: string }
  /** A file beside chancery.yaml; read by whoever applies it. */
  | { readonly kind: 'file'; readonly path: string }
  /** Used for a new configuration; not compared with an existing one. */
  | { readonly kind: 'template'; readonly template: string }

/** How artifacts look. */
export interface DesiredArtifactConfiguration {
  readonly slug: string
  readonly name: string | undefined
  readonly content: ConfigurationContent
}

/** Who may have what signed. */
export interface DesiredSigningPolicy {
  readonly slug: string
  readonly name: string | undefined
  readonly certificate: string
  readonly submitters: NamedAssignees | undefined
  readonly approvers: NamedAssignees | undefined
  readonly requiredApprovals: number | undefined
  readonly allowedImages: readonly string[] | undefined
  readonly signatureFormats: readonly SignatureFormat[] | undefined
  readonly allowedPredicateTypes: readonly string[] | undefined
  readonly allowOtherFiles: boolean | undefined
  readonly allowHashSigning: boolean | undefined
}

/** A project with its configurations and policies. */
export interface DesiredProject {
  readonly slug: string
  readonly name: string | undefined
  readonly description: string | undefined
  readonly repositoryUrls: readonly string[] | undefined
  readonly readers: NamedAssignees | undefined
  readonly configurators: NamedAssignees | undefined
  readonly artifactConfigurations: readonly DesiredArtifactConfiguration[]
  readonly defaultArtifactConfiguration: string | undefined
  readonly signingPolicies: readonly DesiredSigningPolicy[]
}

/** What `chancery.yaml` asks for. Names and slugs are unique within their list. */
export interface DesiredState {
  readonly organization: DesiredOrganization | undefined
  readonly users: readonly DesiredUser[]
  readonly groups: readonly DesiredGroup[]
  readonly certificates: readonly DesiredCertificate[]
  readonly projects: readonly DesiredProject[]
}

const SLUG = {
  test: /^[a-z0-9][a-z0-9-]{0,99}$/,
  expected: 'a slug: lower-case letters, digits and hyphens, at most 100',
}
const NAME = { test: /^[^\u0000-\u001f\u007f]{1,200}$/, expected: 'a name of 1 to 200 characters' }
const COUNTRY = { test: /^[A-Z]{2}$/, expected: 'a country code of two capital letters' }

/**
 * Reads `chancery.yaml`.
 *
 * @param fileName For messages.
 * @throws ChanceryError ERR_CONFIG_YAML, with line and column, if the text is not strict YAML, or has a key, a type or
 *   a value that is not expected.
 */
export function parseChanceryYaml(text: string, fileName: string): DesiredState {
  const root = YamlSource.read(text, fileName)
  const organization = root.findMapping('organization')
  const state: DesiredState = {
    organization: organization === undefined ? undefined : readOrganization(organization),
    users: unique(root.mappings('users', 'a user'), readUser, 'name'),
    groups: unique(root.mappings('groups', 'a group'), readGroup, 'name'),
    certificates: unique(root.mappings('certificates', 'a certificate'), readCertificate, 'slug'),
    projects: unique(root.mappings('projects', 'a project'), readProject, 'slug'),
  }
  root.end()
  return state
}

function readOrganization(mapping: YamlMapping): DesiredOrganization {
  const organization = {
    name: mapping.findText('name', NAME),
    artifactRetentionDays: mapping.findWholeNumber('artifactRetentionDays', 0, 36500),
  }
  mapping.end()
  return organization
}

function readUser(mapping: YamlMapping): DesiredUser {
  const name = mapping.text('name', NAME)
  const userType = mapping.findWord('type', ['interactive', 'ci'] as const)
  if (userType === undefined)
    throw mapping.error(`expected "type" of user "${name}": interactive or ci`)
  const user = {
    name,
    userType,
    emailAddress: mapping.findText('emailAddress'),
    roles: mapping.findWords('roles', ROLES),
  }
  mapping.end()
  return user
}

function readGroup(mapping: YamlMapping): DesiredGroup {
  const group = {
    name: mapping.text('name', NAME),
    roles: mapping.findWords('roles', ROLES),
    members: mapping.findTexts('members'),
  }
  mapping.end()
  return group
}

function readCertificate(mapping: YamlMapping): DesiredCertificate {
  const subject = mapping.findMapping('subject')
  const certificate = {
    slug: mapping.text('slug', SLUG),
    name: mapping.findText('name', NAME),
    algorithm: mapping.findWord('algorithm', SIGNATURE_ALGORITHMS),
    subject: subject === undefined ? undefined : readSubject(subject),
    validForDays: mapping.findWholeNumber('validForDays', 1, 36500),
  }
  mapping.end()
  return certificate
}

function readSubject(mapping: YamlMapping): CertificateSubject {
  const commonName = mapping.text('commonName', NAME)
  const organization = mapping.findText('organization', NAME)
  const organizationalUnit = mapping.findText('organizationalUnit', NAME)
  const country = mapping.findText('country', COUNTRY)
  const emailAddress = mapping.findText('emailAddress')
  mapping.end()
  return {
    commonName,
    ...(organization === undefined ? {} : { organization }),
    ...(organizationalUnit === undefined ? {} : { organizationalUnit }),
    ...(country === undefined ? {} : { country }),
    ...(emailAddress === undefined ? {} : { emailAddress }),
  }
}

function readProject(mapping: YamlMapping): DesiredProject {
  const configurations = mapping.mappings('artifactConfigurations', 'an artifact configuration')
  const policies = mapping.mappings('signingPolicies', 'a signing policy')
  const project = {
    slug: mapping.text('slug', SLUG),
    name: mapping.findText('name', NAME),
    description: mapping.findText('description'),
    repositoryUrls: mapping.findTexts('repositoryUrls'),
    readers: readAssignees(mapping, 'readers'),
    configurators: readAssignees(mapping, 'configurators'),
    artifactConfigurations: unique(configurations, readArtifactConfiguration, 'slug'),
    defaultArtifactConfiguration: mapping.findText('defaultArtifactConfiguration', SLUG),
    signingPolicies: unique(policies, readSigningPolicy, 'slug'),
  }
  mapping.end()
  return project
}

function readArtifactConfiguration(mapping: YamlMapping): DesiredArtifactConfiguration {
  const xml = mapping.findText('xml')
  const path = mapping.findText('file')
  const template = mapping.findText('template')
  const contents: ConfigurationContent[] = []
  if (xml !== undefined) contents.push({ kind: 'xml', xml })
  if (path !== undefined) contents.push({ kind: 'file', path })
  if (template !== undefined) contents.push({ kind: 'template', template })
  const [content] = contents
  if (content === undefined || contents.length > 1) {
    throw mapping.error('expected one of "xml", "file" and "template" in an artifact configuration')
  }
  const configuration = {
    slug: mapping.text('slug', SLUG),
    name: mapping.findText('name', NAME),
    content,
  }
  mapping.end()
  return configuration
}

function readSigningPolicy(mapping: YamlMapping): DesiredSigningPolicy {
  const policy = {
    slug: mapping.text('slug', SLUG),
    name: mapping.findText('name', NAME),
    certificate: mapping.text('certificate', SLUG),
    submitters: readAssignees(mapping, 'submitters'),
    approvers: readAssignees(mapping, 'approvers'),
    requiredApprovals: mapping.findWholeNumber('requiredApprovals', 0, 100),
    allowedImages: mapping.findTexts('allowedImages'),
    signatureFormats: mapping.findWords('signatureFormats', SIGNATURE_FORMATS),
    allowedPredicateTypes: mapping.findTexts('allowedPredicateTypes'),
    allowOtherFiles: mapping.findBoolean('allowOtherFiles'),
    allowHashSigning: mapping.findBoolean('allowHashSigning'),
  }
  mapping.end()
  return policy
}

function readAssignees(parent: YamlMapping, key: string): NamedAssignees | undefined {
  const mapping = parent.findMapping(key)
  if (mapping === undefined) return undefined
  const assignees = {
    users: mapping.findTexts('users') ?? [],
    groups: mapping.findTexts('groups') ?? [],
  }
  mapping.end()
  return assignees
}

/** Reads each mapping; the second of one name is an error where it stands. */
function unique<Key extends 'name' | 'slug', T extends Readonly<Record<Key, string>>>(
  mappings: readonly YamlMapping[],
  read: (mapping: YamlMapping) => T,
  key: Key,
): readonly T[] {
  const seen = new Set<string>()
  return mappings.map((mapping): T => {
    const object = read(mapping)
    const name = object[key].toLowerCase()
    if (seen.has(name)) throw duplicate(mapping, key, object[key])
    seen.add(name)
    return object
  })
}

function duplicate(mapping: YamlMapping, key: string, name: string): ChanceryError {
  return mapping.error(`expected each ${key} once, found a second "${name}"`, key)
}
