import { Type } from 'typebox'
import {
  AddCustomTrustedBuildSystem,
  CreatedTrustedBuildSystem,
  TrustedBuildSystemView,
} from '../../wire/administration.ts'
import { json, NO_CONTENT } from '../answer.ts'
import { EMPTY_BODY, jsonBody, NO_BODY } from '../body.ts'
import { route, type Route } from '../route.ts'

const tag = 'Trusted build systems'
const administrators = 'Global Administrators'
const one = 'TrustedBuildSystems/{trustedBuildSystem}'

/** Build systems that vouch for origins; `{trustedBuildSystem}` is a slug. */
export const TRUSTED_BUILD_SYSTEM_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: 'TrustedBuildSystems',
    operationId: 'ListTrustedBuildSystems',
    tag,
    summary: 'All trusted build systems',
    permission: 'every user',
    body: NO_BODY,
    answer: json(Type.Object({ trustedBuildSystems: Type.Array(TrustedBuildSystemView) })),
    handle: ({ services }, { caller }) => ({
      trustedBuildSystems: [...services.administration.listTrustedBuildSystems(caller)],
    }),
  }),
  route({
    method: 'POST',
    path: 'TrustedBuildSystems/AddCustom',
    operationId: 'AddCustomTrustedBuildSystem',
    tag,
    summary: 'Adds a build system; its token is shown this once',
    permission: administrators,
    body: jsonBody(AddCustomTrustedBuildSystem),
    answer: json(CreatedTrustedBuildSystem, 'created', 201),
    handle: ({ services }, { caller, body }) =>
      services.administration.addCustomTrustedBuildSystem(caller, body),
  }),
  route({
    method: 'POST',
    path: `${one}/RegenerateTrustedBuildSystemToken`,
    operationId: 'RegenerateTrustedBuildSystemToken',
    tag,
    summary: 'Replaces the token; the new one is shown this once',
    permission: administrators,
    body: EMPTY_BODY,
    answer: json(CreatedTrustedBuildSystem),
    handle: ({ services }, { caller, params }) =>
      services.administration.regenerateTrustedBuildSystemToken(caller, params.trustedBuildSystem),
  }),
  ...([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `${one}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}TrustedBuildSystem`,
      tag,
      summary: isActive ? 'Is believed again' : 'Is no longer believed',
      permission: administrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setTrustedBuildSystemActive(
          caller,
          params.trustedBuildSystem,
          isActive,
        ),
    }),
  ),
]
