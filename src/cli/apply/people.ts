import type { DesiredState, NamedAssignees } from '../../config/chancery-yaml.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { sortedTexts } from './field-change.ts'
import type { ActualState } from './state.ts'

/** Users and groups by name, those of the server and those that the file will create. Names match in any case. */
export class People {
  /** Lower-case name → name as the server will have it. */
  readonly #users: ReadonlyMap<string, string>
  readonly #groups: ReadonlyMap<string, string>
  /** Id → name. */
  readonly #names: ReadonlyMap<string, string>

  constructor(desired: DesiredState, actual: ActualState) {
    this.#users = canonicalNames([...actual.users, ...desired.users])
    this.#groups = canonicalNames([...actual.groups, ...desired.groups])
    // The file may rename by case alone: an id stands for the name that the server will have.
    this.#names = new Map([
      ...actual.users.map(
        ({ id, name }) => [id, this.#users.get(name.toLowerCase()) ?? name] as const,
      ),
      ...actual.groups.map(
        ({ id, name }) => [id, this.#groups.get(name.toLowerCase()) ?? name] as const,
      ),
    ])
  }

  /** @throws ChanceryError ERR_CLI_NOT_FOUND if there is and will be no such user. */
  requireUser(name: string): string {
    return requireName(this.#users, name, 'user')
  }

  /** Sorted, without duplicates, as the server spells them; undefined stays undefined. */
  sortedUserNames(names: readonly string[] | undefined): readonly string[] | undefined {
    return sortedTexts(names?.map((name) => this.requireUser(name)))
  }

  /** The id itself where the server told no name. */
  nameOfUser(id: string): string {
    return this.#names.get(id) ?? id
  }

  /** Assignees as a text to compare and to show. */
  describe(assignees: NamedAssignees | undefined): readonly string[] | undefined {
    if (assignees === undefined) return undefined
    return sortedTexts([
      ...assignees.users.map((name) => this.requireUser(name)),
      ...assignees.groups.map((name) => `group ${requireName(this.#groups, name, 'group')}`),
    ])
  }

  /** The same for ids, as the server has them. */
  describeIds(assignees: {
    readonly users: readonly string[]
    readonly groups: readonly string[]
  }): readonly string[] | undefined {
    return sortedTexts([
      ...assignees.users.map((id) => this.nameOfUser(id)),
      ...assignees.groups.map((id) => `group ${this.nameOfUser(id)}`),
    ])
  }
}

function canonicalNames(
  objects: readonly { readonly name: string }[],
): ReadonlyMap<string, string> {
  return new Map(objects.map(({ name }) => [name.toLowerCase(), name]))
}

function requireName(names: ReadonlyMap<string, string>, name: string, kind: string): string {
  const found = names.get(name.toLowerCase())
  if (found !== undefined) return found
  throw new ChanceryError(
    'ERR_CLI_NOT_FOUND',
    `neither the file nor the server has a ${kind} "${name}"`,
    {
      hints: [`Add it to "${kind}s", or correct the name.`],
    },
  )
}
