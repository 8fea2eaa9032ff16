import * as administration from '../wire/administration.ts'
import * as audit from '../wire/audit.ts'
import * as common from '../wire/shapes.ts'
import * as signingRequests from '../wire/signing-requests.ts'
import type { JsonSchema } from './binding.ts'
import type { Route } from './route.ts'

/** An OpenAPI 3.1 document. Source: OpenAPI Specification 3.1.1. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly security: readonly object[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>
    readonly securitySchemes: object
  }
}

/** The wire schemas by their exported names: what `components/schemas` holds. */
const NAMED = new Map<unknown, string>(
  [common, administration, audit, signingRequests]
    .flatMap((module) => Object.entries(module))
    .filter(([, value]) => typeof value === 'object' && !Array.isArray(value))
    .map(([name, schema]) => [schema, name]),
)

/** Describes a table of routes; only the first path of each is listed, the older ones are named in its description. */
export function describeRoutes(routes: readonly Route[], version: string): OpenApiDocument {
  const schemas: Record<string, object> = {}
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const operations = (paths[route.paths[0]] ??= {})
    operations[route.method.toLowerCase()] = describeOperation(route, schemas)
  }
  reference(common.Problem, schemas)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Chancery',
      version,
      description:
        'Paths, member names and form fields may be written in any case. Errors are RFC 9457 problem documents.',
    },
    security: [{ bearer: [] }],
    tags: Array.from(new Set(routes.map(({ tag }) => tag)), (name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'an API token, or <API token>:<trusted build system token>',
        },
      },
    },
  }
}

function describeOperation(route: Route, schemas: Record<string, object>): object {
  const [path, ...aliases] = route.paths
  const also = aliases.map((alias) => `Also at ${alias}.`).join(' ')
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: `For: ${route.permission}. ${also}`.trim(),
    ...(route.scope === 'public' ? { security: [] } : {}),
    ...describeParameters(path, route.query, schemas),
    ...describeBody(route, schemas),
    responses: {
      [route.answer.status]: describeAnswer(route, schemas),
      ...(route.scope === 'public' ? {} : { default: problemResponse(schemas) }),
    },
  }
}

function describeParameters(
  path: string,
  query: JsonSchema | undefined,
  schemas: Record<string, object>,
): object {
  const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const required = new Set(query?.required)
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.has(name),
    schema: reference(schema, schemas),
  }))
  const parameters = [...inPath, ...inQuery]
  return parameters.length === 0 ? {} : { parameters }
}

function describeBody({ body }: Route, schemas: Record<string, object>): object {
  const content = Object.entries(body.content)
  if (content.length === 0) return {}
  return {
    requestBody: {
      required: !body.isOptional,
      content: Object.fromEntries(
        content.map(([mediaType, schema]) => [mediaType, { schema: reference(schema, schemas) }]),
      ),
    },
  }
}

function describeAnswer({ answer }: Route, schemas: Record<string, object>): object {
  const { description, content, hasLocation } = answer
  const location = {
    description: 'the absolute address of the new thing',
    schema: { type: 'string' },
  }
  return {
    description,
    ...(hasLocation ? { headers: { Location: location } } : {}),
    ...(content === null
      ? {}
      : { content: { [content.mediaType]: { schema: reference(content.schema, schemas) } } }),
  }
}

function problemResponse(schemas: Record<string, object>): object {
  return {
    description: 'a problem: 400, 401, 403, 404, 409, 413, 415, 422, 503 or 500',
    content: { 'application/problem+json': { schema: reference(common.Problem, schemas) } },
  }
}

/** A schema with every named schema in it moved to `components` and referred to. */
function reference(schema: unknown, schemas: Record<string, object>): unknown {
  const name = NAMED.get(schema)
  if (name === undefined) return withReferences(schema, schemas)
  if (!Object.hasOwn(schemas, name)) {
    schemas[name] = {}
    schemas[name] = withReferences(schema, schemas) as object
  }
  return { $ref: `#/components/schemas/${name}` }
}

function withReferences(schema: unknown, schemas: Record<string, object>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => reference(item, schemas))
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, reference(value, schemas)]),
  )
}
