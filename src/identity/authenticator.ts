import type { Catalog } from '../catalog/catalog.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Principal } from '../policy/principal.ts'
import { isUsable, type ApiToken, type ApiTokens } from './api-tokens.ts'
import { principalOf } from './principal-of.ts'
import { hashToken, TOKEN_LENGTH } from './secret-token.ts'

const FORM = 'Authorization: Bearer <API token>'
/** Base64 has no colon, so the first one ends the API token. */
const CREDENTIAL = /^bearer +([^\s:]+)(?::([^\s:]+))?$/i
const MAX_HEADER_LENGTH = 'Bearer '.length + 2 * TOKEN_LENGTH + 100

/** Proves who a call comes from. */
export class Authenticator {
  readonly #catalog: Catalog
  readonly #tokens: ApiTokens
  /** By token id; holds as long as the catalog's generation. */
  readonly #principals = new Map<string, Principal>()
  #generation = -1

  constructor(catalog: Catalog, tokens: ApiTokens) {
    this.#catalog = catalog
    this.#tokens = tokens
  }

  /**
   * Reads `Bearer <ApiToken>` or `Bearer <ApiToken>:<TrustedBuildSystemToken>` and notes the use of the token.
   *
   * Expiry, revocation and deactivation count from the moment they are durable.
   *
   * @param authorization untrusted: the value of the HTTP header, undefined where there is none.
   * @param now Milliseconds since 1970.
   * @param proven What the same header proved before: as long as it still holds, the header is not read again.
   * @throws ChanceryError ERR_IDENTITY_UNAUTHENTICATED if there is no such header or a token in it is not accepted;
   *   the message does not tell which tokens exist.
   */
  authenticate(authorization: string | undefined, now: number, proven?: Principal): Principal {
    if (proven !== undefined && this.#isPresent(proven, now)) return proven
    const [apiToken, buildSystemToken] = readCredential(authorization)
    const token = this.#tokens.findByHash(hashToken(apiToken))
    const principal =
      token !== undefined && isUsable(token, now) ? this.#principalOf(token) : undefined
    if (token === undefined || principal === undefined) throw notAccepted('API token')
    const caller =
      buildSystemToken === undefined
        ? principal
        : { ...principal, trustedBuildSystemId: this.#buildSystemOf(principal, buildSystemToken) }
    this.#tokens.noteUse(token.id, now)
    return caller
  }

  /**
   * The principal of a call that takes its time, by what is true now; the very same one as long as nothing changed.
   *
   * @param now Milliseconds since 1970.
   * @returns undefined once its token, its user or the trusted build system that it came with is not accepted any more.
   */
  presentPrincipal(principal: Principal, now: number): Principal | undefined {
    if (this.#isPresent(principal, now)) return principal
    const { userId, tokenId, trustedBuildSystemId } = principal
    const token = this.#tokens.find(userId, tokenId)
    if (token === undefined || !isUsable(token, now)) return undefined
    const present = this.#principalOf(token)
    if (present === undefined || trustedBuildSystemId === undefined) return present
    const buildSystem = this.#catalog.find('trusted-build-system', trustedBuildSystemId)
    return buildSystem?.isActive === true ? { ...present, trustedBuildSystemId } : undefined
  }

  #principalOf(token: ApiToken): Principal | undefined {
    if (this.#generation !== this.#catalog.generation) {
      this.#principals.clear()
      this.#generation = this.#catalog.generation
    }
    const known = this.#principals.get(token.id)
    if (known !== undefined) return known
    const principal = principalOf(this.#catalog, token.userId, token.id)
    if (principal !== undefined) this.#principals.set(token.id, principal)
    return principal
  }

  /** False, too, for whoever came with a build system's token, which only the header has. */
  #isPresent(principal: Principal, now: number): boolean {
    const token = this.#tokens.find(principal.userId, principal.tokenId)
    return token !== undefined && isUsable(token, now) && this.#principalOf(token) === principal
  }

  #buildSystemOf(principal: Principal, buildSystemToken: string): string {
    const hash = hashToken(buildSystemToken)
    const buildSystem = this.#catalog
      .list('trusted-build-system', principal.organizationId)
      .find((candidate) => candidate.isActive && candidate.tokenHash === hash)
    if (buildSystem === undefined) throw notAccepted('trusted build system token')
    return buildSystem.id
  }
}

function readCredential(
  authorization: string | undefined,
): readonly [apiToken: string, buildSystemToken: string | undefined] {
  if (authorization === undefined) {
    throw new ChanceryError(
      'ERR_IDENTITY_UNAUTHENTICATED',
      `expected the header ${FORM}, found none`,
      { hints: ['give the API token of a user; `chancery` reads it from CHANCERY_TOKEN'] },
    )
  }
  const match = authorization.length > MAX_HEADER_LENGTH ? null : CREDENTIAL.exec(authorization)
  const apiToken = match?.[1]
  if (apiToken === undefined) {
    throw new ChanceryError(
      'ERR_IDENTITY_UNAUTHENTICATED',
      `expected the header ${FORM} or ${FORM}:<trusted build system token>, found something else`,
      { hints: [`a token is one line of ${TOKEN_LENGTH} characters; copy it whole`] },
    )
  }
  return [apiToken, match?.[2]]
}

function notAccepted(what: string): ChanceryError {
  return new ChanceryError(
    'ERR_IDENTITY_UNAUTHENTICATED',
    `the ${what} is not accepted: there is no such token, or it is revoked or expired, or whom it belongs to is inactive`,
    {
      hints: [
        `check that it was copied whole (${TOKEN_LENGTH} characters) and belongs to this server`,
        'have an administrator issue a new one',
      ],
    },
  )
}
