import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { errorFromProblem } from './problem.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

describe('problem documents', () => {
  it('become the error that the server threw', () => {
    const body = {
      type: 'urn:chancery:error:ERR_FORMAT_GUID',
      title: 'Not a GUID',
      status: 400,
      detail: 'expected a GUID',
      hints: ['Look again.'],
    }
    const error = errorFromProblem(400, bytes(body))
    assert.deepEqual(
      [error.code, error.message, error.hints, error.exitCode],
      ['ERR_FORMAT_GUID', 'expected a GUID', ['Look again.'], 2],
    )
  })

  const byStatus = [
    [400, 'ERR_CLIENT_INVALID', 2],
    [401, 'ERR_CLIENT_UNAUTHENTICATED', 3],
    [403, 'ERR_CLIENT_DENIED', 3],
    [404, 'ERR_CLIENT_MISSING', 4],
    [409, 'ERR_CLIENT_CONFLICT', 5],
    [415, 'ERR_CLIENT_INVALID', 2],
    [422, 'ERR_CLIENT_REFUSED', 1],
    [429, 'ERR_CLIENT_UNAVAILABLE', 6],
    [500, 'ERR_CLIENT_UNAVAILABLE', 6],
    [503, 'ERR_CLIENT_UNAVAILABLE', 6],
  ] as const
  for (const [status, code, exitCode] of byStatus) {
    it(`of an unknown code go by their status ${status}`, () => {
      const types = [
        'urn:chancery:error:ERR_OF_LATER',
        'urn:chancery:error:toString',
        'about:blank',
        7,
      ]
      for (const type of types) {
        const error = errorFromProblem(status, bytes({ type, detail: 'd' }))
        assert.deepEqual([error.code, error.message, error.exitCode], [code, 'd', exitCode])
      }
    })
  }

  it('may be anything at all', () => {
    for (const body of [
      [],
      null,
      'x',
      1,
      { detail: 7, hints: {}, errors: [] },
      { errors: { a: 'b' } },
    ]) {
      assert.equal(
        errorFromProblem(400, bytes(body)).message,
        'the server answered with status 400',
      )
    }
    const html = new TextEncoder().encode('<html>')
    assert.equal(errorFromProblem(502, html).code, 'ERR_CLIENT_UNAVAILABLE')
    assert.equal(errorFromProblem(400, new Uint8Array()).code, 'ERR_CLIENT_INVALID')
  })

  it('show the messages by field that older servers send', () => {
    const errors = { SigningPolicySlug: ['There is no such policy.'], '': ['No.'] }
    assert.equal(
      errorFromProblem(400, bytes({ title: 'Validation', errors })).message,
      'SigningPolicySlug: There is no such policy.; No.',
    )
  })

  it('cannot move the cursor of a terminal, nor fill it', () => {
    const detail = `a\u001b[2Jb\nhint: c${'x'.repeat(5000)}`
    const error = errorFromProblem(400, bytes({ detail }))
    assert.ok(!/[\u001b\n]/.test(error.message))
    assert.equal(error.message.length, 2000)
  })
})
