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

  it('says what is very long by its beginning, and all of it in its document', () => {
    const styles = [false, true].map((isJson) => ({ isJson, isDebug: false }))
    const message = `expected a slug, found "${'x'.repeat(100_000)}" here`
    const error = new ChanceryError('ERR_CLI_USAGE', message, { hints: ['y '.repeat(20_000)] })
    const [shown, whole] = styles.map((style) => describeError(error, style).split('\n'))
    assert.equal(
      shown?.[0],
      `error: expected a slug, found "${'x'.repeat(159)}… (100002 characters) here`,
    )
    assert.equal(shown[1]?.length, 'hint: '.length + 10_000 + 1)
    assert.equal((JSON.parse(whole?.at(-1) ?? '') as { detail: string }).detail, message)
    const path = `expected ${'p'.repeat(256)}`
    const usual = new ChanceryError('ERR_CLI_USAGE', path)
    assert.equal(describeError(usual, styles[0]!), `error: ${path}`)
  })
})
