import { Type } from 'typebox'
import {
  ChangeMembers,
  CreateGroup,
  EditGroup,
  GroupView,
  ModifyMembers,
} from '../../wire/administration.ts'
import { Created } from '../../wire/shapes.ts'
import { created, json, NO_CONTENT } from '../answer.ts'
import { EMPTY_BODY, jsonBody, NO_BODY } from '../body.ts'
import { identifier } from '../identifier.ts'
import { route, type Route } from '../route.ts'

const tag = 'Groups'
const administrators = 'Global and User Administrators'

/** Groups and their members. */
export const GROUP_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: 'UserGroups',
    operationId: 'ListGroups',
    tag,
    summary: 'All groups',
    permission: 'every user',
    body: NO_BODY,
    answer: json(Type.Object({ groups: Type.Array(GroupView) })),
    handle: ({ services }, { caller }) => ({
      groups: [...services.administration.listGroups(caller)],
    }),
  }),
  route({
    method: 'POST',
    path: 'UserGroups',
    operationId: 'CreateGroup',
    tag,
    summary: 'Creates a group',
    permission: administrators,
    body: jsonBody(CreateGroup),
    answer: created(Created, 'UserGroups/{id}'),
    handle: ({ services }, { caller, body }) => services.administration.createGroup(caller, body),
  }),
  route({
    method: 'GET',
    path: 'UserGroups/{groupId}',
    operationId: 'GetGroup',
    tag,
    summary: 'One group',
    permission: 'every user',
    body: NO_BODY,
    answer: json(GroupView),
    handle: ({ services }, { caller, params }) =>
      services.administration.getGroup(caller, identifier(params.groupId, 'groupId')),
  }),
  route({
    method: 'POST',
    path: 'UserGroups/{groupId}/Edit',
    operationId: 'EditGroup',
    tag,
    summary: 'Changes name or roles',
    permission: administrators,
    body: jsonBody(EditGroup),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.editGroup(caller, identifier(params.groupId, 'groupId'), body),
  }),
  route({
    method: 'POST',
    path: 'UserGroups/{groupId}/ChangeMembers',
    operationId: 'ChangeMembers',
    tag,
    summary: 'Sets the members',
    permission: administrators,
    body: jsonBody(ChangeMembers),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.changeMembers(caller, identifier(params.groupId, 'groupId'), body),
  }),
  route({
    method: 'POST',
    path: 'UserGroups/{groupId}/ModifyMembers',
    operationId: 'ModifyMembers',
    tag,
    summary: 'Adds and removes members',
    permission: administrators,
    body: jsonBody(ModifyMembers),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.modifyMembers(caller, identifier(params.groupId, 'groupId'), body),
  }),
  ...([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `UserGroups/{groupId}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}Group`,
      tag,
      summary: isActive ? "Lets the group's rights count again" : "Suspends the group's rights",
      permission: administrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setGroupActive(
          caller,
          identifier(params.groupId, 'groupId'),
          isActive,
        ),
    }),
  ),
]
