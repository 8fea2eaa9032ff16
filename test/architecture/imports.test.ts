import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findImportViolations } from './import-rules.ts'
import { mayImport, parseLayerPicture } from './layer-picture.ts'
import { importsOf, isTest, readSourceTree, root, type SourceTree } from './source-tree.ts'

const picture = parseLayerPicture(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}
const dependencies = Object.keys(manifest.dependencies)

describe('the picture of the layers', () => {
  it('allows what it draws, and nothing else', () => {
    const drawn = parseLayerPicture('text\nL2  main\nL1  left -> middle -> right  other\nL0  low\n')
    const allowed = [...drawn.levels.keys()].flatMap((from) =>
      [...drawn.levels.keys()]
        .filter((to) => from !== to && mayImport(drawn, from, to))
        .map((to) => `${from} ${to}`),
    )
    assert.deepEqual(allowed.sort(), [
      ...['left low', 'left middle', 'left right'],
      ...['main left', 'main low', 'main middle', 'main other', 'main right'],
      ...['middle low', 'middle right', 'other low', 'right low'],
    ])
    assert.equal(mayImport(drawn, 'low', 'low'), true)
    assert.equal(mayImport(drawn, 'low', 'unknown'), false)
  })

  it('is refused when it is missing or contradicts itself', () => {
    for (const markdown of ['', 'L1  a\n', 'L0  a\nL0  b\n', 'L1  a\nL0  a\n', 'L0  a, b\n']) {
      assert.throws(() => parseLayerPicture(markdown), Error, JSON.stringify(markdown))
    }
  })
})

describe('imports', () => {
  it('point as ARCHITECTURE.md draws them', async () => {
    const tree = await readSourceTree(join(root, 'src'))
    assert.deepEqual(findImportViolations(picture, tree, dependencies), [])
  })

  it('are read from every module there is', async () => {
    const tree = await readSourceTree(join(root, 'src'))
    const files = globSync('src/**/*.ts', { cwd: root })
    assert.deepEqual([...tree.keys()].map((path) => `src/${path}`).sort(), files.sort())
    assert.ok([...tree.keys()].filter((path) => !isTest(path)).length > 50)
  })

  it('use each dependency', async () => {
    const tree = await readSourceTree(join(root, 'src'))
    const imported = [...tree].flatMap(([path, text]) => (isTest(path) ? [] : importsOf(text)))
    const idle = dependencies.filter(
      (name) => !imported.some((one) => one === name || one.startsWith(`${name}/`)),
    )
    assert.deepEqual(idle, [])
  })

  it('are found in each of their forms', () => {
    const text = `
      import { a } from './a.ts'
      import type { B } from './b.ts'
      import { type C } from './c.ts'
      import './d.ts'
      export * from './e.ts'
      export type { F } from './f.ts'
      const g = await import('./g.ts')
      type H = import('./h.ts').H
      // import './not.ts'
      const text = "import './nor.ts'"`
    const found = importsOf(text).map((one) => one.slice(2, 3))
    assert.deepEqual(found.sort().join(''), 'abcdefgh')
  })
})

describe('a planted violation is found:', () => {
  const drawn = parseLayerPicture('L3  http  cli\nL2  wire -> policy  db\nL1  crypto\nL0  errors\n')
  const sound = {
    'http/app.ts': "import '../policy/rules.ts'\nimport 'fastify'\nimport 'node:http'\n",
    'cli/cli.ts': "import { version } from '../../package.json' with { type: 'json' }\n",
    'wire/shapes.ts': "import type { Rules } from '../policy/rules.ts'\n",
    'policy/rules.ts': "import '../errors/codes.ts'\n",
    'db/store.ts': "import 'node:fs'\nimport './file.ts'\n",
    'db/file.ts': '',
    'crypto/digest.ts': "import 'node:crypto'\n",
    'crypto/digest.test.ts': "import 'fast-check'\nimport '../http/app.ts'\n",
    'errors/codes.ts': '',
  }
  const check = (planted: Readonly<Record<string, string>>): string[] => {
    const tree: SourceTree = new Map(Object.entries({ ...sound, ...planted }))
    return findImportViolations(drawn, tree, ['fastify'])
  }

  it('(none in the sound tree)', () => {
    assert.deepEqual(check({}), [])
  })

  const planted: readonly [string, Readonly<Record<string, string>>, RegExp][] = [
    ['upward', { 'policy/x.ts': "import '../http/app.ts'" }, /imports upward/],
    ['upward, types only', { 'db/x.ts': "import type { A } from '../cli/cli.ts'" }, /upward/],
    ['upward, dynamic', { 'policy/x.ts': "await import('../http/app.ts')" }, /upward/],
    ['sideways', { 'db/x.ts': "export * from '../policy/rules.ts'" }, /imports sideways/],
    ['against an arrow', { 'policy/x.ts': "import '../wire/shapes.ts'" }, /sideways/],
    ['a cycle', { 'policy/x.ts': "import '../wire/shapes.ts'" }, /a cycle: .*wire -> policy/],
    ['files in a pure layer', { 'policy/x.ts': "import 'node:fs/promises'" }, /no I\/O/],
    ['network in the lowest layer', { 'errors/x.ts': "import 'node:net'" }, /no I\/O/],
    ['a thread in a pure layer', { 'crypto/x.ts': "import 'node:worker_threads'" }, /no I\/O/],
    ['node:crypto elsewhere', { 'http/x.ts': "import 'node:crypto'" }, /for crypto\/ only/],
    ['a built-in without node:', { 'http/x.ts': "import 'fs'" }, /without node:/],
    ['a package that is not installed', { 'http/x.ts': "import 'fast-check'" }, /no dependency/],
    ['a module that is not there', { 'http/x.ts': "import './y.ts'" }, /which is no module/],
    ['a module without its extension', { 'http/x.ts': "import './app'" }, /which is no module/],
    ['a module outside of src', { 'http/x.ts': "import '../../test/x.ts'" }, /outside of src/],
    ['a test', { 'http/x.ts': "import '../crypto/digest.test.ts'" }, /imports a test/],
    ['a folder that is not drawn', { 'extra/x.ts': '' }, /extra is not drawn/],
  ]
  for (const [what, files, expected] of planted) {
    it(what, () => {
      const violations = check(files)
      assert.ok(
        violations.some((one) => expected.test(one)),
        violations.join('\n'),
      )
    })
  }

  it('a folder without modules, and no modules at all', () => {
    const violations = findImportViolations(drawn, new Map(), [])
    assert.ok(violations.includes('there are no modules'))
    assert.ok(violations.includes('policy is drawn and has no modules'))
  })
})
