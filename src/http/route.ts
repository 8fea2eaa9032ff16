import type { Static, TObject } from 'typebox'
import type { Caller } from '../policy/caller.ts'
import type { AnswerContract } from './answer.ts'
import { textBinder } from './binding.ts'
import type { BodyContract } from './body.ts'
import type { Links } from './links.ts'
import type { Metrics } from './metrics.ts'
import type { Services } from './services.ts'

/** What every handler can reach. */
export interface Environment {
  readonly services: Services
  readonly metrics: Metrics
  /** Of Chancery. */
  readonly version: string
  /** The OpenAPI document of all routes, as JSON. */
  readonly describe: () => string
}

/** One authenticated call of a route, read and checked. */
export interface Call<Params, Query, Body> {
  readonly caller: Caller
  /** The path's parameters in the client's own letters. */
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly links: Links
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey: string | undefined
}

/**
 * Who a route is for. `organization`: a token of the organization in the path. `instance`: any token.
 * `public`: everyone.
 */
export type Scope = 'organization' | 'instance' | 'public'

/** A row of the table that the server, its OpenAPI document and the permission tests are made from. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Whole paths with `{name}` parameters; the first is the one to use, the others are SignPath's older ones. */
  readonly paths: readonly [string, ...string[]]
  readonly scope: Scope
  readonly operationId: string
  readonly tag: string
  readonly summary: string
  /** Who may call it, for people. */
  readonly permission: string
  readonly query: TObject | undefined
  readonly body: BodyContract<unknown>
  readonly answer: AnswerContract<unknown>
  /** @throws ChanceryError ERR_HTTP_INVALID if the query string is not what {@link query} says. */
  readonly bindQuery: (query: unknown) => unknown
  readonly handle: (environment: Environment, call: Call<unknown, unknown, unknown>) => unknown
}

/** The parameters of a path: `Params<'Projects/{project}'>` is `{ project: string }`. */
export type Params<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Readonly<Record<Name, string>> & Params<Rest>
  : unknown

interface Definition<Path extends string, Query extends TObject, Body, Result> {
  readonly method: 'GET' | 'POST'
  /** Below the organization, without a leading slash. */
  readonly path: Path
  /** The paths of version `v1-pre` are the same ones (`also`), or the only ones (`only`). */
  readonly preview?: 'also' | 'only'
  readonly operationId: string
  readonly tag: string
  readonly summary: string
  readonly permission: string
  readonly query?: Query
  readonly body: BodyContract<Body>
  readonly answer: AnswerContract<Result>
  readonly handle: (
    environment: Environment,
    call: Call<Params<Path>, Static<Query>, Body>,
  ) => Result | Promise<Result>
}

const V1 = '/Api/v1/{organizationId}/'
const V1_PRE = '/Api/v1-pre/{organizationId}/'

/** A route of an organization. */
export function route<const Path extends string, Body, Result, Query extends TObject = TObject>(
  definition: Definition<Path, Query, Body, Result>,
): Route {
  const { path, preview } = definition
  const paths: [string, ...string[]] =
    preview === 'only'
      ? [V1_PRE + path]
      : preview === 'also'
        ? [V1 + path, V1_PRE + path]
        : [V1 + path]
  return erase(definition, paths, 'organization')
}

/** A route for any token; its path is the whole one. */
export function instanceRoute<
  const Path extends string,
  Body,
  Result,
  Query extends TObject = TObject,
>(definition: Definition<Path, Query, Body, Result>): Route {
  return erase(definition, [definition.path], 'instance')
}

interface PublicDefinition<Result> {
  readonly paths: readonly [string, ...string[]]
  readonly operationId: string
  readonly summary: string
  readonly answer: AnswerContract<Result>
  readonly handle: (environment: Environment) => Result | Promise<Result>
}

/** A route for everyone, without input. */
export function publicRoute<Result>(
  definition: PublicDefinition<Result>,
  noBody: BodyContract<undefined>,
): Route {
  const { paths, operationId, summary, answer, handle } = definition
  return {
    method: 'GET',
    paths,
    scope: 'public',
    operationId,
    tag: 'Operations',
    summary,
    permission: 'everyone, without a token',
    query: undefined,
    body: noBody,
    answer: answer,
    bindQuery: () => undefined,
    handle,
  }
}

/** The table holds routes of many types; `bind` of a route's own contracts makes what its own handler takes. */
function erase<Path extends string, Query extends TObject, Body, Result>(
  definition: Definition<Path, Query, Body, Result>,
  paths: readonly [string, ...string[]],
  scope: Scope,
): Route {
  const { method, operationId, tag, summary, permission, query, body, answer } = definition
  return {
    method,
    paths,
    scope,
    operationId,
    tag,
    summary,
    permission,
    query,
    body,
    answer: answer,
    bindQuery: query === undefined ? () => undefined : textBinder(query),
    handle: definition.handle as Route['handle'],
  }
}
