import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startServer } from '../support/chancery-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

interface Start {
  readonly pid: number
  readonly args: readonly string[]
  readonly execArgv: readonly string[]
  readonly arenas: string | null
}

/** The server, and what each start of the engine that led to it was given. */
async function startsWith(
  nodeOptions: string,
  env: Readonly<Record<string, string>> = {},
  atStart = '',
): Promise<{ readonly pid: number; readonly starts: Start[] }> {
  await using directory = await createTemporaryDirectory()
  const hook = join(directory.path, 'hook.cjs')
  await writeFile(
    hook,
    `const { pid, argv, execArgv, env } = process
    if (argv[2] === 'serve' && require('worker_threads').isMainThread) {
      const arenas = env.MALLOC_ARENA_MAX ?? null
      process.stderr.write('start ' + JSON.stringify({ pid, args: argv.slice(2), execArgv, arenas }) + '\\n')
      ${atStart}
    }`,
  )
  const NODE_OPTIONS = `--require ${hook} ${nodeOptions}`
  await using server = await startServer({ args: ['--quiet'], env: { ...env, NODE_OPTIONS } })
  const { pid } = server
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
  await server.kill('SIGTERM')
  const starts = [...server.output().matchAll(/^start (.*)$/gm)].map(
    ([, text = '']) => JSON.parse(text) as Start,
  )
  return { pid, starts }
}

describe('serve', () => {
  it('limits its memory in the process that was started, with the same arguments', async () => {
    const { pid, starts } = await startsWith('')
    const [first, second] = starts as [Start, Start]
    assert.equal(starts.length, 2)
    assert.deepEqual([first.pid, second.pid], [pid, pid])
    assert.deepEqual(second.args, first.args)
    assert.deepEqual(first.execArgv, [])
    assert.deepEqual(second.execArgv, ['--max-semi-space-size=8', '--expose-gc'])
    assert.equal(second.arenas, '2')
  })

  it('takes what it is told instead', async () => {
    const { starts } = await startsWith('--max-semi-space-size=16')
    assert.deepEqual(starts.at(-1)?.execArgv, ['--expose-gc'])
    const { starts: once } = await startsWith('--max-semi-space-size=16 --expose-gc')
    assert.equal(once.length, 1)
    const { starts: others } = await startsWith('', { MALLOC_ARENA_MAX: '4' })
    assert.equal(others.at(-1)?.arenas, '4')
  })

  it('runs on where the engine cannot be started again', async () => {
    for (const execPath of ['/nowhere/node', '/dev/null']) {
      const { starts } = await startsWith('', {}, `process.execPath = '${execPath}'`)
      assert.equal(starts.length, 1)
    }
  })
})
