import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { runProgram, startProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../support/temporary-directory.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const olderNode = component('older-node')
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  version: string
}

const mainText = `
console.log(JSON.stringify({ major: Number.parseInt(process.version.slice(1)), args: process.argv.slice(2) }))
if (process.argv[2] === 'wait') {
  process.on('SIGTERM', () => { console.log('terminated'); process.exit(7) })
  setInterval(() => {}, 1000)
  console.log('ready')
}
if (process.argv[2] === 'fail') process.exitCode = 5
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL')
`

/** A package that has our bin/ and a main module which tells how it was started. */
async function createPackage(
  parts: { readonly main?: string; readonly withNode?: boolean } = {},
): Promise<TemporaryDirectory & { program: string }> {
  const directory = await createTemporaryDirectory()
  await cp(join(root, 'bin'), join(directory.path, 'bin'), { recursive: true })
  await cp(join(root, 'package.json'), join(directory.path, 'package.json'))
  const main = join(directory.path, parts.main ?? 'src/main.ts')
  await mkdir(join(main, '..'))
  await writeFile(main, mainText)
  if (parts.withNode === true) {
    await mkdir(join(directory.path, 'node_modules'))
    await symlink(join(root, 'node_modules/node'), join(directory.path, 'node_modules/node'))
  }
  return { ...directory, program: join(directory.path, 'bin/chancery.js') }
}

describe('bin/chancery.js', () => {
  it('has no syntax newer than ES2017, dynamic import apart', async () => {
    const text = await readFile(join(root, 'bin/chancery.js'), 'utf8')
    const transpiled = (target: ts.ScriptTarget): string =>
      ts.transpileModule(text, { compilerOptions: { target, module: ts.ModuleKind.ESNext } })
        .outputText
    assert.equal(transpiled(ts.ScriptTarget.ES2017), transpiled(ts.ScriptTarget.ESNext))
    assert.match(text, /import\(/)
  })

  it('runs the sources of a clone, and the build where there are none', async () => {
    for (const main of ['src/main.ts', 'dist/main.js']) {
      await using copy = await createPackage({ main })
      const finished = await runProgram(process.execPath, [copy.program, 'fail', '--flag'])
      assert.equal(finished.code, 5, finished.stderr)
      const told = JSON.parse(finished.stdout) as { args: string[] }
      assert.deepEqual(told.args, ['fail', '--flag'])
    }
  })

  it('tells its version without loading the program', async () => {
    await using copy = await createPackage()
    await writeFile(join(copy.path, 'src/main.ts'), "throw new Error('loaded')\n")
    const finished = await runProgram(process.execPath, [copy.program, '--version'])
    assert.deepEqual([finished.code, finished.stdout], [0, `${version}\n`])
  })

  it('exits with 70 when the program cannot be loaded', async () => {
    await using copy = await createPackage({ main: 'dist/other.js' })
    const finished = await runProgram(process.execPath, [copy.program])
    assert.equal(finished.code, 70)
    assert.match(finished.stderr, /ERR_MODULE_NOT_FOUND/)
  })
})

describe('bin/chancery.js on a Node.js that is too old', { skip: olderNode.absent }, () => {
  it('hands over to the Node.js of the npm package, with arguments and exit status', async () => {
    await using copy = await createPackage({ withNode: true })
    const finished = await runProgram(olderNode.path, [copy.program, 'fail', 'a b', '--version'])
    assert.equal(finished.code, 5, finished.stderr)
    const told = JSON.parse(finished.stdout) as { major: number; args: string[] }
    assert.ok(told.major >= 24)
    assert.deepEqual(told.args, ['fail', 'a b', '--version'])
  })

  it('forwards signals and ends as the other process ends', async () => {
    await using copy = await createPackage({ withNode: true })
    const { program } = await startProgram(olderNode.path, [copy.program, 'wait'], /ready/)
    const ended = once(program.child, 'close')
    program.child.kill('SIGTERM')
    assert.deepEqual(await ended, [7, null])
    assert.match(program.output(), /terminated/)
    const killed = await runProgram(olderNode.path, [copy.program, 'die'])
    assert.deepEqual([killed.code, killed.signal], [null, 'SIGKILL'])
  })

  it('says what it found, what it needs and what to do', async () => {
    await using copy = await createPackage()
    const finished = await runProgram(olderNode.path, [copy.program, 'serve'])
    assert.deepEqual([finished.code, finished.stdout], [70, ''])
    assert.match(finished.stderr, /^error: chancery needs Node\.js 24 or newer; this is \d+\./)
    assert.match(finished.stderr, /^hint: .*npm install node@24/m)
  })

  it('tells its version all the same', async () => {
    await using copy = await createPackage()
    const finished = await runProgram(olderNode.path, [copy.program, '--version'])
    assert.deepEqual([finished.code, finished.stdout], [0, `${version}\n`])
  })
})
