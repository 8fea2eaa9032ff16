import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { argument, parseAssignments, parseDuration, parseSize, wholeNumber } from './flags.ts'
import { parseRequestId } from './request-id.ts'
import { formatFields, formatTable } from './text-table.ts'

const USAGE = { code: 'ERR_CLI_USAGE' }

describe('flags', () => {
  it('read durations', () => {
    assert.deepEqual(
      ['500ms', '90', '90s', '5m', '2h', '0'].map(parseDuration),
      [500, 90_000, 90_000, 300_000, 7_200_000, 0],
    )
    for (const text of ['', 's', '-1', '1.5s', '1d', '1 s', '721h', '1e3']) {
      assert.throws(() => parseDuration(text), USAGE, text)
    }
  })

  it('read sizes between bounds', () => {
    const read = (text: string) => parseSize(text, 1024 ** 2, 1024 ** 3)
    assert.deepEqual(['1MiB', '2048KiB', '1048576', '1GiB'].map(read), [
      1024 ** 2,
      2 * 1024 ** 2,
      1024 ** 2,
      1024 ** 3,
    ])
    for (const text of [
      '',
      'MiB',
      '0',
      '1',
      '1023KiB',
      '1025MiB',
      '-5MiB',
      '1.5MiB',
      '64MB',
      '1e9',
    ]) {
      assert.throws(() => read(text), USAGE, text)
    }
  })

  it('read assignments, splitting at the first =', () => {
    assert.deepEqual(parseAssignments(['a=1', 'b=', 'c=x=y', '__proto__=z']), {
      a: '1',
      b: '',
      c: 'x=y',
      ['__proto__']: 'z',
    })
    for (const inputs of [['a'], ['=1'], ['a=1', 'a=2']]) {
      assert.throws(() => parseAssignments(inputs), USAGE)
    }
  })

  it('take what starts with a dash for a mistyped flag', () => {
    const { parse } = argument('File', 'FILE')
    assert.equal(parse('-'), '-')
    assert.equal(parse('./-x'), './-x')
    for (const text of ['-x', '--x', '-ak=v']) assert.throws(() => parse(text), USAGE)
  })

  it('read whole numbers from a minimum', () => {
    const { parse } = wholeNumber('N', 1)
    assert.equal(parse('7'), 7)
    for (const text of ['0', '-1', '1.0', '', 'x', '9007199254740993']) {
      assert.throws(() => parse(text), USAGE, text)
    }
  })

  it('read a request id from its link', () => {
    const id = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'
    assert.equal(parseRequestId(id.toUpperCase()), id)
    assert.equal(parseRequestId(`https://a.example/Web/x/SigningRequests/${id}/`), id)
    for (const text of ['', 'x', `x${id}`, `${id}/Approve`])
      assert.throws(() => parseRequestId(text), USAGE)
  })
})

describe('text tables', () => {
  it('line up columns without trailing spaces', () => {
    assert.equal(
      formatTable(
        ['A', 'B'],
        [
          ['long', '1'],
          ['x', ''],
        ],
      ),
      'A     B\nlong  1\nx\n',
    )
    assert.equal(
      formatFields([
        ['A', 1],
        ['Long', null],
        ['BC', 'x'],
      ]),
      'A:  1\nBC: x\n',
    )
  })

  it('let no name command the terminal', () => {
    assert.equal(formatTable(['A'], [['\u001b[2J\n\u202e']]), 'A\n?[2J??\n')
  })
})
