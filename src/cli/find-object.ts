import type { ChanceryClient } from '../client/chancery-client.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { GroupView, UserView } from '../wire/administration.ts'

/**
 * The user of that name, in any case, or of that id; `me` is the user of the token.
 *
 * @throws ChanceryError ERR_CLI_NOT_FOUND if there is none.
 */
export async function getUser(client: ChanceryClient, nameOrId: string): Promise<UserView> {
  if (nameOrId === 'me') return client.administration.getMe()
  return pick(await client.administration.listUsers(), nameOrId, 'user')
}

/** See {@link getUser}. */
export async function getGroup(client: ChanceryClient, nameOrId: string): Promise<GroupView> {
  return pick(await client.administration.listGroups(), nameOrId, 'group')
}

function pick<T extends { readonly id: string; readonly name: string }>(
  objects: readonly T[],
  nameOrId: string,
  kind: string,
): T {
  const sought = nameOrId.toLowerCase()
  const found =
    objects.find(({ id }) => id === sought) ??
    objects.find(({ name }) => name.toLowerCase() === sought)
  if (found !== undefined) return found
  throw new ChanceryError('ERR_CLI_NOT_FOUND', `there is no ${kind} "${nameOrId}"`, {
    hints: [`\`chancery ${kind}s list\` shows those there are.`],
  })
}
