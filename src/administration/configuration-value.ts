import { ChanceryError } from '../errors/chancery-error.ts'
import { isGuid } from '../format/guid.ts'
import { ROLES, type Role } from '../policy/principal.ts'

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u
const EMAIL = /^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()[\]\\]+$/u
const MAX_EMAIL_LENGTH = 254
const REPOSITORY_SCHEMES: readonly string[] = ['https:', 'http:', 'ssh:', 'git:']
/** `git@github.com:owner/name.git` */
const SCP_LIKE = /^[\w.-]+@[\w.-]+:[^\s:]+$/

/** The error of a value that is well-formed but means nothing here. */
export function badValue(field: string, message: string, ...hints: string[]): ChanceryError {
  return new ChanceryError('ERR_ADMINISTRATION_VALUE', message, { field, hints })
}

/**
 * A display name: printable, without invisible characters, not wrapped in white space, and no GUID, as objects are
 * looked up by name or id alike.
 *
 * @throws ChanceryError ERR_ADMINISTRATION_VALUE for any other text.
 */
export function requireName(name: string, field = 'name'): string {
  if (CONTROL.test(name) || name.trim() !== name || name === '') {
    throw badValue(
      field,
      `expected a ${field} of visible characters that neither starts nor ends with a space`,
    )
  }
  return requireNoGuid(name, field)
}

/** A text of several lines. @throws ChanceryError ERR_ADMINISTRATION_VALUE if a terminal could be steered with it. */
export function requireText(text: string, field: string): string {
  if (CONTROL.test(text.replaceAll(/[\n\r\t]/g, ''))) {
    throw badValue(field, `expected a ${field} of visible characters and line breaks`)
  }
  return text
}

/** A slug that cannot be taken for an id. @throws ChanceryError ERR_ADMINISTRATION_VALUE if it has the form of one. */
export function requireSlug(slug: string): string {
  return requireNoGuid(slug, 'slug')
}

function requireNoGuid(text: string, field: string): string {
  if (isGuid(text.toLowerCase())) throw badValue(field, `expected a ${field}, found a GUID`)
  return text
}

/** @throws ChanceryError ERR_ADMINISTRATION_VALUE if the text is neither null nor one e-mail address. */
export function requireEmailAddress(address: string | null): string | null {
  if (address === null) return null
  if (CONTROL.test(address) || !EMAIL.test(address) || address.length > MAX_EMAIL_LENGTH) {
    throw badValue('emailAddress', 'expected one e-mail address such as jane@example.org, or null')
  }
  return address
}

/** @throws ChanceryError ERR_ADMINISTRATION_VALUE if a text is no URL of a Git repository, or holds a password. */
export function requireRepositoryUrls(urls: readonly string[]): readonly string[] {
  for (const url of urls) {
    if (SCP_LIKE.test(url)) continue
    const parsed = URL.parse(url)
    if (parsed === null || !REPOSITORY_SCHEMES.includes(parsed.protocol) || parsed.host === '') {
      throw badValue(
        'repositoryUrls',
        'expected the URL of a Git repository, as in https://github.com/owner/name or git@github.com:owner/name.git',
      )
    }
    if (parsed.password !== '') {
      throw badValue('repositoryUrls', 'expected a repository URL without a password in it')
    }
  }
  return [...new Set(urls)]
}

/** Reads an RFC 3339 instant. @throws ChanceryError ERR_ADMINISTRATION_VALUE for any other text. */
export function requireInstant(text: string, field: string): number {
  const at = INSTANT.test(text) ? Date.parse(text) : NaN
  if (!Number.isSafeInteger(at) || at < 0) {
    throw badValue(field, 'expected an instant such as 2026-11-23T10:15:00.000Z')
  }
  return at
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** Roles without duplicates, in the order of {@link ROLES}. */
export function sortRoles(roles: readonly Role[]): readonly Role[] {
  return ROLES.filter((role) => roles.includes(role))
}

/** Ids without duplicates, in their own order, so that equal sets are equal lists. */
export function sortIds(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)].sort()
}
