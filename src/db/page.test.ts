import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { MAX_PAGE_WEIGHT, readPage, type NumberedRows } from './page.ts'

interface Row {
  readonly number: number
  readonly weight: number
}

/** Rows in stretches of ten, of which those are looked for that `isFound` names. */
function numbered(
  stored: readonly Row[],
  order: 'ASC' | 'DESC',
  isFound: (row: Row) => boolean = () => true,
): NumberedRows<Row> & { readonly stretches: string[] } {
  const ordered = order === 'ASC' ? stored : stored.toReversed()
  const stretches: string[] = []
  return {
    order,
    lowest: 1,
    highest: Number.MAX_SAFE_INTEGER,
    endOfStretch(from) {
      const rest = ordered.filter(({ number }) =>
        order === 'ASC' ? number >= from : number <= from,
      )
      return rest[9]?.number
    },
    read(low, high) {
      stretches.push(`${low}-${high === Number.MAX_SAFE_INTEGER ? '' : high}`)
      return ordered.filter((row) => row.number >= low && row.number <= high && isFound(row))
    },
    weigh: ({ weight }) => weight,
    stretches,
  }
}

const rows = (count: number, weight = 1): readonly Row[] =>
  Array.from({ length: count }, (_, at) => ({ number: (at + 1) * 7, weight }))

describe('readPage', () => {
  it('reads as many rows as it is asked for, in order, and says whether there are more', async () => {
    const read = async (order: 'ASC' | 'DESC', limit: number) => {
      const page = await readPage(numbered(rows(25), order), limit)
      return [page.rows.map(({ number }) => number / 7), page.isMore]
    }
    assert.deepEqual(await read('ASC', 3), [[1, 2, 3], true])
    assert.deepEqual(await read('DESC', 3), [[25, 24, 23], true])
    assert.deepEqual(await read('ASC', 25), [Array.from({ length: 25 }, (_, at) => at + 1), false])
    assert.deepEqual(await read('DESC', 24), [Array.from({ length: 24 }, (_, at) => 25 - at), true])
  })

  it('ends a page where its rows are heavy, after one at least', async () => {
    const half = MAX_PAGE_WEIGHT / 2
    assert.equal((await readPage(numbered(rows(9, half), 'DESC'), 9)).rows.length, 2)
    const heavy = await readPage(numbered(rows(9, 3 * half), 'DESC'), 9)
    assert.deepEqual(heavy, { rows: [{ number: 63, weight: 3 * half }], isMore: true })
  })

  it('lets other work run between stretches in which nothing is found', async () => {
    const nothing = numbered(rows(100), 'ASC', ({ number }) => number === 700)
    let turns = 0
    const isOver = { yet: false }
    const page = readPage(nothing, 1).finally(() => {
      isOver.yet = true
    })
    while (!isOver.yet) {
      await setImmediate()
      turns += 1
    }
    assert.deepEqual(await page, { rows: [{ number: 700, weight: 1 }], isMore: false })
    assert.ok(turns >= 9, `${turns} turns`)
    assert.deepEqual(nothing.stretches.slice(0, 2), ['1-70', '71-140'])
  })

  it('goes through every number once, whichever way', async () => {
    const descending = numbered(rows(30), 'DESC', () => false)
    assert.deepEqual(await readPage(descending, 5), { rows: [], isMore: false })
    assert.deepEqual(descending.stretches, ['147-', '77-146', '7-76', '1-6'])
    assert.deepEqual(await readPage(numbered([], 'ASC'), 5), { rows: [], isMore: false })
  })
})
