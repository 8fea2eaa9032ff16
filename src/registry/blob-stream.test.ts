import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifiedChunks } from './blob-stream.ts'
import { digestOf } from './received-bytes.ts'

const content = new TextEncoder().encode('first and last')
const halves = [content.subarray(0, 6), content.subarray(6)]
const blob = { digest: digestOf(content), size: content.length }
const NOTHING = new Uint8Array()

function* repeated(chunk: Uint8Array): Generator<Uint8Array> {
  for (let count = 0; count < 1000; count++) yield chunk
  assert.fail('read on after more than the blob has')
}

async function* asynchronous(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}

/** What is passed on of these pieces, and whether it ends well. */
async function passOn(chunks: Iterable<Uint8Array>, expected = blob) {
  const passed: Uint8Array[] = []
  try {
    const verified = verifiedChunks(asynchronous(chunks), expected, 'registry.acme.test')
    for await (const piece of verified) passed.push(piece)
    return { bytes: Buffer.concat(passed), code: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(passed), code: (error as { readonly code?: unknown }).code }
  }
}

describe('verifiedChunks', () => {
  it('passes a blob on, however it is cut', async () => {
    for (const chunks of [[content], halves, [NOTHING, ...halves, NOTHING]]) {
      assert.deepEqual(await passOn(chunks), { bytes: Buffer.from(content), code: undefined })
    }
    const empty = { digest: digestOf(NOTHING), size: 0 }
    for (const chunks of [[], [NOTHING]]) {
      assert.deepEqual(await passOn(chunks, empty), { bytes: Buffer.alloc(0), code: undefined })
    }
  })

  it('never completes a wrong one, not even where an empty piece is the last', async () => {
    const other = Uint8Array.from(content, (byte, at) => (at === 0 ? byte ^ 1 : byte))
    for (const chunks of [
      [other],
      [other, NOTHING],
      [...halves.slice(0, 1), other.subarray(6, 7), other.subarray(8)],
      [other.subarray(0, 6), other.subarray(6), NOTHING, NOTHING],
      [...halves, NOTHING, Uint8Array.of(0)],
    ]) {
      const { bytes, code } = await passOn(chunks)
      assert.equal(code, 'ERR_REGISTRY_DIGEST')
      const whole = Buffer.concat(chunks)
      assert.ok(bytes.length < whole.length, `passed ${bytes.length} of ${whole.length} bytes on`)
    }
  })

  it('stops to read where there is more than the blob has', async () => {
    assert.equal((await passOn(repeated(content))).code, 'ERR_REGISTRY_DIGEST')
  })
})
