import { ChanceryError } from '../errors/chancery-error.ts'
import {
  inLibrary,
  isDockerHub,
  normaliseRepository,
  splitRegistry,
} from '../format/oci-reference.ts'
import { matchesRuns } from '../format/wildcard.ts'

/** A parsed rule of a signing policy's allowed images; see {@link parseImagePattern}. */
export interface ImagePattern {
  /** The rule as the policy has it. */
  readonly text: string
  /** Host and port in lower case, `docker.io` for Docker Hub; `*` for every registry. */
  readonly registry: string
  /** The segments of the repository's path; `*` is any run of characters in one, `**` one or more whole segments. */
  readonly segments: readonly string[]
}

/** Whether a policy's rules allow an image, in words that can be shown to the submitter. */
export interface ImageIdentityDecision {
  readonly allowed: boolean
  /** The rule that allows the image, as the policy has it; null if none does. */
  readonly rule: string | null
  /** One sentence that names the image and the rules. */
  readonly reason: string
  /** What to do about a denial; null if the image is allowed. */
  readonly fix: string | null
}

const MAX_PATTERN = 500
const MAX_SHOWN = 200
const RULES_SHOWN = 10
const PATH_SEGMENT = /^[a-z0-9._*-]+$/
const REGISTRY = /^(?:\[[0-9a-f:]+\]|[a-z0-9.*-]+)(?::(?:[0-9]{1,5}|\*))?$/

/**
 * Reads a rule such as `registry.acme.test/team/app`, `registry.acme.test/team-*`, `registry.acme.test/**` or
 * `docker.io/library/*`.
 *
 * The rule covers the whole name of a repository. In a path segment `*` stands for any run of characters, also an
 * empty one, but no slash; `**`, as a whole segment, for one or more segments. In the registry `*` stays within one
 * label of the host or the port (`*.acme.test`, `localhost:*`); alone it stands for every registry. A name without a
 * registry is on Docker Hub, whose names all have one form (see `normaliseRepository`).
 *
 * @param text At most 500 characters, in lower case but for the registry.
 * @throws ChanceryError ERR_POLICY_IMAGE_PATTERN if the text is no such rule, or leaves open which registry it means.
 */
export function parseImagePattern(text: string): ImagePattern {
  if (text.length > MAX_PATTERN) throw refused(text, `at most ${MAX_PATTERN} characters`)
  const { registry, path } = splitPattern(text)
  const host = registry.toLowerCase()
  if (!REGISTRY.test(host) || host.includes('**')) {
    throw refused(text, 'a registry such as "registry.acme.test" or "localhost:5000" at its start')
  }
  const isHub = isDockerHub(host)
  const segments = (isHub && path !== '**' ? inLibrary(path) : path).split('/')
  for (const segment of segments) checkSegment(text, segment)
  return { text, registry: isHub ? 'docker.io' : host, segments }
}

function splitPattern(text: string): { registry: string; path: string } {
  if (text.startsWith('*/')) return { registry: '*', path: text.slice(2) }
  const { registry, path } = splitRegistry(text)
  if (registry !== undefined) return { registry, path }
  const first = path.split('/')[0] ?? ''
  if (first === '*' || first === '**' || (first.includes('*') && path.includes('/'))) {
    throw refused(
      text,
      'the registry at its start: "docker.io/" for Docker Hub, "*/" for every registry',
    )
  }
  if (/^[^/]*[.:][^/]*$/.test(path)) throw refused(text, 'registry/repository without a tag')
  return { registry: 'docker.io', path }
}

function checkSegment(text: string, segment: string): void {
  if (segment === '**') return
  if (segment.includes('**')) throw refused(text, '"**" to be a whole segment')
  if (/[A-Z]/.test(segment)) throw refused(text, 'a repository in lower case')
  if (segment === '.' || segment === '..' || !PATH_SEGMENT.test(segment)) {
    throw refused(
      text,
      'segments of lower-case letters, digits, ".", "_", "-" and "*" between the slashes',
    )
  }
}

function refused(text: string, expected: string): ChanceryError {
  return new ChanceryError(
    'ERR_POLICY_IMAGE_PATTERN',
    `allowed image ${shown(text)}: expected ${expected}`,
    {
      field: 'allowedImages',
      hints: [
        'Write registry/repository without tag; "*" stands for characters within one segment, "**" for segments.',
      ],
    },
  )
}

function normalised(repository: string): string | undefined {
  try {
    return normaliseRepository(repository)
  } catch (error) {
    if (error instanceof ChanceryError) return undefined
    throw error
  }
}

function matchesName(pattern: ImagePattern, name: string): boolean {
  const [registry = '', ...path] = name.split('/')
  return matchesRegistry(pattern.registry, registry) && matchesPath(pattern.segments, path)
}

/** Label by label, so that `*` cannot reach over a dot or the colon before the port. */
function matchesRegistry(pattern: string, registry: string): boolean {
  if (pattern === '*') return true
  const labels = registry.split(/([.:])/)
  const wanted = pattern.split(/([.:])/)
  return (
    labels.length === wanted.length &&
    wanted.every((label, at) => matchesText(label, labels[at] ?? ''))
  )
}

function matchesPath(segments: readonly string[], path: readonly string[]): boolean {
  // One segment for the "one" of "one or more", and a run for the "more".
  const places = segments.flatMap((segment) => (segment === '**' ? ['*', '**'] : [segment]))
  return matchesRuns(
    places.length,
    path.length,
    (at) => places[at] === '**',
    (at, place) => matchesText(places[at] ?? '', path[place] ?? ''),
  )
}

function matchesText(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  return matchesRuns(
    pattern.length,
    text.length,
    (at) => pattern[at] === '*',
    (at, place) => pattern[at] === text[place],
  )
}

/**
 * Decides whether rules allow an image; the first that covers its whole name does. Without rules nothing is allowed.
 * Takes time in the order of the product of the lengths of a rule and the name.
 *
 * @param repository The `docker-reference` of a payload, or the name in a statement. untrusted: what is no repository
 *   name is denied.
 * @param file What names it, for messages.
 */
export function evaluateImageIdentity(
  patterns: readonly ImagePattern[],
  repository: string,
  file: 'metadata file' | 'statement' = 'metadata file',
): ImageIdentityDecision {
  const name = normalised(repository)
  if (name === undefined) {
    const program =
      file === 'statement'
        ? '"chancery generate --pae"'
        : '"chancery generate" or "cosign generate"'
    return denied(
      `the ${file} names ${shown(repository)}, which is not a repository (registry/repository, no tag or digest)`,
      `Make the ${file} with ${program}, and submit it unchanged.`,
    )
  }
  const pattern = patterns.find((candidate) => matchesName(candidate, name))
  if (pattern !== undefined) {
    const reason = `the rule ${shown(pattern.text)} allows ${shown(name)}`
    return { allowed: true, rule: pattern.text, reason, fix: null }
  }
  return denied(
    `the ${file} names ${shown(name)}, which ${rulesText(patterns)}`,
    `Submit it under a signing policy that allows ${shown(name)}, or have a rule for it added to this policy's allowed images.`,
  )
}

function denied(reason: string, fix: string): ImageIdentityDecision {
  return { allowed: false, rule: null, reason, fix }
}

function rulesText(patterns: readonly ImagePattern[]): string {
  if (patterns.length === 0) return 'the signing policy does not allow: it allows no images'
  const listed = patterns.slice(0, RULES_SHOWN).map((pattern) => shown(pattern.text))
  const others = patterns.length - listed.length
  return `no rule of the signing policy allows: ${listed.join(', ')}${others > 0 ? ` and ${others} more` : ''}`
}

/** Quotes a text so that nothing in it can hide: cut to 200 characters, everything but visible ASCII escaped. */
function shown(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text
  return JSON.stringify(cut).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
