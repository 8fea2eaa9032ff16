import { ChanceryError } from '../errors/chancery-error.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import { resemblesPae } from '../format/dsse.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import {
  MAX_PAYLOAD_BYTES,
  parseSimpleSigning,
  resemblesSimpleSigning,
  type SimpleSigningPayload,
} from '../format/simple-signing.ts'
import type { DenialReason } from './denial.ts'
import {
  denyFormat,
  examineStatement,
  maxStatementBytes,
  type ExaminedStatement,
  type StatementRules,
} from './examine-statement.ts'
import { ImageNames, repositoryOf } from './image-names.ts'
import type { PlannedFile } from './signing-plan.ts'

/** What a signing policy says about the files it signs. */
export interface ExaminationRules extends StatementRules {
  /** Image identities that metadata and statements may name; `parseImagePattern` has the language. None are allowed by none. */
  readonly allowedImages: readonly string[]
  /** Whether files that are neither Cosign metadata nor statements may be signed. */
  readonly allowOtherFiles: boolean
}

/** An image that is spoken of, in a Cosign metadata file, in a statement, or in both alike. */
export interface ExaminedImage {
  /** The file inside the artifact; where both say the same, the one that comes first. */
  readonly path: string
  /** `critical.identity.docker-reference`, or the name of the statement's subject, as the file has it. */
  readonly dockerReference: string
  /** Registry and repository, normalised: `docker.io/library/busybox`. */
  readonly repository: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly digest: string
  /** Without annotations, empty. */
  readonly annotations: Readonly<Record<string, unknown>>
  /** Of the statement; absent where only a metadata file speaks of the image. */
  readonly predicateType?: string
  /** The file with the statement; absent where only a metadata file speaks of the image. */
  readonly statementPath?: string
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

type ExaminedFile = Pick<PlannedFile, 'path' | 'size' | 'read'>
interface ExaminedPlan {
  readonly files: readonly ExaminedFile[]
}

/**
 * Holds the files of a plan against a policy, each once however many signatures it gets. One file that may not be signed denies the whole request.
 *
 * A file is Cosign metadata if it is so strictly; a file that merely resembles it is denied under every policy, because
 * another reader could take it for metadata of an image that the policy does not allow. The same holds for what DSSE
 * signs: a signature over a file that starts like a pre-authentication encoding is one over the statement in it, so that
 * it has to be a statement that the policy allows.
 *
 * A file that is larger than anything the policy signs is denied by its size where it allows no other files, and then no
 * file is read.
 *
 * @throws ChanceryError ERR_POLICY_IMAGE_PATTERN if a rule is malformed; as `read` of the files.
 */
export function examine(plan: ExaminedPlan, rules: ExaminationRules): Examination {
  const running = new RunningExamination(plan, rules)
  for (const file of running.unread) running.add(file.path, file.read())
  return running.finish()
}

/** The most images that statements may name in one request. */
const MAX_IMAGES = 10_000

/** The most that the annotations of all images of a request may have as JSON: they are kept with it, in every answer and event. */
const MAX_ANNOTATION_CHARACTERS = 1024 * 1024

class RunningExamination {
  /** The files to examine, each once; none where a size alone decides. */
  readonly unread: Iterable<ExaminedFile>
  readonly #images: ExaminedImage[] = []
  readonly #statements: { readonly path: string; readonly statement: ExaminedStatement }[] = []
  readonly #reasons: DenialReason[] = []
  readonly #names: ImageNames
  readonly #rules: ExaminationRules
  #subjects = 0
  #annotationCharacters = 0

  constructor({ files }: ExaminedPlan, rules: ExaminationRules) {
    this.#rules = rules
    this.#names = new ImageNames(rules.allowedImages)
    const unread = new Map(files.map((file) => [file.path, file]))
    if (!rules.allowOtherFiles) {
      const maxBytes = Math.max(MAX_PAYLOAD_BYTES, maxStatementBytes(rules))
      for (const { path, size } of unread.values()) {
        if (size > maxBytes) this.#reasons.push(tooLarge(path, size, maxBytes))
      }
    }
    this.unread = this.#reasons.length > 0 ? [] : unread.values()
  }

  add(path: string, bytes: Uint8Array): void {
    const denial = resemblesPae(bytes)
      ? this.#addStatement(path, bytes)
      : this.#addFile(path, bytes)
    if (denial !== undefined) this.#reasons.push({ path, ...denial })
  }

  #addFile(path: string, bytes: Uint8Array): Omit<DenialReason, 'path'> | undefined {
    const payload = readMetadata(bytes)
    if (payload === null) return this.#rules.allowOtherFiles ? undefined : otherFile(path)
    if (payload instanceof ChanceryError) return malformed(payload)
    if (!this.#keepsAnnotations(payload.annotations)) return tooManyAnnotations('cosignMetadata')
    const { dockerReference, manifestDigest: digest, annotations } = payload
    const { repository, denial } = this.#names.examine(dockerReference, 'metadata file')
    if (repository !== undefined) {
      this.#images.push({
        path,
        dockerReference,
        repository,
        digest,
        annotations: annotations ?? {},
      })
    }
    const { signatureFormats } = this.#rules
    if (denial !== undefined || signatureFormats.includes('legacy')) return denial
    return denyFormat('legacy', signatureFormats)
  }

  #addStatement(path: string, bytes: Uint8Array): Omit<DenialReason, 'path'> | undefined {
    const statement = examineStatement(bytes, this.#rules)
    if ('rule' in statement) return statement
    this.#subjects += statement.subjects.length
    if (this.#subjects > MAX_IMAGES) return tooMany()
    for (const { annotations } of statement.subjects) {
      if (!this.#keepsAnnotations(annotations)) return tooManyAnnotations('statement')
    }
    this.#statements.push({ path, statement })
    for (const { name } of statement.subjects) {
      const { denial } = this.#names.examine(name, 'statement')
      if (denial !== undefined) return denial
    }
    return undefined
  }

  #keepsAnnotations(annotations: Readonly<Record<string, unknown>> | null): boolean {
    if (annotations === null || Object.keys(annotations).length === 0) return true
    this.#annotationCharacters += JSON.stringify(annotations).length
    return this.#annotationCharacters <= MAX_ANNOTATION_CHARACTERS
  }

  finish(): Examination {
    const reasons = this.#reasons
    const decision =
      reasons.length === 0 ? { allowed: true as const } : { allowed: false as const, reasons }
    return { images: this.#statements.length === 0 ? this.#images : this.#merged(), decision }
  }

  /** A statement that says the same of an image as a metadata file makes no second image. */
  #merged(): readonly ExaminedImage[] {
    const images: ExaminedImage[] = [...this.#images]
    const places = new Map<string, number>()
    const placeOf = (image: ExaminedImage, predicateType: string, otherwise: number): number => {
      const key = keyOf(image, predicateType)
      const place = places.get(key) ?? otherwise
      places.set(key, place)
      return place
    }
    for (const [at, image] of images.entries()) placeOf(image, COSIGN_SIGNATURE_PREDICATE, at)
    for (const { path, statement } of this.#statements) {
      const { predicateType } = statement
      for (const { name, digest, annotations } of statement.subjects) {
        const repository = repositoryOf(name)
        if (repository === undefined) continue
        const named = { path, dockerReference: name, repository, digest, annotations }
        const place = placeOf(named, predicateType, images.length)
        const image = images[place] ?? named
        images[place] = { statementPath: path, ...image, predicateType }
      }
    }
    return images
  }
}

function keyOf({ repository, digest, annotations }: ExaminedImage, predicateType: string): string {
  return canonicalJson([repository, digest, annotations, predicateType])
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

function malformed(error: ChanceryError): Omit<DenialReason, 'path'> {
  return {
    rule: 'cosignMetadata',
    value: error.message,
    reason: `the file looks like Cosign metadata, but is not: ${error.message}`,
    fix: error.hints[0] ?? 'Make the file with "chancery generate" or "cosign generate".',
  }
}

function tooMany(): Omit<DenialReason, 'path'> {
  return {
    rule: 'statement',
    value: `more than ${MAX_IMAGES}`,
    reason: `the statements of the request name more than ${MAX_IMAGES} images together`,
    fix: 'Submit the statements in several requests.',
  }
}

function tooManyAnnotations(rule: 'cosignMetadata' | 'statement'): Omit<DenialReason, 'path'> {
  return {
    rule,
    value: `more than ${MAX_ANNOTATION_CHARACTERS} characters`,
    reason: `the annotations of the request's images have more than ${MAX_ANNOTATION_CHARACTERS} characters together, as JSON`,
    fix: 'Annotate less, put the contents into the predicate of an attestation, or submit the files in several requests.',
  }
}

function tooLarge(path: string, size: number, maxBytes: number): DenialReason {
  return {
    ...otherFile(path),
    path,
    reason:
      `the file has ${size} bytes, expected at most ${maxBytes} bytes, as Cosign metadata and statements have; ` +
      'the signing policy allows no other files',
  }
}

function otherFile(path: string): Omit<DenialReason, 'path'> {
  return {
    rule: 'allowOtherFiles',
    value: path,
    reason: 'the file is not Cosign metadata, and the signing policy allows no other files',
    fix: 'Submit the output of "chancery generate" or "cosign generate", or have allowOtherFiles switched on in the signing policy.',
  }
}
