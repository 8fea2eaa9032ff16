import { Type } from 'typebox'
import {
  ApiTokenView,
  CreateApiToken,
  CreatedApiToken,
  CreateUser,
  EditUser,
  UserView,
} from '../../wire/administration.ts'
import { Created } from '../../wire/shapes.ts'
import { created, json, NO_CONTENT } from '../answer.ts'
import { EMPTY_BODY, jsonBody, looseBody, NO_BODY } from '../body.ts'
import { identifier } from '../identifier.ts'
import { route, type Route } from '../route.ts'

const tag = 'Users'
const administrators = 'Global and User Administrators'
const selfOrAdministrators = 'the user itself, Global and User Administrators'

/** Users and their API tokens; SignPath has one set of routes for people and one for machines. */
export const USER_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: 'Users',
    operationId: 'ListUsers',
    tag,
    summary: 'All users, people and machines',
    permission: 'every user',
    body: NO_BODY,
    answer: json(Type.Object({ users: Type.Array(UserView) })),
    handle: ({ services }, { caller }) => ({
      users: [...services.administration.listUsers(caller)],
    }),
  }),
  ...userRoutes('InteractiveUsers', 'InteractiveUser', 'interactive'),
  ...userRoutes('CIUsers', 'CIUser', 'ci'),
  ...activationRoutes('InteractiveUsers', 'InteractiveUser'),
  ...activationRoutes('CIUsers', 'CIUser'),
  ...tokenRoutes('InteractiveUsers', 'InteractiveUser'),
  ...tokenRoutes('CIUsers', 'CIUser'),
]

type Collection = 'InteractiveUsers' | 'CIUsers'

function userRoutes(collection: Collection, noun: string, userType: 'interactive' | 'ci'): Route[] {
  return [
    route({
      method: 'GET',
      path: collection,
      operationId: `List${noun}s`,
      tag,
      summary: `All users of type ${userType}`,
      permission: 'every user',
      body: NO_BODY,
      answer: json(Type.Object({ users: Type.Array(UserView) })),
      handle: ({ services }, { caller }) => ({
        users: [...services.administration.listUsers(caller, userType)],
      }),
    }),
    route({
      method: 'POST',
      path: collection,
      operationId: `Create${noun}`,
      tag,
      summary: `Creates a user of type ${userType}, without a token`,
      permission: administrators,
      body: jsonBody(CreateUser),
      answer: created(Created, `${collection}/{id}`),
      handle: ({ services }, { caller, body }) =>
        services.administration.createUser(caller, userType, body),
    }),
    route({
      method: 'GET',
      path: `${collection}/Me`,
      operationId: `GetMe${noun}`,
      tag,
      summary: 'The user of the token',
      permission: 'every user',
      body: NO_BODY,
      answer: json(UserView),
      handle: ({ services }, { caller }) => services.administration.getMe(caller),
    }),
    route({
      method: 'GET',
      path: `${collection}/{userId}`,
      operationId: `Get${noun}`,
      tag,
      summary: 'One user',
      permission: 'every user',
      body: NO_BODY,
      answer: json(UserView),
      handle: ({ services }, { caller, params }) =>
        services.administration.getUser(caller, identifier(params.userId, 'userId')),
    }),
    route({
      method: 'POST',
      path: `${collection}/{userId}/Edit`,
      operationId: `Edit${noun}`,
      tag,
      summary: 'Changes name, address or roles; nobody can give themselves a right',
      permission: administrators,
      body: jsonBody(EditUser),
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params, body }) =>
        services.administration.editUser(caller, identifier(params.userId, 'userId'), body),
    }),
  ]
}

function activationRoutes(collection: Collection, noun: string): Route[] {
  return ([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `${collection}/{userId}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}${noun}`,
      tag,
      summary: isActive ? 'Lets the user in again' : 'Locks the user out; its tokens stop working',
      permission: administrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setUserActive(
          caller,
          identifier(params.userId, 'userId'),
          isActive,
        ),
    }),
  )
}

function tokenRoutes(collection: Collection, noun: string): Route[] {
  return [
    route({
      method: 'POST',
      path: `${collection}/{userId}/RegenerateApiToken`,
      operationId: `RegenerateApiTokenOf${noun}`,
      tag,
      summary: 'Makes a new token, shown this once, and revokes all others of the user',
      permission: selfOrAdministrators,
      body: EMPTY_BODY,
      answer: json(CreatedApiToken),
      handle: ({ services }, { caller, params }) =>
        services.administration.regenerateApiToken(caller, identifier(params.userId, 'userId')),
    }),
    route({
      method: 'GET',
      path: `${collection}/{userId}/ApiTokens`,
      operationId: `ListApiTokensOf${noun}`,
      tag,
      summary: "The user's tokens, without the secrets",
      permission: selfOrAdministrators,
      body: NO_BODY,
      answer: json(Type.Object({ apiTokens: Type.Array(ApiTokenView) })),
      handle: ({ services }, { caller, params }) => ({
        apiTokens: [
          ...services.administration.listApiTokens(caller, identifier(params.userId, 'userId')),
        ],
      }),
    }),
    route({
      method: 'POST',
      path: `${collection}/{userId}/ApiTokens`,
      operationId: `CreateApiTokenOf${noun}`,
      tag,
      summary: 'Makes one more token, shown this once',
      permission: selfOrAdministrators,
      body: looseBody(CreateApiToken, true),
      answer: json(CreatedApiToken, 'created', 201),
      handle: ({ services }, { caller, params, body }) =>
        services.administration.createApiToken(caller, identifier(params.userId, 'userId'), body),
    }),
    route({
      method: 'POST',
      path: `${collection}/{userId}/ApiTokens/{tokenId}/Revoke`,
      operationId: `RevokeApiTokenOf${noun}`,
      tag,
      summary: 'Ends a token at once',
      permission: selfOrAdministrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.revokeApiToken(
          caller,
          identifier(params.userId, 'userId'),
          identifier(params.tokenId, 'tokenId'),
        ),
    }),
  ]
}
