import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { findIdleExports } from './export-rules.ts'
import { readSourceTree, root, type SourceTree } from './source-tree.ts'

const folders = ['src', 'test', 'tools', 'bench', 'demo']

async function readCheckout(): Promise<SourceTree> {
  const trees = folders.map(async (folder) => {
    const tree = await readSourceTree(join(root, folder))
    return [...tree].map(([path, text]) => [`${folder}/${path}`, text] as const)
  })
  return new Map((await Promise.all(trees)).flat())
}

function idleIn(modules: Readonly<Record<string, string>>): string[] {
  return findIdleExports(new Map(Object.entries(modules)), ['src/public/'])
}

describe('exported names', () => {
  it('are imported by some other file', async () => {
    const tree = await readCheckout()
    assert.ok(tree.size > 500)
    assert.deepEqual(findIdleExports(tree, ['src/public/']), [])
  })

  it('are found when nobody imports them, whatever they are', () => {
    const idle = {
      'src/a.ts':
        'export const one = 1\nexport function two() {}\nexport class Three {}\nexport type Four = 4',
      'src/b.ts': "import { one as five } from './a.ts'\nexport { five }",
    }
    assert.deepEqual(idleIn(idle), ['src/a.ts: two', 'src/a.ts: Three', 'src/a.ts: Four'])
  })

  it('are not found when another file imports, exports or loads them', () => {
    const module = { 'src/a/b.ts': 'export const one = 1\nexport const two = 2' }
    for (const text of [
      "import { one, two as three } from './a/b.ts'",
      "export { one, two } from './a/b.ts'",
      "export * from './a/b.ts'",
      "import * as all from './a/b.ts'",
      "const { one, two: three } = await import('./a/b.ts')",
      "const load = async () => [(await import('./a/b.ts')).one, (await import('./a/b.ts')).two]",
      "void import('./a/b.ts')",
    ]) {
      assert.deepEqual(idleIn({ ...module, 'src/c.ts': text }), [], text)
    }
    const elsewhere = "import { one, two } from './b.ts'"
    assert.equal(idleIn({ ...module, 'src/c.ts': elsewhere }).length, 2)
    assert.deepEqual(idleIn({ ...module, 'test/c.ts': "import { one } from '../src/a/b.ts'" }), [
      'src/a/b.ts: two',
    ])
  })

  it('may be for other programs, or the type of another export', () => {
    assert.deepEqual(idleIn({ 'src/public/a.ts': 'export const one = 1' }), [])
    const typed = 'export interface One {}\nexport function two(one: One) {}'
    const user = "import { two } from './a.ts'"
    assert.deepEqual(idleIn({ 'src/a.ts': typed, 'src/b.ts': user }), [])
    const value = 'export const ONE = 1\nexport function two(one = ONE) {}'
    assert.deepEqual(idleIn({ 'src/a.ts': value, 'src/b.ts': user }), ['src/a.ts: ONE'])
  })
})
