import type { Reader, Statement } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { isGuid } from '../format/guid.ts'
import { foldLabel, labelOf, scopeOf, uniqueKeyOf } from './object-key.ts'
import { corrupt, readFoundingOrganization, readObjects } from './stored-objects.ts'
import type {
  ArtifactConfiguration,
  CatalogKind,
  CatalogObject,
  Certificate,
  Group,
  Organization,
  Project,
  SigningPolicy,
  TrustedBuildSystem,
  User,
} from './objects.ts'

type ObjectOf<K extends CatalogKind> = Extract<CatalogObject, { readonly kind: K }>

/** The objects of one kind in an organization or a project. */
class Scope {
  readonly byId = new Map<string, CatalogObject>()
  /** By folded slug or name, where that is unique in this scope. */
  readonly byLabel = new Map<string, CatalogObject>()
}

const INSERT =
  'INSERT INTO config_objects (id, organization_id, kind, version, is_active, unique_key, body) VALUES (?, ?, ?, ?, ?, ?, ?)'
const UPDATE =
  'UPDATE config_objects SET version = ?, is_active = ?, unique_key = ?, body = ? WHERE id = ? AND version = ?'
const KEEP_VERSION =
  'INSERT INTO config_object_versions (id, version, body, changed_at, changed_by) VALUES (?, ?, ?, ?, ?)'

/**
 * Every configured object in its present version, in memory.
 *
 * Finding takes constant time and never waits. A change is three steps: `stage` its statements, commit them with
 * their audit event, `accept` the objects; from then on every call sees them. Objects are immutable.
 */
export class Catalog {
  readonly #objects = new Map<string, CatalogObject>()
  /** By kind and the id of an organization or project. */
  readonly #scopes = new Map<CatalogKind, Map<string, Scope>>()
  readonly #groupIdsByUser = new Map<string, Set<string>>()
  #foundingOrganizationId: string | undefined
  #generation = 0

  private constructor() {
    // Only load() makes one: an empty catalog over a store that is not empty would be a new authority.
  }

  /** @throws ChanceryError ERR_CATALOG_CORRUPT if anything stored is unreadable or refers to what is not there. */
  static load(reader: Reader): Catalog {
    const catalog = new Catalog()
    for (const object of readObjects(reader)) catalog.#put(object)
    catalog.#foundingOrganizationId = readFoundingOrganization(reader)
    catalog.#checkReferences()
    return catalog
  }

  /** Counts accepted changes: what was derived from the catalog holds while it stays the same. */
  get generation(): number {
    return this.#generation
  }

  /** The organization that `chancery init` made, or undefined before. */
  get foundingOrganizationId(): string | undefined {
    return this.#foundingOrganizationId
  }

  /** Callers that act for a principal compare the object's `organizationId`, or find by organization. */
  find<K extends CatalogKind>(kind: K, id: string): ObjectOf<K> | undefined {
    const object = this.#objects.get(id)
    return object?.kind === kind ? (object as ObjectOf<K>) : undefined
  }

  /**
   * The objects of a kind, in the order of their creation.
   *
   * @param scopeId An organization's id; for artifact configurations and signing policies also a project's.
   */
  list<K extends CatalogKind>(kind: K, scopeId: string): readonly ObjectOf<K>[] {
    const scope = this.#scopes.get(kind)?.get(scopeId)
    return scope === undefined ? [] : ([...scope.byId.values()] as ObjectOf<K>[])
  }

  /** All organizations, for work that the service does on its own behalf. */
  listOrganizations(): readonly Organization[] {
    return [...this.#objects.values()].filter((object) => object.kind === 'organization')
  }

  /** Slugs are case-insensitive; ids are lower-case GUIDs. */
  findProject(organizationId: string, slugOrId: string): Project | undefined {
    return this.#lookUp('project', organizationId, slugOrId)
  }

  findArtifactConfiguration(
    projectId: string,
    slugOrId: string,
  ): ArtifactConfiguration | undefined {
    return this.#lookUp('artifact-configuration', projectId, slugOrId)
  }

  findSigningPolicy(projectId: string, slugOrId: string): SigningPolicy | undefined {
    return this.#lookUp('signing-policy', projectId, slugOrId)
  }

  findCertificate(organizationId: string, slugOrId: string): Certificate | undefined {
    return this.#lookUp('certificate', organizationId, slugOrId)
  }

  /** Names are case-insensitive. */
  findUser(organizationId: string, nameOrId: string): User | undefined {
    return this.#lookUp('user', organizationId, nameOrId)
  }

  findGroup(organizationId: string, nameOrId: string): Group | undefined {
    return this.#lookUp('group', organizationId, nameOrId)
  }

  findTrustedBuildSystem(organizationId: string, slugOrId: string): TrustedBuildSystem | undefined {
    return this.#lookUp('trusted-build-system', organizationId, slugOrId)
  }

  /** The active groups that list the user as a member. */
  groupsOf(userId: string): readonly Group[] {
    const groups: Group[] = []
    for (const id of this.#groupIdsByUser.get(userId) ?? []) {
      const group = this.find('group', id)
      if (group?.isActive === true) groups.push(group)
    }
    return groups
  }

  /**
   * The statements that store new objects (version 1) and new versions of existing ones.
   *
   * @param changedBy The acting user's id, or null for the service itself.
   * @param at Milliseconds since 1970.
   * @throws ChanceryError ERR_CATALOG_CHANGED if an object is not the next version of what is there.
   * @throws ChanceryError ERR_CATALOG_DUPLICATE if another object has the slug or name.
   */
  stage(objects: readonly CatalogObject[], changedBy: string | null, at: number): Statement[] {
    return objects.flatMap((object) => {
      this.#requireNext(object)
      this.#requireFreeKey(object)
      const body = JSON.stringify(object)
      return [
        storeStatement(object, body),
        {
          sql: KEEP_VERSION,
          parameters: [object.id, object.version, body, at, changedBy],
          expectChanges: 1,
        },
      ]
    })
  }

  /** Makes committed objects the present ones. */
  accept(objects: readonly CatalogObject[]): void {
    for (const object of objects) {
      const current = this.#objects.get(object.id)
      if (current !== undefined && current.version >= object.version) continue
      this.#put(object)
      if (object.kind === 'organization') this.#foundingOrganizationId ??= object.id
    }
    this.#generation++
  }

  #lookUp<K extends CatalogKind>(
    kind: K,
    scopeId: string,
    labelOrId: string,
  ): ObjectOf<K> | undefined {
    const scope = this.#scopes.get(kind)?.get(scopeId)
    const id = labelOrId.toLowerCase()
    const object = isGuid(id) ? scope?.byId.get(id) : scope?.byLabel.get(foldLabel(labelOrId))
    return object as ObjectOf<K> | undefined
  }

  #put(object: CatalogObject): void {
    const current = this.#objects.get(object.id)
    if (current !== undefined) this.#forget(current)
    this.#objects.set(object.id, object)
    if (object.kind !== 'organization') {
      this.#scope(object.kind, scopeOf(object)).byLabel.set(foldLabel(labelOf(object)), object)
    }
    for (const scopeId of new Set([object.organizationId, scopeOf(object)])) {
      this.#scope(object.kind, scopeId).byId.set(object.id, object)
    }
    if (object.kind === 'group') {
      for (const userId of object.members) {
        const groupIds = this.#groupIdsByUser.get(userId) ?? new Set<string>()
        this.#groupIdsByUser.set(userId, groupIds.add(object.id))
      }
    }
  }

  /** The scope, made where it is not there yet. */
  #scope(kind: CatalogKind, scopeId: string): Scope {
    const ofKind = this.#scopes.get(kind) ?? new Map<string, Scope>()
    this.#scopes.set(kind, ofKind)
    const scope = ofKind.get(scopeId) ?? new Scope()
    ofKind.set(scopeId, scope)
    return scope
  }

  #forget(object: CatalogObject): void {
    const { byLabel } = this.#scope(object.kind, scopeOf(object))
    const label = foldLabel(labelOf(object))
    if (byLabel.get(label) === object) byLabel.delete(label)
    if (object.kind === 'group') {
      for (const userId of object.members) this.#groupIdsByUser.get(userId)?.delete(object.id)
    }
  }

  #requireNext(object: CatalogObject): void {
    const current = this.#objects.get(object.id)
    if (object.version === (current?.version ?? 0) + 1) return
    throw new ChanceryError(
      'ERR_CATALOG_CHANGED',
      `expected version ${(current?.version ?? 0) + 1} of the ${object.kind} '${labelOf(object)}', found ${object.version}`,
      { hints: ['read it again and repeat the change'] },
    )
  }

  #requireFreeKey(object: CatalogObject): void {
    const scope = this.#scopes.get(object.kind)?.get(scopeOf(object))
    const other = scope?.byLabel.get(foldLabel(labelOf(object)))
    if (other === undefined || other.id === object.id) return
    const field = 'slug' in object ? 'slug' : 'name'
    throw new ChanceryError(
      'ERR_CATALOG_DUPLICATE',
      `there is a ${object.kind} with the ${field} '${labelOf(other)}' already`,
      { field, hints: [`choose another ${field}; inactive objects keep theirs`] },
    )
  }

  #checkReferences(): void {
    for (const object of this.#objects.values()) {
      const { id, organizationId } = object
      if (this.find('organization', organizationId) === undefined) {
        throw corrupt(id, `a ${object.kind} without an organization`)
      }
      if ('projectId' in object && !this.#owns(organizationId, 'project', object.projectId)) {
        throw corrupt(id, `a ${object.kind} without a project`)
      }
      if (
        object.kind === 'signing-policy' &&
        !this.#owns(organizationId, 'certificate', object.certificateId)
      ) {
        throw corrupt(id, 'a signing-policy without a certificate')
      }
      if (
        object.kind === 'project' &&
        object.defaultArtifactConfigurationId !== null &&
        !this.#owns(id, 'artifact-configuration', object.defaultArtifactConfigurationId)
      ) {
        throw corrupt(id, 'a project without its default artifact configuration')
      }
    }
    if (this.listOrganizations().length > 0 && this.#foundingOrganizationId === undefined) {
      throw corrupt('of the authority', 'no founding organization')
    }
  }

  #owns(scopeId: string, kind: CatalogKind, id: string): boolean {
    return this.#scopes.get(kind)?.get(scopeId)?.byId.has(id) === true
  }
}

function storeStatement(object: CatalogObject, body: string): Statement {
  const isActive = object.isActive ? 1 : 0
  const key = uniqueKeyOf(object)
  const { id, organizationId, kind, version } = object
  return version === 1
    ? {
        sql: INSERT,
        parameters: [id, organizationId, kind, version, isActive, key, body],
        expectChanges: 1,
      }
    : {
        sql: UPDATE,
        parameters: [version, isActive, key, body, id, version - 1],
        expectChanges: 1,
      }
}
