import { ChanceryError } from '../errors/chancery-error.ts'

const HOST =
  /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z](?:[0-9A-Za-z.-]{0,253}[0-9A-Za-z])?)(?::[0-9]{1,5})?$/

/**
 * The origin that absolute links start with: the configured one, else the `Host` header of the call.
 * `X-Forwarded-*` and `Forwarded` are not looked at.
 *
 * @param publicUrl Without a trailing slash.
 * @throws ChanceryError ERR_HTTP_HEADER if the link would have to be made from a malformed `Host`.
 */
export function originOf(publicUrl: string | undefined, host: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl
  // untrusted: the header becomes part of links that other programs follow.
  if (host === undefined || !HOST.test(host)) {
    throw new ChanceryError('ERR_HTTP_HEADER', 'expected Host: name or name:port', {
      field: 'Host',
    })
  }
  return `http://${host}`
}

/** Absolute links into one organization. Ids in them are lower-case GUIDs. */
export class Links {
  readonly #origin: string
  readonly #organizationId: string

  constructor(origin: string, organizationId: string) {
    this.#origin = origin
    this.#organizationId = organizationId
  }

  /** @param path Below the organization, without a leading slash: `Projects/0197…`. */
  to(path: string): string {
    return `${this.#origin}/Api/v1/${this.#organizationId}/${path}`
  }

  signingRequest(id: string): string {
    return this.to(`SigningRequests/${id}`)
  }

  /** The page for people. */
  web(id: string): string {
    return `${this.#origin}/Web/${this.#organizationId}/SigningRequests/${id}`
  }
}
