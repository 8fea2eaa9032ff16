import type { ChanceryClient } from '../../client/chancery-client.ts'
import type { DesiredSigningPolicy, NamedAssignees } from '../../config/chancery-yaml.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type { EditSigningPolicy } from '../../wire/administration.ts'
import type { AssigneesBody } from '../../wire/shapes.ts'
import type { Change } from './plan.ts'
import type { ActualState } from './state.ts'

type Step<Kind extends Change['object']> = Extract<Change, { readonly object: Kind }>

/** Carries out the steps of a plan, one after the other. */
export class Executor {
  readonly #client: ChanceryClient
  /** Lower-case name → user. */
  readonly #users: Map<string, { readonly id: string; readonly userType: 'interactive' | 'ci' }>
  readonly #groups: Map<string, string>

  /** @param actual What the plan was made from. */
  constructor(client: ChanceryClient, actual: ActualState) {
    this.#client = client
    this.#users = new Map(actual.users.map((user) => [user.name.toLowerCase(), user]))
    this.#groups = new Map(actual.groups.map(({ name, id }) => [name.toLowerCase(), id]))
  }

  /** @throws ChanceryError the server's; nothing of this step was done then. */
  async execute(change: Change): Promise<void> {
    switch (change.object) {
      case 'organization':
        return this.#client.administration.editOrganization(defined(change.desired))
      case 'user':
        return this.#user(change)
      case 'group':
        return this.#group(change)
      case 'certificate':
        return this.#certificate(change)
      case 'project':
        return this.#project(change)
      case 'artifact configuration':
        return this.#configuration(change)
      case 'default artifact configuration':
        return this.#client.administration.setDefaultArtifactConfiguration(
          change.project,
          change.desired,
        )
      case 'signing policy':
        return this.#policy(change)
    }
  }

  async #user({ action, desired }: Step<'user'>): Promise<void> {
    const { name, userType, emailAddress, roles } = desired
    const body = { name, ...defined({ emailAddress, roles: roles && [...roles] }) }
    if (action === 'change') return this.#client.administration.editUser(this.#userOf(name), body)
    const { id } = await this.#client.administration.createUser(userType, body)
    this.#users.set(name.toLowerCase(), { id, userType })
  }

  async #group({ action, desired, fields }: Step<'group'>): Promise<void> {
    const { name, roles, members } = desired
    const memberIds = members?.map((member) => this.#userOf(member).id)
    const body = { name, ...defined({ roles: roles && [...roles] }) }
    if (action === 'create') {
      const { id } = await this.#client.administration.createGroup({
        ...body,
        ...defined({ members: memberIds }),
      })
      this.#groups.set(name.toLowerCase(), id)
      return
    }
    const id = this.#groupOf(name)
    const changed = new Set(fields.map(({ field }) => field))
    if (changed.has('name') || changed.has('roles'))
      await this.#client.administration.editGroup(id, body)
    if (memberIds !== undefined && changed.has('members')) {
      await this.#client.administration.changeMembers(id, { members: memberIds })
    }
  }

  async #certificate({ action, desired }: Step<'certificate'>): Promise<void> {
    const { slug, algorithm, subject, validForDays } = desired
    const name = desired.name ?? slug
    if (action === 'change') return this.#client.administration.editCertificate(slug, { name })
    await this.#client.administration.createSelfSignedX509({
      slug,
      name,
      subject: subject ?? { commonName: name },
      ...defined({ algorithm, validForDays }),
    })
  }

  async #project({ action, desired }: Step<'project'>): Promise<void> {
    const { slug, name, description, repositoryUrls } = desired
    const body = defined({
      name,
      description,
      repositoryUrls: repositoryUrls && [...repositoryUrls],
      readers: this.#assignees(desired.readers),
      configurators: this.#assignees(desired.configurators),
    })
    if (action === 'change') return this.#client.administration.editProject(slug, body)
    await this.#client.administration.createProject({ ...body, slug, name: name ?? slug })
  }

  async #configuration({
    action,
    project,
    desired,
    fields,
  }: Step<'artifact configuration'>): Promise<void> {
    const { slug, name, content } = desired
    if (content.kind === 'file') throw new TypeError('the XML file was not read')
    if (action === 'create') {
      const body = content.kind === 'xml' ? { xml: content.xml } : { template: content.template }
      await this.#client.administration.createArtifactConfiguration(project, {
        slug,
        name: name ?? slug,
        ...body,
      })
      return
    }
    const changed = new Set(fields.map(({ field }) => field))
    if (name !== undefined && changed.has('name')) {
      await this.#client.administration.editArtifactConfiguration(project, slug, { name })
    }
    if (content.kind === 'xml' && changed.has('xml')) {
      await this.#client.administration.editArtifactConfigurationXml(project, slug, content.xml)
    }
  }

  async #policy({ action, project, desired }: Step<'signing policy'>): Promise<void> {
    const { slug, certificate } = desired
    const body = this.#policyBody(desired)
    if (action === 'change')
      return this.#client.administration.editSigningPolicy(project, slug, body)
    const name = desired.name ?? slug
    await this.#client.administration.createSigningPolicy(project, {
      ...body,
      slug,
      name,
      certificateSlug: certificate,
    })
  }

  #policyBody(desired: DesiredSigningPolicy): EditSigningPolicy {
    const { name, certificate, requiredApprovals, allowedImages } = desired
    const { signatureFormats, allowedPredicateTypes } = desired
    return defined({
      name,
      certificateSlug: certificate,
      submitters: this.#assignees(desired.submitters),
      approvers: this.#assignees(desired.approvers),
      requiredApprovals,
      allowedImages: allowedImages && [...allowedImages],
      signatureFormats: signatureFormats && [...signatureFormats],
      allowedPredicateTypes: allowedPredicateTypes && [...allowedPredicateTypes],
      allowOtherFiles: desired.allowOtherFiles,
      allowHashSigning: desired.allowHashSigning,
    })
  }

  #assignees(assignees: NamedAssignees | undefined): AssigneesBody | undefined {
    if (assignees === undefined) return undefined
    return {
      users: assignees.users.map((name) => this.#userOf(name).id),
      groups: assignees.groups.map((name) => this.#groupOf(name)),
    }
  }

  #userOf(name: string): { readonly id: string; readonly userType: 'interactive' | 'ci' } {
    const user = this.#users.get(name.toLowerCase())
    if (user === undefined) throw notFound('user', name)
    return user
  }

  #groupOf(name: string): string {
    const id = this.#groups.get(name.toLowerCase())
    if (id === undefined) throw notFound('group', name)
    return id
  }
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** The members that are not undefined. */
function defined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Defined<T>
}

function notFound(kind: string, name: string): ChanceryError {
  return new ChanceryError('ERR_CLI_NOT_FOUND', `there is no ${kind} "${name}"`)
}
