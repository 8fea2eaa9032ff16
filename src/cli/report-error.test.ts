import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../errors/chancery-error.ts'
import { describeError } from './report-error.ts'

describe('an error on a terminal', () => {
  it('has nothing raw that a terminal obeys, whoever wrote it, and the same text in its document', () => {
    const words = 'a\u001b]0;b\u0007\nc\u009b2J\u202e\u2028d'
    const error = new ChanceryError('ERR_CLI_USAGE', words, { hints: [words] })
    const text = describeError(error, { isJson: true, isDebug: false })
    const [first, second, document = '', ...others] = text.split('\n')
    assert.deepEqual(
      [first, second, others],
      ['error: a?]0;b??c?2J??d', 'hint: a?]0;b??c?2J??d', []],
    )
    assert.doesNotMatch(document, /[\p{C}\p{Zl}\p{Zp}]/u)
    const { detail, hints } = JSON.parse(document) as Record<string, unknown>
    assert.deepEqual([detail, hints], [words, [words]])
  })
})
