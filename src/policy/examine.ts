import { setImmediate } from 'node:timers/promises'
import { ChanceryError } from '../errors/chancery-error.ts'
import { normaliseRepository } from '../format/oci-reference.ts'
import {
  MAX_PAYLOAD_BYTES,
  parseSimpleSigning,
  resemblesSimpleSigning,
  type SimpleSigningPayload,
} from '../format/simple-signing.ts'
import { shorten } from './configuration-xml.ts'
import { evaluateImageIdentity, parseImagePattern, type ImagePattern } from './image-identity.ts'
import type { PlannedFile } from './signing-plan.ts'

/** What a signing policy says about the files it signs. */
export interface ExaminationRules {
  /** Image identities a Cosign metadata file may name; `parseImagePattern` has the language. None are allowed by none. */
  readonly allowedImages: readonly string[]
  /** Whether files that are not Cosign metadata may be signed. */
  readonly allowOtherFiles: boolean
}

/** What a Cosign metadata file says. */
export interface ExaminedImage {
  /** The file inside the artifact. */
  readonly path: string
  /** `critical.identity.docker-reference`, as the file has it. */
  readonly dockerReference: string
  /** Registry and repository, normalised: `docker.io/library/busybox`. */
  readonly repository: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly digest: string
  /** Without annotations, empty. */
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Why one file is not signed. */
export interface DenialReason {
  readonly path: string
  /**
   * What of the policy says so: `allowedImages` (the image is not among them), `allowOtherFiles` (they are not
   * allowed), or `cosignMetadata` (the file could be taken for Cosign metadata and is malformed; no policy allows that).
   */
  readonly rule: 'allowedImages' | 'allowOtherFiles' | 'cosignMetadata'
  /** What was found: the image's name, what is malformed, or the file's path. */
  readonly value: string
  /** One sentence without a full stop: what was found and which rules it does not meet. */
  readonly reason: string
  /** One sentence: what to do about it. */
  readonly fix: string
}

/** Whether all planned files may be signed. */
export type ExaminationDecision =
  | { readonly allowed: true }
  /** At least one reason; at most one for each file. */
  | { readonly allowed: false; readonly reasons: readonly DenialReason[] }

/** What is in the files that are to be signed, and what the policy says to it. */
export interface Examination {
  /** Every well-formed metadata file whose image has a name, allowed or not, in the plan's order; none where no file was read. */
  readonly images: readonly ExaminedImage[]
  readonly decision: ExaminationDecision
}

type ExaminedFile = Pick<PlannedFile, 'path' | 'size' | 'read' | 'readInBackground'>
interface ExaminedPlan {
  readonly files: readonly ExaminedFile[]
}

/**
 * Holds the files of a plan against a policy, each once however many signatures it gets. One file that may not be signed denies the whole request.
 *
 * A file is Cosign metadata if it is so strictly; a file that merely resembles it is denied under every policy, because
 * another reader could take it for metadata of an image that the policy does not allow.
 *
 * A file that is larger than any Cosign metadata is denied by its size where the policy allows no other files, and
 * then no file is read.
 *
 * @throws ChanceryError ERR_POLICY_IMAGE_PATTERN if a rule is malformed; as `read` of the files.
 */
export function examine(plan: ExaminedPlan, rules: ExaminationRules): Examination {
  const running = new RunningExamination(plan, rules)
  for (const file of running.unread) running.add(file.path, file.read())
  return running.finish()
}

/**
 * As {@link examine}, for files that are large together: reads them on another thread, one at a time, and lets other
 * work run between them.
 *
 * @throws ChanceryError as {@link examine}.
 */
export async function examineInBackground(
  plan: ExaminedPlan,
  rules: ExaminationRules,
): Promise<Examination> {
  const running = new RunningExamination(plan, rules)
  for (const file of running.unread) {
    running.add(file.path, await file.readInBackground())
    await setImmediate()
  }
  return running.finish()
}

class RunningExamination {
  /** The files to examine, each once; none where a size alone decides. */
  readonly unread: Iterable<ExaminedFile>
  readonly #images: ExaminedImage[] = []
  readonly #reasons: DenialReason[] = []
  readonly #patterns: readonly ImagePattern[]
  readonly #rules: ExaminationRules

  constructor({ files }: ExaminedPlan, rules: ExaminationRules) {
    this.#rules = rules
    this.#patterns = patternsOf(rules.allowedImages)
    const unread = new Map(files.map((file) => [file.path, file]))
    if (!rules.allowOtherFiles) {
      for (const { path, size } of unread.values()) {
        if (size > MAX_PAYLOAD_BYTES) this.#reasons.push(tooLarge(path, size))
      }
    }
    this.unread = this.#reasons.length > 0 ? [] : unread.values()
  }

  add(path: string, bytes: Uint8Array): void {
    const payload = readMetadata(bytes)
    if (payload === null) {
      if (!this.#rules.allowOtherFiles) this.#reasons.push(otherFile(path))
    } else if (payload instanceof ChanceryError) {
      this.#reasons.push(malformed(path, payload))
    } else {
      const reason = examineImage(path, payload, this.#patterns, this.#images)
      if (reason !== undefined) this.#reasons.push(reason)
    }
  }

  finish(): Examination {
    const reasons = this.#reasons
    const decision =
      reasons.length === 0 ? { allowed: true as const } : { allowed: false as const, reasons }
    return { images: this.#images, decision }
  }
}

/** The metadata; the error, if the file resembles metadata but is malformed; null for any other file. */
function readMetadata(bytes: Uint8Array): SimpleSigningPayload | ChanceryError | null {
  try {
    return parseSimpleSigning(bytes)
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error
    return resemblesSimpleSigning(bytes) ? error : null
  }
}

function examineImage(
  path: string,
  payload: SimpleSigningPayload,
  patterns: readonly ImagePattern[],
  images: ExaminedImage[],
): DenialReason | undefined {
  const { dockerReference, manifestDigest, annotations } = payload
  const allowed = ALLOWED_NAMES.get(patterns)?.get(dockerReference)
  const repository = allowed ?? repositoryOf(dockerReference)
  if (repository !== undefined) {
    images.push({
      path,
      dockerReference,
      repository,
      digest: manifestDigest,
      annotations: annotations ?? {},
    })
  }
  if (allowed !== undefined) return undefined
  const identity = evaluateImageIdentity(patterns, dockerReference)
  if (identity.allowed && repository !== undefined) {
    rememberAllowed(patterns, dockerReference, repository)
    return undefined
  }
  return {
    path,
    rule: 'allowedImages',
    value: repository ?? dockerReference,
    reason: identity.reason,
    fix: identity.fix ?? '',
  }
}

function repositoryOf(dockerReference: string): string | undefined {
  try {
    return normaliseRepository(dockerReference)
  } catch (error) {
    if (error instanceof ChanceryError) return undefined
    throw error
  }
}

function malformed(path: string, error: ChanceryError): DenialReason {
  return {
    path,
    rule: 'cosignMetadata',
    value: error.message,
    reason: `the file looks like Cosign metadata, but is not: ${error.message}`,
    fix: error.hints[0] ?? 'Make the file with "chancery generate" or "cosign generate".',
  }
}

function tooLarge(path: string, size: number): DenialReason {
  return {
    ...otherFile(path),
    reason:
      `the file has ${size} bytes, expected at most ${MAX_PAYLOAD_BYTES} bytes, as Cosign metadata has; ` +
      'the signing policy allows no other files',
  }
}

function otherFile(path: string): DenialReason {
  return {
    path,
    rule: 'allowOtherFiles',
    value: path,
    reason: 'the file is not Cosign metadata, and the signing policy allows no other files',
    fix: 'Submit the output of "chancery generate" or "cosign generate", or have allowOtherFiles switched on in the signing policy.',
  }
}

/** Policies are immutable versions, so their rules are read once for each. */
const KNOWN_PATTERNS = new WeakMap<readonly string[], readonly ImagePattern[]>()

function patternsOf(allowedImages: readonly string[]): readonly ImagePattern[] {
  const known = KNOWN_PATTERNS.get(allowedImages) ?? allowedImages.map(parseImagePattern)
  KNOWN_PATTERNS.set(allowedImages, known)
  return known
}

/** Names that rules allow, and their normalised form: most requests name an image that was signed before. */
const ALLOWED_NAMES = new WeakMap<readonly ImagePattern[], Map<string, string>>()
const MAX_ALLOWED_NAMES = 1000

function rememberAllowed(
  patterns: readonly ImagePattern[],
  dockerReference: string,
  repository: string,
): void {
  const known = ALLOWED_NAMES.get(patterns) ?? new Map<string, string>()
  if (known.size >= MAX_ALLOWED_NAMES) known.clear()
  ALLOWED_NAMES.set(patterns, known.set(dockerReference, repository))
}

const MAX_DESCRIBED = 5

/**
 * Puts a denial into words for the submitter: one sentence with the first five files, and what to do, each thing once.
 */
export function describeDenial(reasons: readonly DenialReason[]): {
  readonly reason: string
  readonly hints: readonly string[]
} {
  const described = reasons.slice(0, MAX_DESCRIBED)
  const sentences = described.map(({ path, reason }) => `${shorten(path)}: ${reason}`)
  const others = reasons.length - described.length
  if (others > 0) sentences.push(`and ${others} more ${others === 1 ? 'file' : 'files'}`)
  return {
    reason: sentences.join('; '),
    hints: [...new Set(described.map(({ fix }) => fix))],
  }
}
