import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseArtifactConfiguration } from './artifact-configuration.ts'
import { matchArtifact } from './artifact-matching.ts'
import { ArtifactTree } from './artifact-tree.ts'
import { resolveParameters } from './parameters.ts'

const SIGN = '<create-raw-signature output-file-name="${file.name}.sig" hash-algorithm="sha256"/>'

function model(body: string, parameters = '') {
  return parseArtifactConfiguration(
    `<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">${parameters}
<zip-file>
${body}
</zip-file></artifact-configuration>`,
  )
}

const DECLARED = '<parameters><parameter name="v"/><parameter name="w"/></parameters>'

/** The paths that `body` signs among `paths`; a path that ends in a slash is a directory. */
function signed(
  body: string,
  paths: readonly string[],
  given: Record<string, string> = {},
): string[] {
  const { parameters, root } = model(body, Object.keys(given).length > 0 ? DECLARED : '')
  const values = resolveParameters(parameters, given)
  const files = paths.filter((path) => !path.endsWith('/'))
  const tree = new ArtifactTree(
    files,
    paths.filter((path) => path.endsWith('/')),
  )
  const valueOf = (name: string) => values.get(name) ?? ''
  return matchArtifact(root, { tree, paths: files, valueOf }).map(({ file }) => files[file] ?? '')
}

function refused(
  body: string,
  paths: readonly string[],
  given?: Record<string, string>,
): ChanceryError {
  try {
    signed(body, paths, given)
  } catch (error) {
    assert.ok(error instanceof ChanceryError, String(error))
    return error
  }
  assert.fail('expected the artifact to be refused')
}

function file(path: string, counts = ''): string {
  return `<file path="${path}" ${counts}>${SIGN}</file>`
}

const ANY = 'min-matches="0" max-matches="unbounded"'

describe('matching: paths', () => {
  const PATHS = [
    'payload.json',
    'b.JSON',
    'bin/x.exe',
    'bin/Sub/y.exe',
    'bin/sub/z.txt',
    'a*b',
    'empty/',
  ]
  /** pattern, what it matches in PATHS */
  const patterns: readonly (readonly [string, readonly string[]])[] = [
    ['payload.json', ['payload.json']],
    ['PAYLOAD.json', ['payload.json']],
    ['*.json', ['payload.json', 'b.JSON']],
    ['?.json', ['b.JSON']],
    ['bin/x.exe', ['bin/x.exe']],
    ['bin\\x.exe', ['bin/x.exe']],
    ['*', ['payload.json', 'b.JSON', 'a*b']],
    ['*/*', ['bin/x.exe']],
    ['**/*.exe', ['bin/x.exe', 'bin/Sub/y.exe']],
    ['bin/SUB/*', ['bin/Sub/y.exe', 'bin/sub/z.txt']],
    ['[a-b]*', ['b.JSON', 'a*b']],
    ['[!b]*.json', ['payload.json']],
    ['a[*]b', ['a*b']],
    ['x.exe', []],
    ['bin', []],
    ['empty', []],
    ['json', []],
    ['payload', []],
  ]
  for (const [pattern, expected] of patterns) {
    it(`${pattern} matches ${expected.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(
        signed(`${file('payload.json')}${file(pattern, ANY)}`, PATHS).slice(1),
        expected,
      )
    })
  }

  it('a directory element is the same as a directory in the path', () => {
    for (const within of ['bin', 'BIN', 'b*']) {
      assert.deepEqual(signed(`<directory path="${within}">${file('x.exe')}</directory>`, PATHS), [
        'bin/x.exe',
      ])
    }
    const nested = `<directory path="bin"><directory path="sub">${file('*', ANY)}</directory></directory>`
    assert.deepEqual(signed(nested, PATHS), ['bin/Sub/y.exe', 'bin/sub/z.txt'])
    const deep = `<directory path="bin/sub">${file('y.exe')}</directory>`
    assert.deepEqual(signed(deep, PATHS), ['bin/Sub/y.exe'])
  })

  it('"." is the container, and the directory one is in', () => {
    assert.deepEqual(signed(`<directory path=".">${file('payload.json')}</directory>`, PATHS), [
      'payload.json',
    ])
    const nested = `<directory path="bin"><directory path=".">${file('x.exe')}</directory></directory>`
    assert.deepEqual(signed(nested, PATHS), ['bin/x.exe'])
  })

  it('a directory without a file in it is there; one whose name only begins alike is not', () => {
    assert.deepEqual(signed(`<directory path="empty"/>${file('b.json')}`, PATHS), ['b.JSON'])
    const paths = ['bin2/x.exe', 'bin/y.exe']
    const error = refused(`<directory path="bin">${file('x.exe')}</directory>`, paths)
    assert.match(error.message, /but found 0/)
    const any = `<directory path="b*n">${file('*')}</directory>`
    assert.deepEqual(signed(any, paths), ['bin/y.exe'])
  })

  it('a wildcard for directories stays in the directory it is in', () => {
    const paths = ['a/m', 'a/x/m', 'ab/x/m', 'b/x/m']
    const each = `<directory path="*" ${ANY}>${file('m', ANY)}</directory>`
    assert.deepEqual(signed(`<directory path="a">${each}</directory>`, paths), ['a/x/m'])
    const all = `<directory path="**" ${ANY}>${file('m', ANY)}</directory>`
    assert.deepEqual(signed(`<directory path="a">${all}</directory>`, paths), ['a/m', 'a/x/m'])
  })

  it('directories are counted', () => {
    for (const [path, found] of [
      ['none', 0],
      ['n*', 0],
      ['b*', 2],
    ] as const) {
      const error = refused(`<directory path="${path}"/>${file('*', ANY)}`, ['bin/x', 'b/y'])
      assert.equal(
        error.message,
        `Expected path to match exactly 1 item, but found ${found}: <directory path="${path}"> in line 3`,
      )
      assert.deepEqual(error.hints, ['found: bin/x, b/y'])
    }
  })

  it('counts are per directory', () => {
    const each = `<directory path="*" max-matches="unbounded">${file('m.json')}</directory>`
    assert.deepEqual(signed(each, ['a/m.json', 'b/m.json']), ['a/m.json', 'b/m.json'])
    assert.match(refused(each, ['a/m.json', 'b/n.json']).message, /exactly 1 item, but found 0/)
  })

  it('sets: each inclusion is counted, each file is signed once', () => {
    const set = `<file-set><include path="*.json" max-matches="2"/><include path="a.*"/><for-each>${SIGN}</for-each></file-set>`
    assert.deepEqual(signed(set, ['b.json', 'a.json']), ['b.json', 'a.json'])
    assert.match(refused(set, ['b.json']).message, /<include path="a\.\*"> in line 3/)
    const directories = `<directory-set><include path="x"/><include path="?"/><for-each>${file('m')}</for-each></directory-set>`
    assert.deepEqual(signed(directories, ['x/m']), ['x/m'])
  })

  it('two directives, or two elements, are two signatures', () => {
    assert.deepEqual(signed(`<file path="a">${SIGN}${SIGN}</file>${file('*')}`, ['a']), [
      'a',
      'a',
      'a',
    ])
  })
})

describe('matching: counts', () => {
  /** attributes, how many files there are, what the message says (or that it matches) */
  const cases: readonly (readonly [string, number, string | undefined])[] = [
    ['', 0, 'Expected path to match exactly 1 item, but found 0'],
    ['', 1, undefined],
    ['', 2, 'Expected path to match exactly 1 item, but found 2'],
    ['min-matches="0"', 2, 'Expected path to match at most 1 item, but found 2'],
    ['max-matches="3"', 3, undefined],
    ['max-matches="3"', 4, 'Expected path to match 1 to 3 items, but found 4'],
    ['max-matches="unbounded"', 0, 'Expected path to match at least 1 item, but found 0'],
    ['max-matches="unbounded"', 40, undefined],
    ['min-matches="2" max-matches="2"', 1, 'Expected path to match exactly 2 items, but found 1'],
  ]
  for (const [attributes, count, message] of cases) {
    it(`${attributes || 'no attributes'}: ${count}`, () => {
      const paths = ['other', ...Array.from({ length: count }, (_, index) => `${index}.json`)]
      const body = `${file('other')}${file('*.json', attributes)}`
      if (message === undefined) {
        assert.equal(signed(body, paths).length, count + 1)
        return
      }
      const error = refused(body, paths)
      assert.equal(error.code, 'ERR_POLICY_ARTIFACT')
      assert.equal(error.message, `${message}: <file path="*.json"> in line 3`)
    })
  }

  it('names what was found', () => {
    assert.deepEqual(refused(file('payload.json'), ['payload.jsn', 'x']).hints, [
      'found: payload.jsn, x',
    ])
    assert.deepEqual(refused(file('payload.json'), []).hints, ['the artifact has no files'])
    const many = Array.from({ length: 8 }, (_, index) => `${index}`)
    assert.deepEqual(refused(file('x'), many).hints, ['found: 0, 1, 2, 3, 4 and 3 more'])
    assert.deepEqual(refused(file('x'), many.slice(3)).hints, ['found: 3, 4, 5, 6, 7'])
    assert.deepEqual(refused(file('a*'), ['a1', 'b', 'a2']).hints, ['found: a1, a2'])
    const given = refused(file('${v}-*.json'), [], { v: '1.0' })
    assert.match(given.message, /but found 0: <file path="1\.0-\*\.json"> in line 3$/)
  })

  it('two spellings of one name are two files', () => {
    const error = refused(file('payload.json'), ['payload.json', 'PAYLOAD.json'])
    assert.match(error.message, /exactly 1 item, but found 2/)
  })

  it('nothing to sign is an error', () => {
    const error = refused(`<file path="x"/>${file('*.json', 'min-matches="0"')}`, ['x'])
    assert.equal(error.code, 'ERR_POLICY_ARTIFACT')
    assert.match(error.message, /signs nothing in this artifact/)
    assert.match(refused(file('*', 'min-matches="0"'), []).message, /signs nothing/)
  })
})

describe('matching: parameters', () => {
  it('stand for themselves, wildcards and all', () => {
    const paths = ['a', 'b', '*', '[ab]', '?', 'x/a', '**']
    for (const path of ['*', '[ab]', '?', 'a', 'x/a', '**']) {
      assert.deepEqual(signed(file('${v}', ANY), paths, { v: path }), [path])
    }
    assert.deepEqual(signed(file('${v}[*]'), ['a*', 'ab'], { v: 'a' }), ['a*'])
  })

  it('an empty value between two stars does not make a "**"', () => {
    const paths = ['x/deep/a.json', 'a.json']
    assert.deepEqual(signed(file('*${v}*'), paths, { v: '' }), ['a.json'])
    assert.deepEqual(signed(file('*${v}${w}*'), paths, { v: '', w: '' }), ['a.json'])
    const other = ['ajson', 'a.json']
    assert.deepEqual(signed(file('*${v}.json'), other, { v: '' }), ['a.json'])
  })

  it('a value is never read for references', () => {
    assert.deepEqual(signed(file('${v}'), ['${w}', 'b'], { v: '${w}', w: 'b' }), ['${w}'])
  })

  it('a value cannot leave the container, nor make a pattern malformed unnoticed', () => {
    for (const v of ['..', '../x', '/x', 'a/../b', 'a//b', '', '.', 'x\\..\\y']) {
      const error = refused(file('${v}', ANY), ['a', 'x'], { v })
      assert.equal(error.code, 'ERR_POLICY_PARAMETER', v)
    }
  })

  it('make numbers', () => {
    const body = file('*', 'min-matches="${v}" max-matches="${w}"')
    assert.equal(signed(body, ['a', 'b'], { v: '2', w: 'unbounded' }).length, 2)
    assert.match(refused(body, ['a'], { v: '2', w: '3' }).message, /2 to 3 items, but found 1/)
    assert.equal(refused(body, ['a'], { v: '-1', w: '3' }).code, 'ERR_POLICY_PARAMETER')
    assert.equal(refused(body, ['a'], { v: 'unbounded', w: '3' }).code, 'ERR_POLICY_PARAMETER')
  })
})

describe('resolveParameters', () => {
  const definitions = [
    { name: 'version', defaultValue: '1.0', isRequired: false },
    { name: 'channel', defaultValue: 'x', isRequired: true },
  ]

  it('takes what is given, else the default', () => {
    assert.deepEqual(
      [...resolveParameters(definitions, { channel: 'beta' })],
      [
        ['version', '1.0'],
        ['channel', 'beta'],
      ],
    )
    assert.equal(resolveParameters(definitions, { channel: 'c', version: '' }).get('version'), '')
    const longest = 'é'.repeat(1000)
    assert.equal(resolveParameters(definitions, { channel: longest }).get('channel'), longest)
  })

  /** what is given, what the message says */
  const bad: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{}, /the parameter channel is required and has no value/],
    [{ channel: '' }, /channel is required/],
    [
      { channel: 'c', Version: '1' },
      /there is no parameter Version; the artifact configuration has: version, channel/,
    ],
    [{ channel: 'c', constructor: 'x' }, /there is no parameter constructor/],
    [
      JSON.parse('{"channel":"c","__proto__":"x"}') as Record<string, string>,
      /there is no parameter __proto__/,
    ],
    [{ channel: 'a\nb' }, /without control characters/],
    [{ channel: '\uD800' }, /without control characters/],
    [{ channel: 'x'.repeat(1001) }, /at most 1000 characters/],
  ]
  for (const [given, message] of bad) {
    it(`refuses ${JSON.stringify(given).slice(0, 40)}`, () => {
      assert.throws(
        () => resolveParameters(definitions, given),
        (error) =>
          error instanceof ChanceryError &&
          error.code === 'ERR_POLICY_PARAMETER' &&
          message.test(error.message),
      )
    })
  }

  it('suggests the parameter that was meant', () => {
    assert.throws(
      () => resolveParameters(definitions, { channel: 'c', Version: '1' }),
      (error) =>
        error instanceof ChanceryError && error.hints.join().includes('did you mean version'),
    )
    assert.throws(
      () => resolveParameters([], { version: '1' }),
      (error) =>
        error instanceof ChanceryError &&
        error.message.endsWith('the artifact configuration has: no parameters') &&
        error.hints.length === 0,
    )
  })

  it('a value inherited from the prototype is none', () => {
    const named = [{ name: 'toString', defaultValue: 'd', isRequired: false }]
    assert.equal(resolveParameters(named, {}).get('toString'), 'd')
  })
})

describe('matching: limits', () => {
  it('bad patterns on many paths end, and soon', () => {
    const paths = Array.from({ length: 10_000 }, (_, index) => `${'a'.repeat(200)}${index}`)
    const body = file(`${'*a'.repeat(40)}b`, ANY).repeat(30)
    const start = process.cpuUsage().user
    assert.match(refused(body, paths).message, /more files than the wildcards/)
    assert.ok(process.cpuUsage().user - start < 5_000_000)
  })

  it('many elements without wildcards on many paths are not tried one by one', () => {
    const paths = Array.from({ length: 4900 }, (_, index) => `dir/${index}.json`)
    const start = process.cpuUsage().user
    assert.equal(signed(paths.map((path) => file(path)).join(''), paths).length, 4900)
    assert.ok(process.cpuUsage().user - start < 2_000_000)
  })

  it('at most 10,000 signatures', () => {
    const paths = Array.from({ length: 5001 }, (_, index) => `${index}`)
    const twice = `<file path="*" max-matches="unbounded">${SIGN}${SIGN}</file>`
    assert.match(refused(twice, paths).message, /at most 10000 signatures/)
    assert.equal(signed(twice, paths.slice(1)).length, 10_000)
  })

  it('at most 100,000 directories, even if only the paths of files name them', () => {
    const paths = Array.from({ length: 1200 }, (_, index) => `${index}/${'x/'.repeat(100)}y`)
    assert.match(
      refused('<directory path="*/q" min-matches="0"/>' + file('z'), paths).message,
      /100000 directories/,
    )
  })
})
