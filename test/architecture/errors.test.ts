import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CodeEntry } from '../../src/errors/code-table.ts'
import { CODES } from '../../src/errors/codes.ts'
import { printErrorsPage } from '../../tools/errors-doc.ts'
import { folderOf, isTest, readSourceTree, root } from './source-tree.ts'

describe('error codes', () => {
  it('are named after an area and have a summary of one line', () => {
    for (const [code, { summary }] of Object.entries<CodeEntry>(CODES)) {
      assert.match(code, /^ERR(_[A-Z0-9]+){2,}$/)
      assert.match(summary, /^\S.{4,}\S$/, `${code}: ${summary}`)
    }
    assert.ok(Object.keys(CODES).length > 50)
  })

  it('stand in the table of one area only', async () => {
    const tree = await readSourceTree(join(root, 'src/errors'))
    const tables = [...tree].filter(([path]) => path.endsWith('-codes.ts')).map(([, text]) => text)
    const defined = tables.flatMap((text) => [...text.matchAll(/^ {2}(ERR_\w+):/gm)])
    assert.deepEqual(defined.map((match) => match[1]!).sort(), Object.keys(CODES).sort())
  })

  it('are each used by the program', async () => {
    const tree = await readSourceTree(join(root, 'src'))
    const used = [...tree]
      .filter(([path]) => !isTest(path) && folderOf(path) !== 'errors')
      .flatMap(([, text]) => [...text.matchAll(/['"`](ERR_\w+)['"`]/g)].map((match) => match[1]))
    const unused = Object.keys(CODES).filter((code) => !used.includes(code))
    assert.deepEqual(unused, [])
  })

  it('are described by docs/errors.md as it is printed', async () => {
    const page = await readFile(join(root, 'docs/errors.md'), 'utf8')
    assert.equal(page, await printErrorsPage(), 'run `npm run docs`')
  })
})
