/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const MAX_HEADER_LENGTH = 8192
const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y
const TOKEN68 = /[\w.~+/-]+=*(?=[ \t]*(?:,|$))/y
const SPACE = /[ \t]*/y
const SEPARATORS = /[ \t,]*/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
// Unquoted values of some registries contain characters a token may not have, such as `:` and `/`.
const UNQUOTED = /[^\s,"]*/y

/**
 * Reads the challenges of one or more `WWW-Authenticate` headers, joined by commas: quoted and unquoted parameters,
 * several challenges in one header. What cannot be read ends the list; there is no error, as the answer stays 401.
 *
 * Source: RFC 9110, section 11.6.1.
 */
export function parseChallenges(header: string): Challenge[] {
  // untrusted: the header comes from the registry. All patterns are sticky and linear.
  const reader = new Reader(header.slice(0, MAX_HEADER_LENGTH))
  const challenges: Challenge[] = []
  reader.take(SEPARATORS)
  for (let scheme = reader.take(TOKEN); scheme !== undefined; scheme = reader.take(TOKEN)) {
    reader.take(SPACE)
    challenges.push({ scheme: scheme.toLowerCase(), parameters: readParameters(reader) })
    reader.take(SEPARATORS)
  }
  return challenges
}

function readParameters(reader: Reader): Map<string, string> {
  const parameters = new Map<string, string>()
  if (reader.take(TOKEN68) !== undefined) return parameters
  for (;;) {
    const start = reader.at
    reader.take(SEPARATORS)
    const name = reader.take(TOKEN)
    reader.take(SPACE)
    if (name === undefined || !reader.takeEqualsSign()) {
      // A token without "=" is the scheme of the next challenge.
      reader.at = start
      return parameters
    }
    reader.take(SPACE)
    const quoted = reader.take(QUOTED)
    const value =
      quoted === undefined ? reader.take(UNQUOTED) : quoted.slice(1, -1).replace(/\\(.)/g, '$1')
    const key = name.toLowerCase()
    if (!parameters.has(key)) parameters.set(key, value ?? '')
  }
}

class Reader {
  readonly #text: string
  at = 0

  constructor(text: string) {
    this.#text = text
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }

  takeEqualsSign(): boolean {
    const isThere = this.#text[this.at] === '='
    if (isThere) this.at++
    return isThere
  }
}
