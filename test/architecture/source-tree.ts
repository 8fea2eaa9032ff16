import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Absolute path of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The modules of src/ by their path relative to it, with `/`; tests are among them. */
export type SourceTree = ReadonlyMap<string, string>

/** Reads every `.ts` file below a directory. */
export async function readSourceTree(directory: string): Promise<SourceTree> {
  const tree = new Map<string, string>()
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const path = join(entry.parentPath, entry.name)
    tree.set(path.slice(join(directory, '/').length), await readFile(path, 'utf8'))
  }
  return tree
}

/** Whether a path is a test's and not the program's. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/** The folder of a module, or `main` for the module above all folders. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '')
}

/** Every module specifier of a text: static, type-only, re-exporting and dynamic imports. */
export function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
}
