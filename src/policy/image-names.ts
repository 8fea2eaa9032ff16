import { ChanceryError } from '../errors/chancery-error.ts'
import { normaliseRepository } from '../format/oci-reference.ts'
import type { DenialReason } from './denial.ts'
import { evaluateImageIdentity, parseImagePattern, type ImagePattern } from './image-identity.ts'

/** What is to be said of the name of an image. */
export interface ExaminedName {
  /** Registry and repository, normalised; undefined if the name is none of a repository. */
  readonly repository: string | undefined
  /** Undefined if the rules allow the name. */
  readonly denial: Omit<DenialReason, 'path'> | undefined
}

/** Holds the names of images against the rules of a policy. */
export class ImageNames {
  readonly #patterns: readonly ImagePattern[]

  /**
   * @param allowedImages Of one version of a policy: rules are read once for each list.
   * @throws ChanceryError ERR_POLICY_IMAGE_PATTERN if a rule is malformed.
   */
  constructor(allowedImages: readonly string[]) {
    const known = KNOWN_PATTERNS.get(allowedImages) ?? allowedImages.map(parseImagePattern)
    KNOWN_PATTERNS.set(allowedImages, known)
    this.#patterns = known
  }

  /**
   * @param name `registry/repository`, as a file has it. untrusted.
   * @param file What the file is, for messages.
   */
  examine(name: string, file: 'metadata file' | 'statement'): ExaminedName {
    const allowed = ALLOWED_NAMES.get(this.#patterns)?.get(name)
    if (allowed !== undefined) return { repository: allowed, denial: undefined }
    const repository = repositoryOf(name)
    const identity = evaluateImageIdentity(this.#patterns, name, file)
    if (identity.allowed && repository !== undefined) {
      rememberAllowed(this.#patterns, name, repository)
      return { repository, denial: undefined }
    }
    return {
      repository,
      denial: {
        rule: 'allowedImages',
        value: repository ?? name,
        reason: identity.reason,
        fix: identity.fix ?? '',
      },
    }
  }
}

/** The normalised name of a repository, `docker.io/library/busybox`; undefined if the text is no such name. */
export function repositoryOf(name: string): string | undefined {
  try {
    return normaliseRepository(name)
  } catch (error) {
    if (error instanceof ChanceryError) return undefined
    throw error
  }
}

/** Policies are immutable versions, so their rules are read once for each. */
const KNOWN_PATTERNS = new WeakMap<readonly string[], readonly ImagePattern[]>()

/** Names that rules allow, and their normalised form: most requests name an image that was signed before. */
const ALLOWED_NAMES = new WeakMap<readonly ImagePattern[], Map<string, string>>()
const MAX_ALLOWED_NAMES = 1000

function rememberAllowed(
  patterns: readonly ImagePattern[],
  name: string,
  repository: string,
): void {
  const known = ALLOWED_NAMES.get(patterns) ?? new Map<string, string>()
  if (known.size >= MAX_ALLOWED_NAMES) known.clear()
  ALLOWED_NAMES.set(patterns, known.set(name, repository))
}
