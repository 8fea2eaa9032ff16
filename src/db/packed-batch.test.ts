import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { packBatch, packOutcomes, unpackBatch, unpackOutcomes } from './packed-batch.ts'
import type { Batch, Outcome } from './store-writer.ts'

const text = fc.string({ maxLength: 8 })
const textOrNull = fc.option(text)
const value = fc.oneof(text, fc.integer(), fc.constant(null), fc.uint8Array({ maxLength: 9 }))
const statement = fc.tuple(fc.nat(9), fc.array(value, { maxLength: 5 }), fc.integer({ min: -1 }))
const event = fc.record({
  organizationId: text,
  at: fc.integer(),
  type: text,
  actorId: textOrNull,
  objectId: textOrNull,
  record: text,
})
const batch: fc.Arbitrary<Batch> = fc.record({
  texts: fc.array(text, { maxLength: 3 }),
  changes: fc.array(
    fc.record({
      statements: fc.array(statement, { maxLength: 4 }),
      events: fc.array(event, { maxLength: 4 }),
    }),
    { maxLength: 5 },
  ),
})
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ numbers: fc.array(fc.nat(), { maxLength: 4 }) }),
  fc.record({ code: fc.constant('ERR_DB_CONFLICT' as const), message: text }),
)

// Generated objects have no prototype; clones of them are ordinary ones.

describe('a packed batch', () => {
  it('is the batch again after the way to another thread', () => {
    fc.assert(
      fc.property(batch, (generated) => {
        const given = structuredClone(generated)
        assert.deepEqual(unpackBatch(structuredClone(packBatch(given))), given)
      }),
    )
  })

  it('holds a copy of the bytes, and nothing else of the buffer they are in', () => {
    const buffer = new Uint8Array(4096).fill(1)
    const statements = [[0, [buffer.subarray(8, 11)], -1]] as const
    const packed = packBatch({ texts: [], changes: [{ statements, events: [] }] })
    buffer.fill(2)
    assert.deepEqual(packed.bytes, new Uint8Array([1, 1, 1]))
    assert.equal(packed.bytes.buffer.byteLength, 3)
  })

  it('brings the outcomes back in order', () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 8 }), (generated) => {
        const outcomes = structuredClone(generated)
        assert.deepEqual(unpackOutcomes(structuredClone(packOutcomes(outcomes))), outcomes)
      }),
    )
  })
})
