import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StandardInput } from './standard-input.ts'

function inputOf(...pieces: readonly string[]): StandardInput {
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      await Promise.resolve()
      yield new TextEncoder().encode(piece)
    }
  }
  return new StandardInput(stream)
}

describe('standard input', () => {
  it('is the same text each time', async () => {
    const input = inputOf('a pass', 'word\n')
    assert.equal(await input.readText(), 'a password\n')
    assert.equal(await input.readText(), 'a password\n')
    await assert.rejects(async () => input.readBytes(100), { code: 'ERR_CLI_USAGE' })
  })

  it('is one document, and no password then', async () => {
    const input = inputOf('a ', 'file')
    assert.equal(Buffer.from(await input.readBytes(6)).toString(), 'a file')
    await assert.rejects(async () => input.readBytes(6), { code: 'ERR_CLI_USAGE' })
    await assert.rejects(async () => input.readText(), /cannot have a password/)
  })

  it('is not read beyond its limit', async () => {
    await assert.rejects(inputOf('a ', 'file').readBytes(5), { code: 'ERR_CLI_USAGE' })
    const mebibyte = 'x'.repeat(1024 * 1024)
    await assert.rejects(inputOf(mebibyte, 'x').readText(), { code: 'ERR_CLI_USAGE' })
  })
})
