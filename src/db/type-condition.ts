import type { SqlValue } from './ledger.ts'

/**
 * The types that nearly every signing request leaves. The index of the types is without them: they are half of any stretch of
 * the log, and entering them would cost as much as all other searches by type save.
 */
const FREQUENT = ['SigningRequest.Submitted', 'SigningRequest.Signed']

/** As the index of the types has it, so that SQLite knows it by its text. */
const IS_RARE = `type NOT IN (${FREQUENT.map((type) => `'${type}'`).join(', ')})`

/** A condition on `audit_events` with the values of its placeholders. */
export interface TypeCondition {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

/**
 * Finds events by their type, through the index of the types as far as it has them.
 *
 * @param type A type, or what types begin with and an asterisk: nothing else in it is a pattern.
 */
export function typeCondition(type: string): TypeCondition {
  if (!type.endsWith('*')) {
    const rare = FREQUENT.includes(type) ? '' : ` AND ${IS_RARE}`
    return { sql: `type = ?${rare}`, parameters: [type] }
  }
  const prefix = type.slice(0, -1)
  const rare = FREQUENT.some((frequent) => frequent.startsWith(prefix)) ? '' : ` AND ${IS_RARE}`
  // A range, so that the index serves it.
  return { sql: `type >= ? AND type < ?${rare}`, parameters: [prefix, `${prefix}\u{10ffff}`] }
}
