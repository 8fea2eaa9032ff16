import type { SqlValue } from './ledger.ts'

/** A condition with the values of its placeholders. */
export interface ImageCondition {
  /** On the columns of `signing_request_images`, of which `place >> 20` is the number of the request. */
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

/** As the index of the digests has them: which 1024 requests, for each that the store has. */
const SLICES =
  'WITH RECURSIVE slices (slice) AS (SELECT 0 UNION ALL SELECT slice + 1 FROM slices WHERE slice < (SELECT max(place) >> 30 FROM signing_request_images)) SELECT slice FROM slices'

/**
 * Finds the images of an organization by what they are, through the table's indexes. That of the digests holds 12 digits
 * of each; it is looked at once for every 1024 requests, and the plus keeps SQLite from going through all images of the
 * organization instead.
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
        sql: `place >> 30 IN (${SLICES}) AND substr(digest, 8, 12) = ? AND digest = ? AND +organization_id = ?`,
        parameters: [value.slice(7, 19), value, organizationId],
      }
}
