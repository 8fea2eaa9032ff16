import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Every page of the repository, as a path from its root. */
function pages(): readonly string[] {
  return ['.', 'docs', 'docs/adr'].flatMap((directory) =>
    readdirSync(join(root, directory))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(directory, name)),
  )
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]!)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** The links of a page that lead to nothing: a file that is not there, or a heading that its page does not have. */
function deadLinksOf(path: string, markdown: string): readonly string[] {
  const targets = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [file = '', anchor] = target.split('#')
    const page = file === '' ? path : join(dirname(path), file)
    if (file !== '' && !existsSync(join(root, page))) return true
    if (anchor === undefined) return false
    const text = file === '' ? markdown : readFileSync(join(root, page), 'utf8')
    return !anchorsOf(text).has(anchor)
  })
}

describe('links between pages', () => {
  it('lead to files and headings that there are', () => {
    const found = pages()
    assert.ok(found.length > 20, `found ${found.length}`)
    const dead = found.flatMap((path) =>
      deadLinksOf(path, readFileSync(join(root, path), 'utf8')).map((link) => `${path}: ${link}`),
    )
    assert.deepEqual(dead, [])
  })

  it('are found to be dead where they are', () => {
    const page =
      '# One\n[a](absent.md) [b](#two) [c](#one) [d](README.md#try-it) [e](https://x.test/)'
    assert.deepEqual(deadLinksOf('x.md', page), ['absent.md', '#two'])
  })
})
