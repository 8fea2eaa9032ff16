import { ChanceryError } from '../errors/chancery-error.ts'
import type {
  ContentElement,
  Inclusion,
  RawSignatureDirective,
  ZipFileElement,
} from './artifact-configuration.ts'
import { CONTAINER, type ArtifactDirectory, type ArtifactTree } from './artifact-tree.ts'
import {
  DIRECTORY_PATH,
  FILE_PATH,
  MAX_MATCHES,
  MIN_MATCHES,
  resolveAttribute,
} from './configuration-attribute.ts'
import { shorten } from './configuration-xml.ts'

/** A file and what an artifact configuration does to it. */
export interface Match {
  /** The index of the file. */
  readonly file: number
  readonly directive: RawSignatureDirective
}

/** Signatures one request may ask for. */
const MAX_SIGNATURES = 10_000

/** What an artifact is matched with. */
export interface Matching {
  readonly tree: ArtifactTree
  /** The paths of the files in the tree, for messages. */
  readonly paths: readonly string[]
  /** The value of each parameter. */
  readonly valueOf: (parameter: string) => string
}

/**
 * Finds the files an artifact configuration signs, in the order of the configuration and, where one element
 * matches several, of the artifact. Each element has to match as many items as it says.
 *
 * @throws ChanceryError ERR_POLICY_ARTIFACT if an element matches too few or too many items, or nothing is to be signed.
 * @throws ChanceryError ERR_POLICY_PARAMETER if a parameter makes a path or a number malformed.
 */
export function matchArtifact(root: ZipFileElement, matching: Matching): readonly Match[] {
  const matches: Match[] = []
  matchContents(root.contents, CONTAINER, matching, matches)
  if (matches.length === 0) {
    throw new ChanceryError(
      'ERR_POLICY_ARTIFACT',
      'the artifact configuration signs nothing in this artifact: no file matches an element with <create-raw-signature>',
      { hints: describeFiles(matching.paths) },
    )
  }
  return matches
}

function matchContents(
  contents: readonly ContentElement[],
  within: ArtifactDirectory,
  matching: Matching,
  matches: Match[],
): void {
  const { tree, paths } = matching
  for (const element of contents) {
    if (element.kind === 'file') {
      const files = new Set<number>()
      for (const inclusion of element.inclusions) {
        const glob = resolvePath(inclusion, matching, FILE_PATH)
        const found = tree.findFiles(within, glob)
        checkCount(inclusion, found.length, matching, () =>
          describeFiles(found.length === 0 ? paths : found.map((index) => paths[index] ?? '')),
        )
        for (const index of found) files.add(index)
      }
      for (const file of files) {
        for (const directive of element.directives) addMatch(matches, { file, directive })
      }
    } else {
      const directories = new Map<string, ArtifactDirectory>()
      for (const inclusion of element.inclusions) {
        const glob = resolvePath(inclusion, matching, DIRECTORY_PATH)
        const found = tree.findDirectories(within, glob)
        checkCount(inclusion, found.length, matching, () => describeFiles(paths))
        for (const directory of found) directories.set(directory.key, directory)
      }
      for (const directory of directories.values()) {
        matchContents(element.contents, directory, matching, matches)
      }
    }
  }
}

function addMatch(matches: Match[], match: Match): void {
  if (matches.length >= MAX_SIGNATURES) {
    throw new ChanceryError(
      'ERR_POLICY_ARTIFACT',
      `expected at most ${MAX_SIGNATURES} signatures in one signing request`,
      { hints: ['submit the files in several signing requests'] },
    )
  }
  matches.push(match)
}

function resolvePath(inclusion: Inclusion, matching: Matching, kind: typeof FILE_PATH) {
  return resolveAttribute(inclusion.place, 'path', inclusion.path, kind, matching.valueOf)
}

function checkCount(
  inclusion: Inclusion,
  found: number,
  { valueOf }: Matching,
  hints: () => readonly string[],
): void {
  const { place, minMatches, maxMatches } = inclusion
  const min = resolveAttribute(place, 'min-matches', minMatches, MIN_MATCHES, valueOf)
  const max = resolveAttribute(place, 'max-matches', maxMatches, MAX_MATCHES, valueOf)
  if (found >= min && found <= max) return
  throw new ChanceryError(
    'ERR_POLICY_ARTIFACT',
    `Expected path to match ${describeCount(min, max)}, but found ${found}: ` +
      `<${place.name} path="${describePath(inclusion, valueOf)}"> in line ${place.line}`,
    { hints: hints() },
  )
}

function describePath({ path }: Inclusion, valueOf: Matching['valueOf']): string {
  if ('value' in path) return shorten(path.value.text)
  const parts = path.template.map((part) =>
    typeof part === 'string' ? part : valueOf(part.parameter),
  )
  return shorten(parts.join(''))
}

function describeCount(min: number, max: number): string {
  const items = (count: number) => `${count} ${count === 1 ? 'item' : 'items'}`
  if (min === max) return `exactly ${items(min)}`
  if (max === Infinity) return `at least ${items(min)}`
  if (min === 0) return `at most ${items(max)}`
  return `${min} to ${items(max)}`
}

function describeFiles(paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return ['the artifact has no files']
  const shown = paths.slice(0, 5).map(shorten).join(', ')
  return [paths.length > 5 ? `found: ${shown} and ${paths.length - 5} more` : `found: ${shown}`]
}
