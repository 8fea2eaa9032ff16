import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseLayoutName } from './layout-name.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

describe('the name of an image in a layout', () => {
  it('is a path, with what the image is called behind it', () => {
    const names: readonly (readonly [string, string, string | undefined])[] = [
      ['./app', './app', undefined],
      ['./app:1.0', './app', '1.0'],
      ['app.tar:latest', 'app.tar', 'latest'],
      [`app.tar@${DIGEST}`, 'app.tar', DIGEST],
      ['a:b:1.0', 'a:b', '1.0'],
      ['a:b/c', 'a:b/c', undefined],
      [':1.0', ':1.0', undefined],
      ['app@sha256:short', 'app@sha256', 'short'],
    ]
    for (const [name, path, image] of names) {
      assert.deepEqual(parseLayoutName(name, false), { path, image })
      assert.deepEqual(parseLayoutName(name, true), { path: name, image: undefined })
    }
  })
})
