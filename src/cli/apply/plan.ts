import type {
  DesiredCertificate,
  DesiredGroup,
  DesiredOrganization,
  DesiredProject,
  DesiredState,
  DesiredUser,
} from '../../config/chancery-yaml.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type { FieldChange } from './field-change.ts'
import { compareFields, sortedTexts } from './field-change.ts'
import { People } from './people.ts'
import { planProjectParts, type ProjectPartChange } from './plan-project.ts'
import type { ActualState } from './state.ts'

/** One step. It names users and groups, since new ones have no id before the steps before it are done. */
export type Change =
  | {
      readonly object: 'organization'
      readonly action: 'change'
      readonly name: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredOrganization
    }
  | {
      readonly object: 'user'
      readonly action: 'create' | 'change'
      readonly name: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredUser
    }
  | {
      readonly object: 'group'
      readonly action: 'create' | 'change'
      readonly name: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredGroup
    }
  | {
      readonly object: 'certificate'
      readonly action: 'create' | 'change'
      readonly name: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredCertificate
    }
  | {
      readonly object: 'project'
      readonly action: 'create' | 'change'
      readonly name: string
      readonly fields: readonly FieldChange[]
      readonly desired: DesiredProject
    }
  | ProjectPartChange

/** What it takes to make the server match the file. */
export interface Plan {
  /** In an order in which each step finds what it needs. */
  readonly changes: readonly Change[]
  /** What the file cannot bring about, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Compares file and server. Pure: the same states give the same plan, and the plan of a state that was reached is
 * empty. Nothing is ever deleted, and what the file does not name is left alone.
 *
 * @throws ChanceryError ERR_CLI_APPLY_FIXED if the file asks for another key or user type than an existing object has.
 * @throws ChanceryError ERR_CLI_NOT_FOUND if the file refers to a user or group that neither it nor the server has.
 */
export function planChanges(desired: DesiredState, actual: ActualState): Plan {
  const people = new People(desired, actual)
  const changes: Change[] = [
    ...planOrganization(desired.organization, actual),
    ...desired.users.flatMap((user) => planUser(user, actual)),
    ...desired.groups.flatMap((group) => planGroup(group, actual, people)),
    ...desired.certificates.flatMap((certificate) => planCertificate(certificate, actual)),
    ...desired.projects.flatMap((project) => [
      ...planProject(project, actual, people),
      ...planProjectParts(
        project,
        actual.projects.find((known) => known.project.slug === project.slug),
        people,
      ),
    ]),
  ]
  return { changes, warnings: findInactive(desired, actual) }
}

function planOrganization(desired: DesiredOrganization | undefined, actual: ActualState): Change[] {
  if (desired === undefined) return []
  const fields = compareFields(desired, actual.organization, ['name', 'artifactRetentionDays'])
  const { name } = actual.organization
  return fields.length === 0
    ? []
    : [{ object: 'organization', action: 'change', name, fields, desired }]
}

function planUser(desired: DesiredUser, actual: ActualState): Change[] {
  const { name } = desired
  const known = actual.users.find((user) => user.name.toLowerCase() === name.toLowerCase())
  if (known === undefined) {
    const none = { userType: undefined, emailAddress: undefined, roles: undefined }
    const fields = compareFields(shownUser(desired), none, ['userType', 'emailAddress', 'roles'])
    return [{ object: 'user', action: 'create', name, fields, desired }]
  }
  if (known.userType !== desired.userType) {
    throw fixed(`user "${name}" is of type ${known.userType}; the file says ${desired.userType}`)
  }
  const fields = compareFields(shownUser(desired), shownUser(known), [
    'name',
    'emailAddress',
    'roles',
  ])
  return fields.length === 0 ? [] : [{ object: 'user', action: 'change', name, fields, desired }]
}

function planGroup(desired: DesiredGroup, actual: ActualState, people: People): Change[] {
  const { name } = desired
  for (const member of desired.members ?? []) people.requireUser(member)
  const wanted = {
    name,
    roles: sortedTexts(desired.roles),
    members: people.sortedUserNames(desired.members),
  }
  const known = actual.groups.find((group) => group.name.toLowerCase() === name.toLowerCase())
  if (known === undefined) {
    const fields = compareFields(wanted, { roles: undefined, members: undefined }, [
      'roles',
      'members',
    ])
    return [{ object: 'group', action: 'create', name, fields, desired }]
  }
  const found = {
    name: known.name,
    roles: sortedTexts(known.roles),
    members: sortedTexts(known.members.map((id) => people.nameOfUser(id))),
  }
  const fields = compareFields(wanted, found, ['name', 'roles', 'members'])
  return fields.length === 0 ? [] : [{ object: 'group', action: 'change', name, fields, desired }]
}

function planCertificate(desired: DesiredCertificate, actual: ActualState): Change[] {
  const { slug: name } = desired
  const known = actual.certificates.find(({ slug }) => slug === name)
  if (known === undefined) {
    const subject = desired.subject?.commonName ?? desired.name ?? name
    const fields = [
      { field: 'algorithm', from: undefined, to: desired.algorithm ?? 'ecdsa-p256' },
      { field: 'commonName', from: undefined, to: subject },
    ]
    return [{ object: 'certificate', action: 'create', name, fields, desired }]
  }
  if (desired.algorithm !== undefined && desired.algorithm !== known.algorithm) {
    throw fixed(
      `certificate "${name}" has algorithm ${known.algorithm}; the file says ${desired.algorithm}`,
    )
  }
  const fields = compareFields(desired, known, ['name'])
  return fields.length === 0
    ? []
    : [{ object: 'certificate', action: 'change', name, fields, desired }]
}

function planProject(desired: DesiredProject, actual: ActualState, people: People): Change[] {
  const { slug: name } = desired
  const known = actual.projects.find(({ project }) => project.slug === name)?.project
  const wanted = {
    name: desired.name,
    description: desired.description,
    repositoryUrls: desired.repositoryUrls,
    readers: people.describe(desired.readers),
    configurators: people.describe(desired.configurators),
  }
  const keys = ['name', 'description', 'repositoryUrls', 'readers', 'configurators'] as const
  if (known === undefined) {
    const fields = compareFields(wanted, {}, keys)
    return [{ object: 'project', action: 'create', name, fields, desired }]
  }
  const found = {
    ...known,
    readers: people.describeIds(known.readers),
    configurators: people.describeIds(known.configurators),
  }
  const fields = compareFields(wanted, found, keys)
  return fields.length === 0 ? [] : [{ object: 'project', action: 'change', name, fields, desired }]
}

function shownUser(user: {
  readonly name: string
  readonly userType: string
  readonly emailAddress: string | null | undefined
  readonly roles: readonly string[] | undefined
}): Record<'name' | 'userType' | 'emailAddress' | 'roles', unknown> {
  const { name, userType, emailAddress, roles } = user
  return { name, userType, emailAddress, roles: sortedTexts(roles) }
}

/** What is switched off stays so: `apply` must not undo what somebody did in an emergency. */
function findInactive(desired: DesiredState, actual: ActualState): readonly string[] {
  const names = (objects: readonly { readonly name: string }[]): Set<string> =>
    new Set(objects.map(({ name }) => name.toLowerCase()))
  const users = names(desired.users)
  const groups = names(desired.groups)
  const slugs = new Set(desired.certificates.map(({ slug }) => slug))
  const inactive = [
    ...actual.users
      .filter((user) => !user.isActive && users.has(user.name.toLowerCase()))
      .map(({ name }) => `user "${name}"`),
    ...actual.groups
      .filter((group) => !group.isActive && groups.has(group.name.toLowerCase()))
      .map(({ name }) => `group "${name}"`),
    ...actual.certificates
      .filter(({ slug, isActive }) => !isActive && slugs.has(slug))
      .map(({ slug }) => `certificate "${slug}"`),
    ...actual.projects
      .filter(({ project }) => !project.isActive)
      .map(({ project }) => `project "${project.slug}"`),
  ]
  return inactive.map((what) => `${what} is deactivated on the server, and stays so`)
}

function fixed(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_APPLY_FIXED', `${message}; that cannot be changed`, {
    hints: ['Give the new object another name, or let the file say what is there.'],
  })
}
