import assert from 'node:assert/strict'
import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from './child-process.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from './temporary-directory.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a user has after installing the package. */
export interface InstalledPackage extends TemporaryDirectory {
  /** The program of the package: `bin/chancery.js`. */
  readonly program: string
  readonly dist: string
}

/** Builds the package as it is published: no sources, and its dependencies beside it. */
export async function installPackage(): Promise<InstalledPackage> {
  const directory = await createTemporaryDirectory()
  const dist = join(directory.path, 'dist')
  const built = await runProgram(process.execPath, [join(root, 'tools/build.ts'), dist])
  assert.equal(built.code, 0, built.stderr)
  await cp(join(root, 'bin'), join(directory.path, 'bin'), { recursive: true })
  await cp(join(root, 'package.json'), join(directory.path, 'package.json'))
  await symlink(join(root, 'node_modules'), join(directory.path, 'node_modules'))
  return { ...directory, dist, program: join(directory.path, 'bin/chancery.js') }
}
