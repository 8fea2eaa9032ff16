import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { backoffMs, DEFAULT_RETRIES, parseRetryAfter } from './retry.ts'

describe('retries', () => {
  it('read both forms of Retry-After', () => {
    const now = Date.UTC(2026, 0, 1)
    assert.equal(parseRetryAfter('120', now), 120_000)
    assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000)
    assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0)
    for (const header of [undefined, '', '-1', 'soon', '99999999999']) {
      assert.equal(parseRetryAfter(header, now), undefined, header)
    }
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
