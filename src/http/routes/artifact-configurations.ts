import { Type } from 'typebox'
import {
  ArtifactConfigurationView,
  CreateArtifactConfiguration,
  EditArtifactConfiguration,
  EditArtifactConfigurationXml,
} from '../../wire/administration.ts'
import { Created } from '../../wire/shapes.ts'
import { created, json, NO_CONTENT } from '../answer.ts'
import { EMPTY_BODY, jsonBody, NO_BODY } from '../body.ts'
import { route, type Route } from '../route.ts'

/** A million characters, each of them escaped. */
const MAX_XML_BYTES = 8 * 1024 * 1024

const tag = 'Artifact configurations'
const readers = 'every user'
const configurators = 'Global and Project Administrators, configurators of the project'
const collection = 'Projects/{project}/ArtifactConfigurations'
const one = `${collection}/{artifactConfiguration}` as const

/** How artifacts look and what is signed in them; `{artifactConfiguration}` is a slug. */
export const ARTIFACT_CONFIGURATION_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: collection,
    operationId: 'ListArtifactConfigurations',
    tag,
    summary: 'The artifact configurations of a project',
    permission: readers,
    body: NO_BODY,
    answer: json(Type.Object({ artifactConfigurations: Type.Array(ArtifactConfigurationView) })),
    handle: ({ services }, { caller, params }) => ({
      artifactConfigurations: [
        ...services.administration.listArtifactConfigurations(caller, params.project),
      ],
    }),
  }),
  route({
    method: 'POST',
    path: collection,
    operationId: 'CreateArtifactConfiguration',
    tag,
    summary: 'Creates an artifact configuration from XML or a predefined template',
    permission: configurators,
    body: jsonBody(CreateArtifactConfiguration, MAX_XML_BYTES),
    answer: created(Created, 'Projects/{project}/ArtifactConfigurations/{id}'),
    handle: ({ services }, { caller, params, body }) =>
      services.administration.createArtifactConfiguration(caller, params.project, body),
  }),
  route({
    method: 'GET',
    path: one,
    operationId: 'GetArtifactConfiguration',
    tag,
    summary: 'One artifact configuration with its XML',
    permission: readers,
    body: NO_BODY,
    answer: json(ArtifactConfigurationView),
    handle: ({ services }, { caller, params }) =>
      services.administration.getArtifactConfiguration(
        caller,
        params.project,
        params.artifactConfiguration,
      ),
  }),
  route({
    method: 'POST',
    path: `${one}/Edit`,
    operationId: 'EditArtifactConfiguration',
    tag,
    summary: 'Changes slug or name',
    permission: configurators,
    body: jsonBody(EditArtifactConfiguration),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.editArtifactConfiguration(
        caller,
        params.project,
        params.artifactConfiguration,
        body,
      ),
  }),
  route({
    method: 'POST',
    path: `${one}/EditXml`,
    operationId: 'EditArtifactConfigurationXml',
    tag,
    summary: 'Changes what is expected and signed',
    permission: configurators,
    body: jsonBody(EditArtifactConfigurationXml, MAX_XML_BYTES),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.editArtifactConfigurationXml(
        caller,
        params.project,
        params.artifactConfiguration,
        body,
      ),
  }),
  ...([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `${one}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}ArtifactConfiguration`,
      tag,
      summary: isActive ? 'May be used again' : 'May no longer be used',
      permission: configurators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setArtifactConfigurationActive(
          caller,
          params.project,
          params.artifactConfiguration,
          isActive,
        ),
    }),
  ),
]
