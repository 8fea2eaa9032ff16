import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answer } from './http-transport.ts'
import { followRedirects } from './redirects.ts'

const ORIGIN = new URL('https://registry.acme.test/')

function answerOf(url: URL, status: number, location?: string): Answer {
  const headers = location === undefined ? {} : { location }
  return { url, status, headers, body: new Uint8Array() }
}

/** Follows a download whose answers are these, one after the other; says how it ended and what was asked. */
async function follow(...answers: readonly (readonly [status: number, location?: string])[]) {
  const left = [...answers]
  const asked: string[] = []
  const [status, location] = left.shift()!
  const first = answerOf(new URL('v2/team/app/blobs/x', ORIGIN), status, location)
  const last = await followRedirects(ORIGIN, first, async (target) => {
    asked.push(target.href)
    const [nextStatus, nextLocation] = left.shift()!
    return answerOf(target, nextStatus, nextLocation)
  })
  return { status: last.status, asked }
}

describe('a redirect', () => {
  it('is every answer from 300 to 399, and no other, whatever its headers say', async () => {
    for (const status of [300, 307, 399]) {
      assert.deepEqual(await follow([status, '/next'], [200]), {
        status: 200,
        asked: ['https://registry.acme.test/next'],
      })
    }
    for (const status of [200, 299, 400, 404, 500]) {
      assert.deepEqual(await follow([307, '/next'], [status, '/evil'], [200]), {
        status,
        asked: ['https://registry.acme.test/next'],
      })
    }
  })

  it('is relative to the place that it came from', async () => {
    const { asked } = await follow([302, 'https://cdn.test/a/b'], [302, 'c'], [200])
    assert.deepEqual(asked, ['https://cdn.test/a/b', 'https://cdn.test/a/c'])
  })

  it('is held to what the registry may point to, also where another host sends it', async () => {
    for (const location of [
      'http://cdn.test/x',
      'https://localhost/x',
      'https://169.254.169.254/',
    ]) {
      await assert.rejects(follow([302, 'https://cdn.test/'], [302, location], [200]), {
        code: 'ERR_REGISTRY_REDIRECT',
      })
    }
    const back = await follow(
      [302, 'https://cdn.test/'],
      [302, 'https://registry.acme.test/x'],
      [200],
    )
    assert.equal(back.status, 200)
  })
})
