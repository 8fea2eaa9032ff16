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

  it('is a JSON document with the same texts, none of which a terminal obeys', () => {
    let text = ''
    const output = new Output(
      { write: (line) => (text += String(line)) },
      { write: () => assert.fail() },
    )
    const document = { a: ['\u001b[2J\n\u009b2J\u202e\u2028\u{e0041}', 'ä 😀'] }
    output.result(true, document, () => assert.fail())
    assert.deepEqual(JSON.parse(text), document)
    assert.ok(text.includes('"ä 😀"') && text.includes('\\u009b2J\\u202e\\u2028\\udb40\\udc41'))
    assert.doesNotMatch(text, /[^\n\P{C}]|[\u2028\u2029]/u)
  })
})
