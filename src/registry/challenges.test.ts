import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseChallenges } from './challenges.ts'

function parse(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ])
}

describe('parseChallenges', () => {
  it('reads what registries send', () => {
    const realm = 'https://auth.docker.io/token'
    assert.deepEqual(parse(`Bearer realm="${realm}",service="registry.docker.io"`), [
      ['bearer', { realm, service: 'registry.docker.io' }],
    ])
    assert.deepEqual(parse(`bearer REALM=${realm}, scope="repository:a:pull,push"`), [
      ['bearer', { realm, scope: 'repository:a:pull,push' }],
    ])
    assert.deepEqual(parse('Basic realm = "a \\"b\\" c"'), [['basic', { realm: 'a "b" c' }]])
  })

  it('reads several challenges of one header', () => {
    assert.deepEqual(parse('Negotiate, Basic realm="x", charset="UTF-8", Bearer realm="y"'), [
      ['negotiate', {}],
      ['basic', { realm: 'x', charset: 'UTF-8' }],
      ['bearer', { realm: 'y' }],
    ])
    assert.deepEqual(parse('Negotiate YWJj==, Basic realm=x'), [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ])
  })

  it('passes over commas, and ends where a name is missing', () => {
    assert.deepEqual(parse(' ,\t, Basic realm=x'), [['basic', { realm: 'x' }]])
    assert.deepEqual(parse('Basic ="x", Bearer realm=y'), [['basic', {}]])
    assert.deepEqual(parse('Basic realm=x, ="y", Bearer realm=y'), [['basic', { realm: 'x' }]])
  })

  it('reads the first 8192 characters', () => {
    const padded = (spaces: number) => parse(`Basic realm=x,${' '.repeat(spaces)}Bearer realm=y`)
    assert.deepEqual(padded(8192 - 28).at(-1), ['bearer', { realm: 'y' }])
    assert.deepEqual(padded(8192), [['basic', { realm: 'x' }]])
  })

  it('keeps the first of two parameters of one name', () => {
    assert.deepEqual(parse('Bearer realm="a", realm="b"'), [['bearer', { realm: 'a' }]])
  })

  it('takes nothing, and no time, from what is no challenge', () => {
    for (const header of ['', ',,,', '"', '=', '\u0000', 'Bearer realm="unclosed']) {
      assert.ok(parse(header).length <= 1, header)
    }
    const startedAt = performance.now()
    parse('Bearer '.repeat(100_000))
    parse(`Bearer ${'a='.repeat(100_000)}`)
    parse(`Bearer realm="${'\\'.repeat(100_000)}`)
    parse(`Bearer ${'a'.repeat(100_000)}`)
    // By the square of their length it would be minutes.
    assert.ok(performance.now() - startedAt < 30_000)
  })
})
