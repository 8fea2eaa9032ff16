import { ChanceryError } from '../errors/chancery-error.ts'

/**
 * The id of a signing request, as a person copies it: a GUID, or the link that ends in one.
 *
 * @throws ChanceryError ERR_CLI_USAGE if there is no GUID at the end.
 */
export function parseRequestId(input: string): string {
  const id = /(?:^|\/)([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\/?$/i.exec(input)?.[1]
  if (id !== undefined) return id.toLowerCase()
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    `expected the id or link of a signing request, found "${input}"`,
  )
}
