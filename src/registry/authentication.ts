import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeBase64 } from '../format/base64.ts'
import { parseJson } from '../format/json.ts'
import { referenceContext } from '../format/oci-reference.ts'
import { BoundedMap } from '../verify/bounded-map.ts'
import { parseChallenges, type Challenge } from './challenges.ts'
import type { FindCredentials, RegistryCredentials } from './credentials.ts'
import type { Answer, Exchange } from './http-transport.ts'
import { resolveForeignUrl, type RepositoryName } from './origins.ts'

/** What is to be done in a repository. */
export type RepositoryAction = 'pull' | 'push' | 'delete'

/** Sends one request without credentials of its own. */
export type SendExchange = (exchange: Exchange) => Promise<Answer>

const MAX_TOKEN_ANSWER_BYTES = 64 * 1024
const MAX_CACHED = 1000
/** Source: distribution token specification, "expires_in": 60 seconds where it is not said. */
const DEFAULT_LIFETIME_SECONDS = 60
const MAX_LIFETIME_SECONDS = 3600
/** How long before its end a token is not used any more. */
const MARGIN_SECONDS = 10
const CLIENT_ID = 'chancery'
/** The actions of a token's scope. Source: distribution token specification, "Resource Scope Grammar". */
const SCOPES: Readonly<Record<RepositoryAction, string>> = {
  pull: 'pull',
  push: 'pull,push',
  delete: 'pull,delete',
}

interface CachedToken {
  readonly authorization: string
  readonly expiresAtMs: number
}

/**
 * Turns the challenges of registries into `Authorization` headers: Basic, and Bearer by way of a token service.
 *
 * Where credentials go:
 * - those of a registry only to that registry's own host and port, and to the token service that this registry named;
 * - a token service may be on any host, as with Docker Hub, but has to obey {@link resolveForeignUrl}: https, except
 *   beside a plain-http registry on this machine; and where the registry itself was spoken to by plain http beyond this
 *   machine, only its own host gets the password, since anyone on the way may have written the challenge;
 * - the scope of a token is the one needed here, whatever the challenge asks for;
 * - a redirect of a token service is refused.
 *
 * Source: distribution-spec, "Authentication"; distribution token and OAuth 2 specifications; RFC 9110, section 11.
 */
export class Authenticator {
  readonly #send: SendExchange
  readonly #findCredentials: FindCredentials
  /** By origin. */
  readonly #challenges = new BoundedMap<string, Challenge>(MAX_CACHED)
  /** By origin, repository and action. */
  readonly #tokens = new BoundedMap<string, CachedToken>(MAX_CACHED)
  /** By registry and repository. */
  readonly #credentials = new BoundedMap<string, Promise<RegistryCredentials | undefined>>(
    MAX_CACHED,
  )

  constructor(send: SendExchange, findCredentials: FindCredentials) {
    this.#send = send
    this.#findCredentials = findCredentials
  }

  /** The header to begin with: from a token that still lives, or for a challenge seen before; else undefined. */
  async authorize(
    origin: URL,
    repository: RepositoryName,
    action: RepositoryAction,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    // Who may push may pull.
    for (const scope of action === 'pull' ? (['pull', 'push'] as const) : [action]) {
      const cached = this.#tokens.get(cacheKey(origin, repository, scope))
      if (cached !== undefined && cached.expiresAtMs > Date.now()) return cached.authorization
    }
    const challenge = this.#challenges.get(origin.origin)
    if (challenge === undefined) return undefined
    return this.#answerChallenge(origin, repository, action, challenge, signal)
  }

  /**
   * Answers a 401.
   *
   * @param used The header the refused request carried.
   * @throws ChanceryError ERR_REGISTRY_UNAUTHORIZED if there is nothing to answer with, or the same was refused before.
   */
  async answer(
    origin: URL,
    repository: RepositoryName,
    action: RepositoryAction,
    refusal: { readonly answer: Answer; readonly used: string | undefined },
    signal: AbortSignal | undefined,
  ): Promise<string> {
    this.#tokens.delete(cacheKey(origin, repository, action))
    if (action === 'pull') this.#tokens.delete(cacheKey(origin, repository, 'push'))
    if (refusal.used !== undefined) this.#credentials.delete(referenceContext(repository))
    const challenges = parseChallenges(refusal.answer.headers['www-authenticate'] ?? '')
    const challenge =
      challenges.find(({ scheme }) => scheme === 'bearer') ??
      challenges.find(({ scheme }) => scheme === 'basic')
    if (challenge === undefined) {
      throw unauthorized(
        origin,
        'and names no way to authenticate that is known here (Basic, Bearer)',
      )
    }
    this.#challenges.set(origin.origin, challenge)
    const header = await this.#answerChallenge(origin, repository, action, challenge, signal)
    if (header === undefined) throw unauthorized(origin, 'and there are none for it')
    if (header === refusal.used) throw unauthorized(origin, 'and does not accept these')
    return header
  }

  async #answerChallenge(
    origin: URL,
    repository: RepositoryName,
    action: RepositoryAction,
    challenge: Challenge,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const credentials = await this.#credentialsFor(repository)
    if (credentials?.kind === 'bearer-token') return `Bearer ${credentials.token}`
    if (challenge.scheme === 'basic') {
      return credentials?.kind === 'password' ? basic(credentials) : undefined
    }
    const service = tokenService(origin, challenge)
    const request = tokenRequest(
      service,
      challenge,
      `repository:${repository.repository}:${SCOPES[action]}`,
      mayCarryCredentials(origin, service) ? credentials : undefined,
    )
    const answer = await this.#send({
      ...request,
      isOwnHost: service.origin === origin.origin,
      maxBodyBytes: MAX_TOKEN_ANSWER_BYTES,
      signal,
    })
    const token = readToken(origin, answer)
    this.#tokens.set(cacheKey(origin, repository, action), token)
    return token.authorization
  }

  /** Finding them may mean to run a program, so they are kept until they are refused. */
  #credentialsFor(repository: RepositoryName): Promise<RegistryCredentials | undefined> {
    const key = referenceContext(repository)
    const known = this.#credentials.get(key)
    if (known !== undefined) return known
    const found = Promise.resolve(repository).then(this.#findCredentials)
    this.#credentials.set(key, found)
    found.catch(() => this.#credentials.delete(key))
    return found
  }
}

function cacheKey(origin: URL, repository: RepositoryName, action: RepositoryAction): string {
  return `${origin.origin} ${repository.repository} ${action}`
}

function basic(credentials: { readonly username: string; readonly password: string }): string {
  const text = `${credentials.username}:${credentials.password}`
  return `Basic ${encodeBase64(new TextEncoder().encode(text))}`
}

function tokenService(origin: URL, challenge: Challenge): URL {
  const realm = challenge.parameters.get('realm')
  if (realm === undefined || !URL.canParse(realm)) {
    throw new ChanceryError(
      'ERR_REGISTRY_BAD_ANSWER',
      `${origin.host}: expected the Bearer challenge to name its token service (realm) as a URL`,
    )
  }
  return resolveForeignUrl(origin, origin, realm, 'its token service (realm)')
}

/**
 * True unless the challenge came by plain http and names another host by https. (By plain http to another host only a
 * pair on this machine gets past {@link resolveForeignUrl}.)
 */
function mayCarryCredentials(origin: URL, service: URL): boolean {
  const isOwnHost = service.hostname === origin.hostname
  return isOwnHost || origin.protocol === service.protocol
}

type TokenRequest = Pick<Exchange, 'method' | 'url' | 'headers' | 'body'>

function tokenRequest(
  service: URL,
  challenge: Challenge,
  scope: string,
  credentials: Exclude<RegistryCredentials, { readonly kind: 'bearer-token' }> | undefined,
): TokenRequest {
  const serviceName = challenge.parameters.get('service')
  if (credentials?.kind === 'identity-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.token,
      client_id: CLIENT_ID,
      scope,
      ...(serviceName === undefined ? {} : { service: serviceName }),
    })
    return {
      method: 'POST',
      url: service,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new TextEncoder().encode(form.toString()),
    }
  }
  const url = new URL(service)
  if (serviceName !== undefined) url.searchParams.set('service', serviceName)
  url.searchParams.set('scope', scope)
  return {
    method: 'GET',
    url,
    headers: credentials === undefined ? {} : { authorization: basic(credentials) },
  }
}

function readToken(origin: URL, answer: Answer): CachedToken {
  const { status, url } = answer
  if (status === 401 || status === 403) {
    throw unauthorized(origin, `and its token service ${url.host} does not accept them (${status})`)
  }
  if (status >= 300 && status < 400) {
    throw new ChanceryError(
      'ERR_REGISTRY_REDIRECT',
      `the token service ${url.host} of ${origin.host} redirects, which is not followed with credentials`,
    )
  }
  if (status !== 200) throw badToken(origin, answer, `expected status 200, found ${status}`)
  let members: Record<string, unknown>
  try {
    members = (parseJson(answer.body) ?? {}) as Record<string, unknown>
  } catch (cause) {
    throw badToken(origin, answer, 'expected JSON', cause)
  }
  const token = members['token'] ?? members['access_token']
  // A token with other characters could end the header and begin another.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw badToken(origin, answer, 'expected a "token" or an "access_token"')
  }
  const claimed = members['expires_in']
  const lifetime = typeof claimed === 'number' && claimed > 0 ? claimed : DEFAULT_LIFETIME_SECONDS
  const usable = Math.min(lifetime, MAX_LIFETIME_SECONDS) - MARGIN_SECONDS
  return { authorization: `Bearer ${token}`, expiresAtMs: Date.now() + Math.max(usable, 0) * 1000 }
}

function badToken(origin: URL, answer: Answer, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_BAD_ANSWER',
    `the token service ${answer.url.host} of ${origin.host} gave no token: ${reason}`,
    { cause },
  )
}

function unauthorized(origin: URL, reason: string): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_UNAUTHORIZED',
    `${origin.host} wants credentials, ${reason}`,
    {
      hints: [
        `Log in with docker login ${origin.host}, or give --registry-username and --registry-password.`,
      ],
    },
  )
}
