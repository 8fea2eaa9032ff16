import { ChanceryError } from '../errors/chancery-error.ts'
import { matchesRuns } from './wildcard.ts'

/** One character of a pattern: itself, any, or one (not) in a set of inclusive ranges of code points. */
type GlobToken =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'run' }
  | {
      readonly kind: 'set'
      readonly negated: boolean
      readonly ranges: readonly (readonly [number, number])[]
    }

/** A parsed path pattern; see {@link parseGlob}. */
export interface Glob {
  /** The pattern as it was written. */
  readonly text: string
  /** True if the pattern has no wildcard, so that it matches at most one path of an archive. */
  readonly isLiteral: boolean
  /** One element a segment; `**` stands for any number of segments. */
  readonly segments: readonly (readonly GlobToken[] | '**')[]
}

const MAX_UNITS = 1024
const ANY: GlobToken = { kind: 'any' }
const RUN: GlobToken = { kind: 'run' }

/**
 * Reads a path pattern of SignPath's artifact configurations.
 *
 * `*` is any run of characters within a segment, also an empty one; `?` one character; `[abc]`, `[a-z]` one of a set;
 * `[!abc]` one not in it; `**`, as a whole segment, any number of segments, also none. Segments are separated by `/`
 * or `\`. Nothing is escaped: `[*]` stands for a literal `*`. The pattern `.` alone has no segments and stands for the
 * container itself. Matching ignores case.
 *
 * @param text At most 1,024 UTF-16 units; relative, without empty segments, `.` and `..` segments.
 * @throws ChanceryError ERR_FORMAT_GLOB if the pattern is anything else.
 */
export function parseGlob(text: string): Glob {
  if (text.length > MAX_UNITS) throw refused(`at most ${MAX_UNITS} characters`)
  if (text === '.') return { text, isLiteral: true, segments: [] }
  const segments = splitSegments(text).map(parseSegment)
  const isLiteral = segments.every(
    (segment) => segment !== '**' && segment.every((token) => token.kind === 'character'),
  )
  return { text, isLiteral, segments }
}

function splitSegments(text: string): readonly string[] {
  if (/\p{Cc}/u.test(text) || !text.isWellFormed()) throw refused('no control characters')
  return text.split(/[/\\]/)
}

function parseSegment(segment: string): readonly GlobToken[] | '**' {
  if (segment === '') throw refused('a relative path without empty segments')
  if (segment === '.' || segment === '..') throw refused('no "." and ".." segments')
  if (segment === '**') return '**'
  if (segment.includes('**')) throw refused('"**" to be a whole segment, as in "bin/**/*.json"')
  const characters = Array.from(segment)
  const tokens: GlobToken[] = []
  for (let at = 0; at < characters.length;) {
    const character = characters[at] ?? ''
    if (character === '[') {
      const end = closingBracket(characters, at)
      tokens.push(parseSet(characters.slice(at + 1, end)))
      at = end + 1
    } else {
      tokens.push(parseCharacter(character))
      at++
    }
  }
  return tokens
}

function parseCharacter(character: string): GlobToken {
  if (character === '*') return RUN
  if (character === '?') return ANY
  return { kind: 'character', character: fold(character) }
}

/** The first `]` that is not the first member of the set: `[]]` and `[!]]` are sets of one bracket. */
function closingBracket(characters: readonly string[], open: number): number {
  const first = characters[open + 1] === '!' ? open + 2 : open + 1
  const end = characters.indexOf(']', first + 1)
  if (end < 0) throw refused('"]" after "[" in the same segment; a literal "[" is written "[[]"')
  return end
}

function parseSet(members: readonly string[]): GlobToken {
  const negated = members[0] === '!'
  const ranges: (readonly [number, number])[] = []
  for (let at = negated ? 1 : 0; at < members.length;) {
    const isRange = members[at + 1] === '-' && at + 2 < members.length
    const from = codePoint(members[at])
    const to = isRange ? codePoint(members[at + 2]) : from
    if (to < from) throw refused('ranges such as [a-z], the lower end first')
    ranges.push([from, to])
    at += isRange ? 3 : 1
  }
  return { kind: 'set', negated, ranges }
}

function codePoint(character: string | undefined): number {
  return character?.codePointAt(0) ?? 0
}

function refused(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_GLOB', `path pattern: expected ${expected}`, {
    hints: ['Wildcards are *, ?, [abc], [a-z], [!abc], and ** as a whole segment.'],
  })
}

/**
 * True if the whole path matches the pattern. Case is ignored, `/` and `\` are both separators, and a slash at the
 * end of the path (a directory of a ZIP archive) does not count. Takes time in the order of the product of both lengths.
 *
 * @param path Relative, as {@link Glob} describes paths.
 */
export function matchesGlob(glob: Glob, path: string): boolean {
  const trimmed = path.replace(/[/\\]$/, '')
  const segments = trimmed === '' || trimmed === '.' ? [] : trimmed.split(/[/\\]/)
  const pattern = glob.segments
  return matchesRuns(
    pattern.length,
    segments.length,
    (at) => pattern[at] === '**',
    (at, place) => matchesSegment(pattern[at], segments[place] ?? ''),
  )
}

function matchesSegment(tokens: readonly GlobToken[] | '**' | undefined, segment: string): boolean {
  if (tokens === undefined || tokens === '**') return false
  const characters = Array.from(segment)
  return matchesRuns(
    tokens.length,
    characters.length,
    (at) => tokens[at]?.kind === 'run',
    (at, place) => matchesToken(tokens[at] ?? RUN, characters[place] ?? ''),
  )
}

function matchesToken(token: GlobToken, character: string): boolean {
  switch (token.kind) {
    case 'any':
      return true
    case 'run':
      return false
    case 'character':
      return token.character === fold(character)
    case 'set': {
      const variants = [character, character.toLowerCase(), character.toUpperCase()].map(codePoint)
      const isMember = token.ranges.some(([from, to]) =>
        variants.some((point) => point >= from && point <= to),
      )
      return isMember !== token.negated
    }
  }
}

function fold(character: string): string {
  return character.toUpperCase().toLowerCase()
}
