import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import ts from 'typescript'
import { getTemplate } from '../../src/policy/templates.ts'
import type { ExaminationTask } from '../../src/signing/examination.ts'
import type { ThreadAnswer } from '../../src/signing/examination-thread.ts'
import { payloadFor } from '../support/authority.ts'
import { runProgram } from '../support/child-process.ts'
import { installPackage, type InstalledPackage } from '../support/installed-package.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}

/** What a module of the build loads, by import, by require, and when it runs. */
async function loadedBy(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8')
  const imported = ts.preProcessFile(text, true, true).importedFiles.map((one) => one.fileName)
  const started = [...text.matchAll(/new URL\([^"]*(?:"[^"]*"[^"]*)*?"(\.\/[\w-]+\.cjs)"/g)]
  return [...imported, ...started.map(([, name]) => name!)]
}

describe('npm run build', () => {
  let installed: InstalledPackage

  before(async () => {
    installed = await installPackage()
  })

  after(async () => {
    await installed[Symbol.asyncDispose]()
  })

  it('writes a program that runs, and answers for each command', async () => {
    const list = await runProgram(process.execPath, [installed.program, '__complete', ''])
    assert.equal(list.code, 0, list.stderr)
    const commands = list.stdout.trim().split('\n')
    assert.ok(commands.includes('verify-blob') && commands.length > 20, list.stdout)
    const help = await runProgram(process.execPath, [installed.program, '--help'])
    assert.match(help.stdout, /EXAMPLES/)
  })

  it('loads nothing that is not there', async () => {
    const paths = globSync('**/*.{js,cjs}', { cwd: installed.dist })
    assert.ok(paths.includes('main.cjs') && paths.includes('public/verify.js'))
    const packages = new Set<string>()
    for (const path of paths) {
      for (const name of await loadedBy(join(installed.dist, path))) {
        if (name.startsWith('.')) {
          const loaded = join(installed.dist, dirname(path), name)
          assert.ok(existsSync(loaded), `${path} loads ${name}`)
        } else if (!builtinModules.includes(name.replace(/^node:/, ''))) {
          packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)![0])
        }
      }
    }
    for (const name of packages) assert.ok(name in dependencies, `${name} is no dependency`)
    assert.ok(packages.has('better-sqlite3') && packages.has('fastify'))
    assert.ok(!packages.has('typebox'))
    assert.match(await readFile(join(installed.dist, 'typebox.license'), 'utf8'), /MIT License/)
  })

  it('starts the writer thread of a server', async () => {
    await using directory = await createTemporaryDirectory()
    const data = join(directory.path, 'data')
    const key = join(directory.path, 'master.key')
    const made = await runProgram(process.execPath, [
      ...[installed.program, 'init', '--data-dir', data, '--master-key-file', key],
      ...['--organization', 'Acme'],
    ])
    assert.equal(made.code, 0, made.stderr)
    const checked = await runProgram(process.execPath, [
      ...[installed.program, 'fsck', '--data-dir', data, '--master-key-file', key],
    ])
    assert.equal(checked.code, 0, checked.stderr)
  })

  it('starts the thread that examines', async () => {
    const thread = new Worker(join(installed.dist, 'examination-thread.cjs'))
    const answer = once(thread, 'message') as Promise<[ThreadAnswer]>
    thread.postMessage({
      artifact: { kind: 'entry', path: 'a.json', bytes: payloadFor() },
      xml: getTemplate('detached-raw-signatures').xml,
      parameters: {},
      rules: {
        allowedImages: ['registry.acme.test/**'],
        allowOtherFiles: false,
        signatureFormats: ['legacy'],
        allowedPredicateTypes: [],
      },
    } satisfies ExaminationTask)
    const [found] = await answer
    await thread.terminate()
    assert.equal(found.kind, 'found')
    assert.equal(found.finding.outcome, 'allowed')
  })

  it('verifies a file from few files, without package or network, before a command asks', async () => {
    const needed = new Set<string>()
    const seen = new Set<string>([
      ...globSync('{main,cli-*,verify-blob-*}.cjs', { cwd: installed.dist }),
    ])
    assert.ok(seen.size >= 3)
    for (const path of seen) {
      const text = await readFile(join(installed.dist, path), 'utf8')
      // At the start of a line: what is loaded with the module, not by a command.
      for (const [, name] of text.matchAll(/^(?:const|let) .*require\("([^"]+)"\)/gm)) {
        if (name!.startsWith('.')) seen.add(join(name!))
        else needed.add(name!)
      }
    }
    assert.ok(seen.size <= 6, [...seen].join())
    // node:util is in every process of Node from its start.
    const expected = ['@stricli/core', 'node:crypto', 'node:fs', 'node:path', 'node:util']
    assert.deepEqual([...needed].sort(), expected)
  })
})
