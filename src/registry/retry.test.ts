import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { backoffMs, DEFAULT_RETRIES, parseRetryAfter, pause } from './retry.ts'

describe('retries', () => {
  it('read both forms of Retry-After', () => {
    const now = Date.UTC(2026, 0, 1)
    assert.equal(parseRetryAfter('120', now), 120_000)
    assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000)
    assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0)
    const date = 'Thu, 01 Jan 2026 00:00:30 GMT'
    for (const header of [
      undefined,
      '',
      '-1',
      'soon',
      '99999999999',
      '1.5',
      `on ${date}`,
      `${date}+0100`,
      '2026-01-01T00:00:30Z',
    ]) {
      assert.equal(parseRetryAfter(header, now), undefined, header)
    }
  })

  it('pause as long as they are told, unless they are given up', async () => {
    const startedAt = performance.now()
    await pause(30, undefined)
    await pause(30, new AbortController().signal)
    assert.ok(performance.now() - startedAt > 50)
    await pause(1_000_000, AbortSignal.abort())
    const given = new AbortController()
    const pausing = pause(1_000_000, given.signal)
    given.abort()
    await pausing
  })

  it('pause longer each time, up to a limit, and not all equally long', () => {
    for (let attempt = 1; attempt < 12; attempt++) {
      const upperEnd = Math.min(DEFAULT_RETRIES.maxDelayMs, 250 * 2 ** (attempt - 1))
      const pauses = Array.from({ length: 20 }, () => backoffMs(DEFAULT_RETRIES, attempt))
      assert.ok(pauses.every((ms) => ms >= upperEnd / 2 && ms <= upperEnd))
      assert.ok(new Set(pauses).size > 1)
    }
  })
})
