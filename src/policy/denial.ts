import { shorten } from './configuration-xml.ts'

/** Why one file is not signed. */
export interface DenialReason {
  readonly path: string
  /**
   * What of the policy says so: `allowedImages` (the image is not among them), `signatureFormats` (signatures of this
   * form are not), `allowedPredicateTypes` (attestations of this type are not), `allowOtherFiles` (they are not
   * allowed). What no policy allows: `cosignMetadata` and `statement` (the file could be taken for one and is malformed,
   * or leaves open what it is about).
   */
  readonly rule:
    | 'allowedImages'
    | 'signatureFormats'
    | 'allowedPredicateTypes'
    | 'allowOtherFiles'
    | 'cosignMetadata'
    | 'statement'
  /** What was found: the image's name, the predicate type, what is malformed, or the file's path. */
  readonly value: string
  /** One sentence without a full stop: what was found and which rules it does not meet. */
  readonly reason: string
  /** One sentence: what to do about it. */
  readonly fix: string
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
