import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Output } from './output.ts'

describe('what goes to a terminal', () => {
  it('has no control characters but line breaks, whoever wrote it', () => {
    let text = ''
    const output = new Output(
      { write: () => assert.fail() },
      { write: (line) => (text += String(line)) },
    )
    output.progress('a\u001b]0;b\u0007\nc\u009b2J\u202e')
    output.warn('d\u001b')
    assert.equal(text, 'a?]0;b?\nc?2J?\nwarning: d?\n')
  })
})
