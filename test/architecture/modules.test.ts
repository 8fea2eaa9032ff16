import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findPoorNames, findUndocumented } from './module-rules.ts'
import { readSourceTree, root } from './source-tree.ts'

describe('file names', () => {
  it('are nouns in kebab-case', async () => {
    const directories = ['src', 'test', 'tools', 'bench', 'demo']
    for (const directory of directories.filter((one) => existsSync(join(root, one)))) {
      const tree = await readSourceTree(join(root, directory))
      assert.deepEqual(findPoorNames(tree.keys()), [], directory)
    }
  })

  it('are refused when they are not', () => {
    const poor = ['a/utils.ts', 'a/zip-helpers.ts', 'types.test.ts', 'camelCase.ts', 'a_b.ts']
    assert.deepEqual(findPoorNames([...poor, 'a/credential-helper.ts', 'utility.ts']), poor)
  })
})

describe('exported names', () => {
  it('have a doc comment each', async () => {
    assert.deepEqual(findUndocumented(await readSourceTree(join(root, 'src'))), [])
  })

  it('are found when they have none', () => {
    const undocumented = (text: string): string[] => findUndocumented(new Map([['x.ts', text]]))
    assert.deepEqual(undocumented('export const a = 1'), ['x.ts: a'])
    assert.deepEqual(undocumented('// Plain.\nexport function b() {}'), ['x.ts: b'])
    assert.deepEqual(undocumented('export interface C {}'), ['x.ts: C'])
    assert.deepEqual(undocumented('class D {}\nexport { D }'), ['x.ts: D'])
    assert.deepEqual(undocumented('/** Why not. */\nexport default class E {}'), ['x.ts: default'])
    assert.deepEqual(undocumented('/** F. */\nexport const F = 1\nexport type F = 1'), [])
    assert.deepEqual(undocumented('/** G. */\nexport async function g() {}\nconst h = 1'), [])
  })
})
