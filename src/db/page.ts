import { setImmediate } from 'node:timers/promises'

/** What a page is read from: rows with numbers, which tell their order. */
export interface NumberedRows<Row> {
  readonly order: 'ASC' | 'DESC'
  /** Between which numbers the rows are, both inclusive. */
  readonly lowest: number
  readonly highest: number
  /**
   * Where a stretch that begins at a number, and goes in the order, ends: with so many rows that nobody waits for looking at
   * them. Undefined where all the rest is one stretch.
   */
  endOfStretch(from: number): number | undefined
  /** The rows looked for, of a stretch from `low` to `high`, both inclusive, in order. It may not be read to its end. */
  read(low: number, high: number): Iterable<Row>
  /** What a row weighs: the length of its text. */
  weigh(row: Row): number
}

/** A page, and whether there may be rows behind it. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly isMore: boolean
}

/** What the rows of a page weigh together at most, unless it is one row. */
export const MAX_PAGE_WEIGHT = 1024 * 1024

/**
 * Reads rows until there are enough of them, or they are heavy enough: the work for an answer is bounded however much is
 * stored in a row, and however many rows are not what is looked for. Other work runs between two stretches.
 *
 * @param limit At least 1.
 */
export async function readPage<Row>(
  numbered: NumberedRows<Row>,
  limit: number,
): Promise<Page<Row>> {
  const rows: Row[] = []
  let weight = 0
  for (const [low, high, isLast] of stretchesOf(numbered)) {
    for (const row of numbered.read(low, high)) {
      weight += numbered.weigh(row)
      const isFull = rows.length === limit || (weight > MAX_PAGE_WEIGHT && rows.length > 0)
      if (isFull) return { rows, isMore: true }
      rows.push(row)
    }
    if (!isLast) await setImmediate()
  }
  return { rows, isMore: false }
}

type Stretch = readonly [low: number, high: number, isLast: boolean]

function* stretchesOf(numbered: NumberedRows<unknown>): Generator<Stretch, void> {
  const isUp = numbered.order === 'ASC'
  let { lowest: low, highest: high } = numbered
  while (low <= high) {
    const end = numbered.endOfStretch(isUp ? low : high)
    if (end === undefined || end <= low || end >= high) {
      yield [low, high, true]
      return
    }
    if (isUp) {
      yield [low, end, false]
      low = end + 1
    } else {
      yield [end, high, false]
      high = end - 1
    }
  }
}
