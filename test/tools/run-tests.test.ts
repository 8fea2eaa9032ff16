import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram, type Finished } from '../support/child-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const program = fileURLToPath(new URL('../../tools/run-tests.ts', import.meta.url))
const imports =
  "import { describe, it } from 'node:test'\nimport assert from 'node:assert/strict'\n"
const passing = `${imports}it('passes', () => {})\n`
const failing = `${imports}describe('sums', () => { it('adds', () => { assert.equal(1 + 1, 3) }) })\n`
const caused = `${imports}it('sums', () => { throw new Error('outer', { cause: new Error('inner') }) })\n`

/** Runs the tests of a directory that has just these files. */
async function runTests(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  await using directory = await createTemporaryDirectory()
  await mkdir(join(directory.path, 'src'))
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory.path, 'src', name), text)
  }
  return await runProgram(process.execPath, [program, ...args], {
    cwd: directory.path,
    env: { NODE_TEST_CONTEXT: undefined, CHANCERY_REQUIRE: undefined, ...env },
  })
}

function totals(finished: Finished): string[] {
  return finished.stdout.split('\n').filter((line) => /^\d+ passed, \d+ failed$/.test(line))
}

describe('npm test', () => {
  it('counts what passed and exits with 0', async () => {
    const finished = await runTests({ 'a.test.ts': passing, 'b.test.ts': passing })
    assert.deepEqual([finished.code, totals(finished)], [0, ['2 passed, 0 failed']])
  })

  it('shows the file, the name, the message and the difference of a failure', async () => {
    const finished = await runTests({ 'a.test.ts': passing, 'b.test.ts': failing })
    assert.deepEqual([finished.code, totals(finished)], [1, ['1 passed, 1 failed']])
    assert.match(finished.stdout, /^FAILED src\/b\.test\.ts:3: sums > adds$/m)
    assert.match(finished.stdout, /2 !== 3/)
  })

  it('shows the causes of an error', async () => {
    const finished = await runTests({ 'a.test.ts': caused })
    assert.match(finished.stdout, /outer[^]*caused by: inner/)
  })

  it('fails a file that cannot be loaded, has no tests or ends early', async () => {
    const finished = await runTests({
      'a.test.ts': passing,
      'b.test.ts': "import './absent.ts'\n",
      'c.test.ts': 'export {}\n',
      'd.test.ts': `${passing}setTimeout(() => { throw new Error('late') }, 20)\n`,
    })
    assert.deepEqual([finished.code, totals(finished)], [1, ['2 passed, 3 failed']])
    assert.match(finished.stdout, /ERR_MODULE_NOT_FOUND/)
    assert.match(finished.stdout, /FAILED src\/c\.test\.ts:1: the file has no tests/)
    assert.match(finished.stdout, /Error: late/)
  })

  it('fails and prints no totals when there is nothing to run', async () => {
    const finished = await runTests({})
    assert.deepEqual([finished.code, totals(finished)], [1, []])
  })

  it('runs the chosen files only, and refuses a choice that fits none', async () => {
    const files = { 'a.test.ts': passing, 'b.test.ts': failing }
    const chosen = await runTests(files, ['src/a'])
    assert.deepEqual([chosen.code, totals(chosen)], [0, ['1 passed, 0 failed']])
    const none = await runTests(files, ['src/c'])
    assert.deepEqual([none.code, totals(none)], [2, []])
  })

  it('names at the end each absent component and all that was not tried', async () => {
    const zot = 'absent component: zot (x)'
    const zip = 'absent component: zip (y)'
    const both = JSON.stringify(`${zip}; ${zot}`)
    const suites = Array.from(
      { length: 20 },
      (_, n) => `it('no ${n}', { skip: '${zot}' }, () => {})`,
    )
    const finished = await runTests({
      'a.test.ts': `${passing}describe('with both', { skip: ${both} }, () => {})\n`,
      'b.test.ts': `${passing}${suites.join('\n')}\n`,
    })
    assert.equal(finished.code, 0)
    const lines = finished.stdout.trimEnd().split('\n')
    assert.deepEqual(lines.slice(lines.indexOf('2 passed, 0 failed') + 1), [
      '',
      `${zip}, therefore not tried:`,
      '    src/a.test.ts: with both',
      '',
      `${zot}, therefore not tried:`,
      '    src/a.test.ts: with both',
      `    src/b.test.ts: ${suites.map((_, n) => `no ${n}`).join('; ')}`,
    ])
  })

  it('lets no test be skipped silently', async () => {
    const left = `${passing}it('later', { skip: true }, () => {})\n`
    const silent = await runTests({ 'a.test.ts': left })
    assert.deepEqual([silent.code, totals(silent)], [1, ['1 passed, 1 failed']])
    const todo = await runTests({ 'a.test.ts': `${passing}it.todo('later')\n` })
    assert.deepEqual([todo.code, totals(todo)], [1, ['1 passed, 1 failed']])
  })

  it('lets none be skipped where everything is required', async () => {
    const absent = `${passing}it('zips', { skip: 'absent component: zip (x)' }, () => {})\n`
    const required = await runTests({ 'a.test.ts': absent }, [], { CHANCERY_REQUIRE: 'all' })
    assert.deepEqual([required.code, totals(required)], [1, ['1 passed, 1 failed']])
    const skip = 'absent component: zot (x)'
    const optional = `${passing}it('pulls', { skip: '${skip}' }, () => {})\n`
    const alone = await runTests({ 'a.test.ts': optional }, [], { CHANCERY_REQUIRE: 'all' })
    assert.deepEqual([alone.code, totals(alone)], [0, ['1 passed, 0 failed']])
    const mixed = optional.replace(skip, `${skip}; absent component: zip (x)`)
    const together = await runTests({ 'a.test.ts': mixed }, [], { CHANCERY_REQUIRE: 'all' })
    assert.deepEqual([together.code, totals(together)], [1, ['1 passed, 1 failed']])
  })
})
