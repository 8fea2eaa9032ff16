import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import { cp, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { runProgram } from '../support/child-process.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../support/temporary-directory.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a user has after installing the package: no sources, and dependencies beside it. */
async function createInstalledPackage(): Promise<TemporaryDirectory> {
  const directory = await createTemporaryDirectory()
  const built = await runProgram(process.execPath, [
    join(root, 'tools/build.ts'),
    join(directory.path, 'dist'),
  ])
  assert.equal(built.code, 0, built.stderr)
  await cp(join(root, 'bin'), join(directory.path, 'bin'), { recursive: true })
  await cp(join(root, 'package.json'), join(directory.path, 'package.json'))
  await symlink(join(root, 'node_modules'), join(directory.path, 'node_modules'))
  return directory
}

describe('npm run build', () => {
  it('writes every module but the tests, and the program runs from them', async () => {
    await using installed = await createInstalledPackage()
    const dist = join(installed.path, 'dist')
    const built = globSync('**/*', { cwd: dist }).filter((path) => /(?<!\.d)\.\w+$/.test(path))
    const sources = globSync('**/*.ts', { cwd: join(root, 'src') })
      .filter((path) => !path.endsWith('.test.ts'))
      .map((path) => path.replace(/\.ts$/, '.js'))
    assert.deepEqual(built.sort(), sources.sort())
    const help = await runProgram(process.execPath, [
      join(installed.path, 'bin/chancery.js'),
      '--help',
    ])
    assert.equal(help.code, 0, help.stderr)
    assert.match(help.stdout, /chancery/)
  })

  it('leaves no import that points nowhere', async () => {
    await using installed = await createInstalledPackage()
    const dist = join(installed.path, 'dist')
    for (const path of globSync('**/*.js', { cwd: dist })) {
      const text = await readFile(join(dist, path), 'utf8')
      for (const { fileName } of ts.preProcessFile(text).importedFiles) {
        if (!fileName.startsWith('.')) continue
        const imported = join(dist, dirname(path), fileName)
        assert.ok(existsSync(imported), `${path} imports ${fileName}`)
      }
    }
  })
})
