import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startServer, type RunningServer } from '../support/chancery-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

/** More than it takes on any machine. */
const PATIENCE_MS = 120_000

/** Run in every thread of the server before anything else. Each line of its output is a word and the thread's name. */
const HOOK = `
  const { isMainThread, threadName } = require('node:worker_threads')
  const { writeSync } = require('node:fs')
  const say = (...words) => writeSync(2, words.join(' ') + '\\n')
  const thread = isMainThread ? 'main' : threadName
`

/** Says what each collection did. In the main thread there is garbage that no young generation holds. */
const COLLECTED = `${HOOK}
  const { gc } = globalThis
  if (gc !== undefined) {
    globalThis.gc = (options) => {
      const before = process.memoryUsage()
      gc(options)
      const after = process.memoryUsage()
      say('collected', thread, before.heapTotal - after.heapTotal, before.rss - after.rss)
    }
    if (isMainThread && process.argv[2] === 'serve') {
      const kept = Array.from({ length: 500_000 }, (_, number) => ({ number, text: 'x' + number }))
      setTimeout(() => say('dropped', kept.length), 0)
    }
  }`

/** Says when a collection is asked for, where there is none; the engine cannot be started again. */
const ASKED = `${HOOK}
  process.execPath = '/nowhere/node'
  say(globalThis.gc === undefined ? 'none' : 'exposed', thread)
  Object.defineProperty(globalThis, 'gc', {
    get() {
      say('asked', thread)
      return undefined
    },
  })`

async function serving(
  hook: string,
  test: (server: RunningServer, said: (line: RegExp) => Promise<RegExpExecArray>) => Promise<void>,
): Promise<void> {
  await using directory = await createTemporaryDirectory()
  const path = join(directory.path, 'hook.cjs')
  await writeFile(path, hook)
  const env = { NODE_OPTIONS: `--require ${path}` }
  await using server = await startServer({ args: ['--quiet'], env })
  await test(server, async (line) => {
    const end = Date.now() + PATIENCE_MS
    while (Date.now() < end) {
      const match = line.exec(server.output())
      if (match !== null) return match
      await delay(50)
    }
    throw new Error(`expected ${String(line)}, found:\n${server.output()}`)
  })
}

describe('an idle server', () => {
  it('collects the garbage of its threads, and serves on', () =>
    serving(COLLECTED, async (server, said) => {
      await said(/^dropped 500000$/m)
      const [, heap, resident] = await said(/^collected main (-?\d+) (-?\d+)$/m)
      assert.ok(Number(heap) > 20e6, `${heap} bytes of the heap were collected`)
      assert.ok(Number(resident) > 20e6, `${resident} bytes were given back`)
      await said(/^collected chancery-writer /m)
      assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
      await server.kill('SIGTERM')
      assert.match(server.output(), /^SIGTERM: /m)
    }))

  it('serves on where the engine collects nothing on demand', () =>
    serving(ASKED, async (server, said) => {
      await said(/^asked main$/m)
      await said(/^asked chancery-writer$/m)
      assert.doesNotMatch(server.output(), /^exposed/m)
      assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
      await server.kill('SIGTERM')
      assert.match(server.output(), /^SIGTERM: /m)
    }))
})
