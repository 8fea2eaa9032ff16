import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
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
    for (const main of ['src/main.ts', 'dist/main.cjs']) {
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
    await using copy = await createPackage({ main: 'dist/other.cjs' })
    const finished = await runProgram(process.execPath, [copy.program])
    assert.equal(finished.code, 70)
    assert.match(finished.stderr, /MODULE_NOT_FOUND/)
    await using broken = await createPackage()
    await writeFile(join(broken.path, 'src/main.ts'), "import './nothing.ts'\n")
    assert.equal((await runProgram(process.execPath, [broken.program])).code, 70)
  })
})

describe('the compiled code that bin/chancery.js keeps', () => {
  /** Runs with these as directories of the user; what was kept below them. */
  async function keptBy(
    copy: { readonly program: string },
    env: { readonly HOME: string | undefined; readonly XDG_CACHE_HOME: string | undefined },
  ): Promise<readonly string[]> {
    const finished = await runProgram(process.execPath, [copy.program, 'fail'], { env })
    assert.equal(finished.code, 5, finished.stderr)
    assert.equal(finished.stderr, '')
    const found = await readdir(
      join(env.XDG_CACHE_HOME ?? `${env.HOME ?? ''}/.cache`, 'chancery'),
      {
        recursive: true,
      },
    ).catch(() => [])
    return found
  }

  it('lies where the user keeps such things, and nobody else can write', async () => {
    await using copy = await createPackage()
    const home = join(copy.path, 'home')
    await mkdir(home, { mode: 0o700 })
    assert.notDeepEqual(await keptBy(copy, { HOME: home, XDG_CACHE_HOME: undefined }), [])
    const { mode } = await stat(join(home, '.cache/chancery'))
    assert.equal(mode & 0o777, 0o700)
    const cache = join(home, 'elsewhere')
    assert.notDeepEqual(await keptBy(copy, { HOME: home, XDG_CACHE_HOME: cache }), [])
  })

  it('is not kept where somebody else could put code', async () => {
    await using copy = await createPackage()
    const open = join(copy.path, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    assert.deepEqual(await keptBy(copy, { HOME: open, XDG_CACHE_HOME: undefined }), [])
    const home = join(copy.path, 'home')
    await mkdir(join(home, '.cache'), { recursive: true, mode: 0o700 })
    await mkdir(join(copy.path, 'theirs'))
    await symlink(join(copy.path, 'theirs'), join(home, '.cache/chancery'))
    assert.deepEqual(await keptBy(copy, { HOME: home, XDG_CACHE_HOME: undefined }), [])
  })

  it('is no condition of a start', async () => {
    await using copy = await createPackage()
    await writeFile(join(copy.path, 'file'), '')
    for (const home of [undefined, '', 'relative', join(copy.path, 'file')]) {
      assert.deepEqual(await keptBy(copy, { HOME: home, XDG_CACHE_HOME: undefined }), [], home)
    }
  })

  it('never hides an edit of the sources', async () => {
    await using copy = await createPackage()
    const env = { HOME: copy.path, XDG_CACHE_HOME: undefined }
    await chmod(copy.path, 0o700)
    assert.notDeepEqual(await keptBy(copy, env), [])
    await writeFile(join(copy.path, 'src/main.ts'), "console.log('edited' as string)\n")
    const finished = await runProgram(process.execPath, [copy.program, 'fail'], { env })
    assert.equal(finished.stdout, 'edited\n')
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
