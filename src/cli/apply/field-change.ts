/** One field of an object, as people read it; undefined where there was none. */
export interface FieldChange {
  readonly field: string
  readonly from: unknown
  readonly to: unknown
}

/** The fields that are wanted and differ. A wanted value of undefined asks for nothing; null and absent are the same. */
export function compareFields<Key extends string>(
  wanted: Readonly<Partial<Record<Key, unknown>>>,
  found: Readonly<Partial<Record<Key, unknown>>>,
  keys: readonly Key[],
): readonly FieldChange[] {
  return keys.flatMap((field) => {
    const to = wanted[field]
    const from = found[field] ?? undefined
    if (to === undefined || JSON.stringify(to) === JSON.stringify(from)) return []
    return [{ field, from, to }]
  })
}

/** A copy in code unit order, so that order does not count in a comparison. */
export function sortedTexts(texts: readonly string[] | undefined): readonly string[] | undefined {
  return texts === undefined ? undefined : [...new Set(texts)].sort()
}
