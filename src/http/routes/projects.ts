import { Type } from 'typebox'
import {
  CreateProject,
  EditProject,
  ProjectView,
  SetDefaultArtifactConfiguration,
} from '../../wire/administration.ts'
import { Created } from '../../wire/shapes.ts'
import { created, json, NO_CONTENT } from '../answer.ts'
import { EMPTY_BODY, jsonBody, NO_BODY } from '../body.ts'
import { route, type Route } from '../route.ts'

const tag = 'Projects'
const administrators = 'Global and Project Administrators'
const configurators = `${administrators}, configurators of the project`

/** Projects; `{project}` is a slug or an id. */
export const PROJECT_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: 'Projects',
    operationId: 'ListProjects',
    tag,
    summary: 'All projects',
    permission: 'every user',
    body: NO_BODY,
    answer: json(Type.Object({ projects: Type.Array(ProjectView) })),
    handle: ({ services }, { caller }) => ({
      projects: [...services.administration.listProjects(caller)],
    }),
  }),
  route({
    method: 'POST',
    path: 'Projects',
    operationId: 'CreateProject',
    tag,
    summary: 'Creates a project with the artifact configuration `initial`',
    permission: administrators,
    body: jsonBody(CreateProject),
    answer: created(Created, 'Projects/{id}'),
    handle: ({ services }, { caller, body }) => services.administration.createProject(caller, body),
  }),
  route({
    method: 'GET',
    path: 'Projects/{project}',
    operationId: 'GetProject',
    tag,
    summary: 'One project',
    permission: 'every user',
    body: NO_BODY,
    answer: json(ProjectView),
    handle: ({ services }, { caller, params }) =>
      services.administration.getProject(caller, params.project),
  }),
  route({
    method: 'POST',
    path: 'Projects/{project}/Edit',
    operationId: 'EditProject',
    tag,
    summary: 'Changes a project, its readers and its configurators',
    permission: administrators,
    body: jsonBody(EditProject),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.editProject(caller, params.project, body),
  }),
  route({
    method: 'POST',
    path: 'Projects/{project}/SetDefaultArtifactConfiguration',
    operationId: 'SetDefaultArtifactConfiguration',
    tag,
    summary: 'The artifact configuration for submissions that name none',
    permission: configurators,
    body: jsonBody(SetDefaultArtifactConfiguration),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.setDefaultArtifactConfiguration(caller, params.project, body),
  }),
  ...([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `Projects/{project}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}Project`,
      tag,
      summary: isActive ? 'Takes submissions again' : 'Takes no more submissions',
      permission: administrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setProjectActive(caller, params.project, isActive),
    }),
  ),
]
