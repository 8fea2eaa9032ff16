import type { SqlValue } from './ledger.ts'
import type { Batch, EncodedChange, EncodedEvent, Outcome } from './store-writer.ts'

/**
 * A batch on its way to the writer's thread: flat arrays and one block of bytes. A message is copied value by value, and
 * an object or a view in it costs far more than its contents; a view also takes the whole buffer along that it shows.
 */
export interface PackedBatch {
  readonly texts: readonly string[]
  /**
   * For each change the number of its statements and of its events; then for each statement the number of its text,
   * the number of its parameters, and the expected changes or -1.
   */
  readonly layout: readonly number[]
  /** Parameters and the members of events, in order; undefined stands for the next of the byte strings. */
  readonly values: readonly (Exclude<SqlValue, Uint8Array> | undefined)[]
  readonly byteLengths: readonly number[]
  /** The byte strings, one after the other; a copy, so it can be given away. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Makes a batch cheap to copy. */
export function packBatch({ texts, changes }: Batch): PackedBatch {
  const layout: number[] = []
  const values: (Exclude<SqlValue, Uint8Array> | undefined)[] = []
  const byteStrings: Uint8Array[] = []
  for (const { statements, events } of changes) {
    layout.push(statements.length, events.length)
    for (const [text, parameters, expected] of statements) {
      layout.push(text, parameters.length, expected)
      for (const parameter of parameters) {
        if (parameter instanceof Uint8Array) {
          byteStrings.push(parameter)
          values.push(undefined)
        } else {
          values.push(parameter)
        }
      }
    }
    for (const { organizationId, at, type, actorId, objectId, record } of events) {
      values.push(organizationId, at, type, actorId, objectId, record)
    }
  }
  const byteLengths = byteStrings.map(({ length }) => length)
  return { texts, layout, values, byteLengths, bytes: concatenate(byteStrings) }
}

function concatenate(byteStrings: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteStrings.reduce((total, { length }) => total + length, 0))
  let offset = 0
  for (const byteString of byteStrings) {
    bytes.set(byteString, offset)
    offset += byteString.length
  }
  return bytes
}

/** The batch as it was before {@link packBatch}. */
export function unpackBatch(packed: PackedBatch): Batch {
  const { texts, layout, values, byteLengths, bytes } = packed
  let [inLayout, inValues, inLengths, inBytes] = [0, 0, 0, 0]
  const nextNumber = (): number => layout[inLayout++] ?? 0
  const nextValue = (): SqlValue => {
    const value = values[inValues++]
    if (value !== undefined) return value
    const start = inBytes
    inBytes += byteLengths[inLengths++] ?? 0
    return bytes.subarray(start, inBytes)
  }
  const nextStatement = (): EncodedChange['statements'][number] => {
    const text = nextNumber()
    const parameters: SqlValue[] = []
    for (let left = nextNumber(); left > 0; left -= 1) parameters.push(nextValue())
    return [text, parameters, nextNumber()]
  }
  const nextEvent = (): EncodedEvent => ({
    organizationId: nextValue() as string,
    at: nextValue() as number,
    type: nextValue() as string,
    actorId: nextValue() as string | null,
    objectId: nextValue() as string | null,
    record: nextValue() as string,
  })
  const changes: EncodedChange[] = []
  while (inLayout < layout.length) {
    const statements: EncodedChange['statements'][number][] = []
    const events: EncodedEvent[] = []
    const statementCount = nextNumber()
    const eventCount = nextNumber()
    for (let left = statementCount; left > 0; left -= 1) statements.push(nextStatement())
    for (let left = eventCount; left > 0; left -= 1) events.push(nextEvent())
    changes.push({ statements, events })
  }
  return { texts, changes }
}

/** The outcomes of a batch on their way back. */
export interface PackedOutcomes {
  /** How many events each change has, or -1 where it was refused. */
  readonly counts: readonly number[]
  /** The numbers of all events, in order. */
  readonly numbers: readonly number[]
  /** Of the refused changes, in order. */
  readonly refusals: readonly Outcome[]
}

/** Makes outcomes cheap to copy. */
export function packOutcomes(outcomes: readonly Outcome[]): PackedOutcomes {
  const counts: number[] = []
  const numbers: number[] = []
  const refusals: Outcome[] = []
  for (const outcome of outcomes) {
    if ('numbers' in outcome) {
      counts.push(outcome.numbers.length)
      numbers.push(...outcome.numbers)
    } else {
      counts.push(-1)
      refusals.push(outcome)
    }
  }
  return { counts, numbers, refusals }
}

/** The outcomes as they were before {@link packOutcomes}. */
export function unpackOutcomes({ counts, numbers, refusals }: PackedOutcomes): readonly Outcome[] {
  let inNumbers = 0
  let inRefusals = 0
  return counts.map((count) => {
    const refusal = count === -1 ? refusals[inRefusals++] : undefined
    if (refusal !== undefined) return refusal
    const start = inNumbers
    inNumbers += count
    return { numbers: numbers.slice(start, inNumbers) }
  })
}
