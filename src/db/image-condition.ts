import type { SqlValue } from './ledger.ts'

/** A condition with the values of its placeholders. */
export interface ImageCondition {
  /** On the columns of `signing_request_images`. */
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

/**
 * Finds the images of an organization by what they are, through the table's indexes. That of the digests holds 12 digits
 * of each, and the plus keeps SQLite from going through all images of the organization instead.
 *
 * @param value A digest with its algorithm, or a normalised repository.
 */
export function imageCondition(
  organizationId: string,
  by: 'digest' | 'repository',
  value: string,
): ImageCondition {
  return by === 'repository'
    ? { sql: 'organization_id = ? AND repository = ?', parameters: [organizationId, value] }
    : {
        sql: 'substr(digest, 8, 12) = ? AND digest = ? AND +organization_id = ?',
        parameters: [value.slice(7, 19), value, organizationId],
      }
}
