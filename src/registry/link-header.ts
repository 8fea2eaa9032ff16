/** An address, a quoted text, a mark or a word: no two of them begin alike, so that a header is read once. */
const TOKEN = /\s*(?:<([^<>]*)>|"((?:[^"\\]|\\.)*)"|([,;=])|([^\s,;="<>]+))/y

interface Token {
  readonly kind: 'address' | 'quoted' | 'mark' | 'word'
  readonly text: string
}

/**
 * The addresses of the links that have a relation, as they are written; undefined if the header is malformed, so that
 * nobody knows which links there are.
 *
 * @param header untrusted: of bounded length; empty where there is none.
 * @param relation In lower case.
 * Source: RFC 8288, sections 3 and 3.3.
 */
export function linksWith(header: string, relation: string): readonly string[] | undefined {
  const tokens = tokenise(header.trim())
  if (tokens === undefined) return undefined
  const addresses: string[] = []
  for (const [first, ...parameters] of splitAt(tokens, ',')) {
    if (first === undefined) continue
    if (first.kind !== 'address') return undefined
    const relations = relationsIn(parameters)
    if (relations === undefined) return undefined
    if (relations.includes(relation)) addresses.push(first.text)
  }
  return addresses
}

/** In lower case, those of the first `rel`; others do not count. */
function relationsIn(parameters: readonly Token[]): readonly string[] | undefined {
  const [before = [], ...all] = splitAt(parameters, ';')
  if (before.length > 0) return undefined
  const [, equals, value, ...more] =
    all.find(([name]) => name?.kind === 'word' && name.text.toLowerCase() === 'rel') ?? []
  if (equals === undefined) return []
  const isValue = value?.kind === 'word' || value?.kind === 'quoted'
  if (equals.text !== '=' || !isValue || more.length > 0) return undefined
  return value.text.toLowerCase().split(/\s+/)
}

function tokenise(text: string): readonly Token[] | undefined {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let end = 0; end < text.length; end = TOKEN.lastIndex) {
    const found = TOKEN.exec(text)
    if (found === null) return undefined
    const [, address, quoted, mark, word = ''] = found
    tokens.push(
      address !== undefined
        ? { kind: 'address', text: address }
        : quoted !== undefined
          ? { kind: 'quoted', text: quoted }
          : mark !== undefined
            ? { kind: 'mark', text: mark }
            : { kind: 'word', text: word },
    )
  }
  return tokens
}

function splitAt(tokens: readonly Token[], mark: ',' | ';'): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]]
  for (const token of tokens) {
    if (token.kind === 'mark' && token.text === mark) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}
