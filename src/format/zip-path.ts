import { ChanceryError } from '../errors/chancery-error.ts'

const MAX_PATH = 4096
const MAX_SEGMENT = 260
const MAX_SEGMENTS = 64
const MAX_SHOWN = 120
const ASCII = /^[ -~]*$/

/**
 * Reads the name of an entry of a ZIP archive as a path: `\` becomes `/`, a slash at the end marks a directory and
 * is kept.
 *
 * A path is relative, has no drive letter, no empty segment, no `.` and `..`, no control character, at most 64
 * segments of 260 characters, 4,096 characters altogether. Whatever unpacks it stays in its directory.
 *
 * @param name untrusted: from an archive or a caller.
 * @throws ChanceryError ERR_FORMAT_ZIP if the name is anything else.
 */
export function parseZipPath(name: string): string {
  const path = name.replaceAll('\\', '/')
  if (name.length > MAX_PATH) throw refused(name, `names of at most ${MAX_PATH} characters`)
  if (/\p{Cc}/u.test(path) || !path.isWellFormed())
    throw refused(name, 'names without control characters')
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) throw refused(name, 'relative names')
  const segments = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
  if (segments.length > MAX_SEGMENTS)
    throw refused(name, `at most ${MAX_SEGMENTS} nested directories`)
  for (const segment of segments) {
    if (segment === '') throw refused(name, 'names without empty segments')
    if (segment === '.' || segment === '..')
      throw refused(name, 'names without "." and ".." segments')
    if (segment.length > MAX_SEGMENT) {
      throw refused(name, `segments of at most ${MAX_SEGMENT} characters`)
    }
  }
  return path
}

/** Equal for paths that some file system keeps in one place: without case (also that of `ẞ`) and in one normalization. */
function foldZipPath(path: string): string {
  if (ASCII.test(path)) return path.toLowerCase()
  return path.normalize('NFC').toLowerCase().toUpperCase().toLowerCase()
}

/** The paths of an archive, none of which may stand in the way of another when they are unpacked. */
export class ZipPaths {
  /** Files without, directories with a slash at the end. */
  readonly #listed = new Set<string>()
  /** Listed or not, without a slash at the end. */
  readonly #directories = new Set<string>()

  /**
   * Adds a path that {@link parseZipPath} returned.
   *
   * @returns False if it is there already, in whatever case, or if a file would have to be a directory as well.
   */
  add(path: string): boolean {
    const folded = foldZipPath(path)
    if (this.#listed.has(folded) || this.#directories.has(folded)) return false
    this.#listed.add(folded)
    return this.#addDirectories(folded)
  }

  #addDirectories(path: string): boolean {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const directory = path.slice(0, slash)
      if (this.#listed.has(directory)) return false
      // Whoever added this directory has added those around it.
      if (this.#directories.has(directory)) return true
      this.#directories.add(directory)
    }
    return true
  }
}

/** Quotes a name for a message: cut, and everything but visible ASCII escaped. */
export function shownZipName(name: string): string {
  const cut = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}...` : name
  return JSON.stringify(cut).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function refused(name: string, expected: string): ChanceryError {
  return new ChanceryError(
    'ERR_FORMAT_ZIP',
    `ZIP archive: expected ${expected}, found ${shownZipName(name)}`,
    { hints: ['Pack each file once, under a name relative to the top of the archive.'] },
  )
}
