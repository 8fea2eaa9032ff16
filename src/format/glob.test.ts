import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { matchesGlob, parseGlob } from './glob.ts'

function matches(pattern: string, path: string) {
  return matchesGlob(parseGlob(pattern), path)
}

describe('parseGlob', () => {
  it('tells literal paths from patterns', () => {
    assert.equal(parseGlob('bin/app.json').isLiteral, true)
    assert.equal(parseGlob('.').isLiteral, true)
    for (const text of ['*.json', 'a?', '[ab]', '**', 'a/**/b']) {
      assert.equal(parseGlob(text).isLiteral, false, text)
    }
  })

  it('refuses what is no pattern, and says what it expected', () => {
    const refused: Record<string, RegExp> = {
      '': /without empty segments/,
      '/etc/passwd': /relative path/,
      'a//b': /empty segments/,
      'a/': /empty segments/,
      '../a': /no "\." and "\.\." segments/,
      'a/./b': /no "\." and "\.\." segments/,
      'a\\..\\b': /segments/,
      'a**': /"\*\*" to be a whole segment/,
      '**.json': /"\*\*" to be a whole segment/,
      '***': /"\*\*" to be a whole segment/,
      '[abc': /"\]" after "\["/,
      '[]': /"\]" after "\["/,
      '[!]': /"\]" after "\["/,
      'a[b/c]d': /"\]" after "\["/,
      '[z-a]': /lower end first/,
      'a\u0000b': /control characters/,
      'a\nb': /control characters/,
      '\ud800': /control characters/,
      ['a'.repeat(1025)]: /at most 1024/,
    }
    for (const [text, message] of Object.entries(refused)) {
      assert.throws(() => parseGlob(text), { code: 'ERR_FORMAT_GLOB', message }, text)
    }
    assert.equal(parseGlob('a'.repeat(1024)).isLiteral, true)
  })
})

describe('matchesGlob', () => {
  const rows: [pattern: string, matching: string[], other: string[]][] = [
    [
      'payload.json',
      ['payload.json', 'PAYLOAD.Json'],
      ['payload.json2', 'xpayload.json', 'a/payload.json', ''],
    ],
    ['*.json', ['a.json', '.json', 'A.JSON'], ['a.json.sig', 'a/b.json', 'json']],
    ['bin/x', ['bin/x', 'bin\\x', 'BIN/X', 'bin/x/'], ['bin', 'bin/x/y', 'bin//x']],
    ['bin\\x', ['bin/x', 'bin\\x'], ['binx']],
    ['a?c', ['abc', 'a.c', 'a😀c'], ['ac', 'abbc', 'a/c']],
    ['[abc]1', ['a1', 'B1'], ['d1', '1', 'ab1']],
    ['[a-c]', ['a', 'b', 'C'], ['d', '-']],
    ['[A-C]', ['a', 'C'], ['d']],
    ['[!a-c]', ['d', '-', '!'], ['a', 'B', '']],
    ['[!abc]x', ['dx'], ['ax', 'Bx', 'x']],
    ['[]]', [']'], ['[', '']],
    ['[!]]', ['a'], [']']],
    ['[a-]', ['a', '-'], ['b']],
    ['[adg]', ['a', 'd', 'g'], ['b', 'e']],
    ['[*]', ['*'], ['a']],
    ['[[]', ['['], [']']],
    ['**', ['a', 'a/b', 'a/b/c', ''], []],
    ['**/*.json', ['a.json', 'x/a.json', 'x/y/z/a.json'], ['a.jsonx', 'x/a.txt']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b', 'a/b/b'], ['a', 'b', 'ab', 'a/x', 'x/a/b']],
    ['a/**', ['a', 'a/b', 'a/b/c'], ['b', 'ab']],
    ['**/x/**/y', ['x/y', 'a/x/b/y', 'x/x/y/y'], ['y/x', 'x', 'x/y/z']],
    ['*', ['a', '.hidden'], ['a/b', '']],
    ['*/*', ['a/b'], ['a', 'a/b/c']],
    ['.', ['', '.', './'], ['a']],
    ['straße*', ['straße.txt', 'Straße'], ['strase']],
    ['ÄÖ', ['äö', 'Äö'], ['ao']],
    ['sk', ['\u017fk', 's\u212a', 'SK'], ['s']],
    ['\u017f\u212a', ['sk', 'SK'], ['s']],
    ['a.c', ['a.c'], ['abc']],
    ['a+(b)|^$', ['a+(b)|^$'], ['aab']],
  ]
  for (const [pattern, matching, other] of rows) {
    it(pattern, () => {
      for (const path of matching) assert.equal(matches(pattern, path), true, path)
      for (const path of other) assert.equal(matches(pattern, path), false, path)
    })
  }

  it('takes no more than quadratic time for hostile patterns', () => {
    const pattern = parseGlob('*a'.repeat(500) + 'b')
    assert.equal(matchesGlob(pattern, 'a'.repeat(20_000)), false)
    const deep = parseGlob('**/a/'.repeat(200) + 'b')
    assert.equal(matchesGlob(deep, 'a/'.repeat(5_000) + 'a'), false)
  })
})
