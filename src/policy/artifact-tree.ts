import { ChanceryError } from '../errors/chancery-error.ts'
import { matchesGlob, type Glob } from '../format/glob.ts'

/** A directory of an artifact; the container itself has the key '' and depth 0. */
export interface ArtifactDirectory {
  /** The path without regard to case; two spellings are one directory. */
  readonly key: string
  readonly depth: number
}

/** The container itself. */
export const CONTAINER: ArtifactDirectory = { key: '', depth: 0 }

/** Directories of one artifact, with those that only file paths name. */
const MAX_DIRECTORIES = 100_000
/** Characters of patterns times characters of paths in one plan: what bad patterns on bad paths may cost. */
const MAX_WORK = 200_000_000
const WORK_PER_LOOKUP = 100

/**
 * The files and directories of an artifact, found by path patterns.
 *
 * Paths are relative, separated by `/`, without empty, `.` and `..` segments. Case is ignored.
 */
export class ArtifactTree {
  readonly #files: readonly string[]
  readonly #emptyDirectories: readonly string[]
  #keys: readonly string[] | undefined
  #filesByKey: ReadonlyMap<string, readonly number[]> | undefined
  #directories: ReadonlyMap<string, DirectoryAt> | undefined
  #work = 0

  /** @param directories Those the artifact lists by themselves; with or without a slash at the end. */
  constructor(files: readonly string[], directories: readonly string[] = []) {
    this.#files = files
    this.#emptyDirectories = directories
  }

  /**
   * The files below a directory that a pattern matches, as indices, in the artifact's order.
   *
   * @throws ChanceryError ERR_POLICY_ARTIFACT if patterns and paths together take too much work.
   */
  findFiles(within: ArtifactDirectory, glob: Glob): readonly number[] {
    if (glob.isLiteral && this.#files.length > 1) {
      this.#spend(WORK_PER_LOOKUP)
      return this.#byKey().get(join(within.key, literalKey(glob))) ?? []
    }
    const found: number[] = []
    for (const [index, path] of this.#files.entries()) {
      if (within.depth > 0 && !this.#keyOf(index).startsWith(`${within.key}/`)) continue
      if (this.#isMatch(glob, relative(path, within.depth))) found.push(index)
    }
    return found
  }

  /**
   * The directories below a directory that a pattern matches; `.` is the directory itself.
   *
   * @throws ChanceryError ERR_POLICY_ARTIFACT if patterns and paths together take too much work.
   */
  findDirectories(within: ArtifactDirectory, glob: Glob): readonly ArtifactDirectory[] {
    const directories = this.#directoriesByKey()
    if (glob.isLiteral) {
      this.#spend(WORK_PER_LOOKUP)
      const found = directories.get(join(within.key, literalKey(glob)))
      return found === undefined ? [] : [found]
    }
    return [...directories.values()].filter(
      (directory) =>
        (within.depth === 0 ||
          directory.key === within.key ||
          directory.key.startsWith(`${within.key}/`)) &&
        this.#isMatch(glob, relative(directory.path, within.depth)),
    )
  }

  #isMatch(glob: Glob, path: string): boolean {
    this.#spend(WORK_PER_LOOKUP + glob.text.length * path.length)
    return matchesGlob(glob, path)
  }

  #spend(work: number): void {
    this.#work += work
    if (this.#work > MAX_WORK) {
      throw new ChanceryError(
        'ERR_POLICY_ARTIFACT',
        'the artifact has more files than the wildcards of its artifact configuration can be tried on',
        { hints: ['submit fewer files, or name files and directories without wildcards'] },
      )
    }
  }

  #keyOf(index: number): string {
    this.#keys ??= this.#files.map(pathKey)
    return this.#keys[index] ?? ''
  }

  #byKey(): ReadonlyMap<string, readonly number[]> {
    this.#filesByKey ??= Map.groupBy(this.#files.keys(), (index) => this.#keyOf(index))
    return this.#filesByKey
  }

  #directoriesByKey(): ReadonlyMap<string, DirectoryAt> {
    if (this.#directories !== undefined) return this.#directories
    const directories = new Map<string, DirectoryAt>([['', { ...CONTAINER, path: '' }]])
    for (const path of this.#files) addDirectories(directories, parentOf(path))
    for (const path of this.#emptyDirectories) addDirectories(directories, path.replace(/\/$/, ''))
    this.#directories = directories
    return directories
  }
}

interface DirectoryAt extends ArtifactDirectory {
  /** The path in its first spelling. */
  readonly path: string
}

/** Adds a directory and those around it; one that is there already has brought those around it. */
function addDirectories(directories: Map<string, DirectoryAt>, path: string): void {
  for (let rest = path; ; rest = parentOf(rest)) {
    const key = pathKey(rest)
    if (directories.has(key)) return
    if (directories.size >= MAX_DIRECTORIES) {
      throw new ChanceryError(
        'ERR_POLICY_ARTIFACT',
        `expected at most ${MAX_DIRECTORIES} directories in the artifact`,
      )
    }
    directories.set(key, { key, depth: rest.split('/').length, path: rest })
  }
}

/** The path of the directory a path is in; '' for the container itself. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** One key for all spellings of a path that differ in case only. */
function pathKey(path: string): string {
  // ASCII, the usual case, does not need the detour over upper case that makes one of `ſ`, `S` and `s`.
  if (!/[^\0-\x7f]/.test(path)) return path.toLowerCase()
  return Array.from(path, (character) => character.toUpperCase().toLowerCase()).join('')
}

function literalKey(glob: Glob): string {
  return glob.segments.length === 0 ? '' : pathKey(glob.text.replaceAll('\\', '/'))
}

function join(directory: string, name: string): string {
  if (directory === '' || name === '') return `${directory}${name}`
  return `${directory}/${name}`
}

function relative(path: string, depth: number): string {
  return depth === 0 ? path : path.split('/').slice(depth).join('/')
}
