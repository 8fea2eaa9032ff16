import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { mayImport, type LayerPicture } from './layer-picture.ts'
import { folderOf, importsOf, isTest, type SourceTree } from './source-tree.ts'

const inputAndOutput = new Set(
  ['child_process', 'cluster', 'dgram', 'fs', 'fs/promises', 'http', 'http2', 'https', 'net']
    .concat(['readline', 'tls', 'worker_threads'])
    .map((name) => `node:${name}`),
)

/** The layers below which nothing touches the outside; `db` is L2 and is the store itself. */
const firstLevelWithInputAndOutput = 3
const foldersWithInputAndOutput = new Set(['db'])

/**
 * Checks every import of the program's modules against the picture.
 *
 * @param dependencies Names of the packages that are installed with the program.
 * @returns one sentence for each violation; none when all is as drawn.
 */
export function findImportViolations(
  picture: LayerPicture,
  tree: SourceTree,
  dependencies: readonly string[],
): string[] {
  const violations: string[] = []
  const modules = [...tree].filter(([path]) => !isTest(path))
  if (modules.length === 0) violations.push('there are no modules')
  const folders = new Set(modules.map(([path]) => folderOf(path)))
  for (const folder of picture.levels.keys()) {
    if (!folders.has(folder)) violations.push(`${folder} is drawn and has no modules`)
  }
  for (const folder of folders) {
    if (!picture.levels.has(folder)) violations.push(`${folder} is not drawn`)
  }
  for (const [path, text] of modules) {
    for (const specifier of importsOf(text)) {
      const found = specifier.startsWith('.')
        ? checkRelative(picture, tree, path, specifier)
        : checkBare(picture, path, specifier, dependencies)
      if (found !== undefined) violations.push(found)
    }
  }
  return [...violations, ...findCycles(modules)]
}

function checkRelative(
  picture: LayerPicture,
  tree: SourceTree,
  path: string,
  specifier: string,
): string | undefined {
  const target = posix.join(posix.dirname(path), specifier)
  if (target === '../package.json') return undefined
  if (target.startsWith('..')) return `${path} imports ${specifier}, which is outside of src`
  if (!tree.has(target)) return `${path} imports ${specifier}, which is no module`
  if (isTest(target)) return `${path} imports a test, ${specifier}`
  const from = folderOf(path)
  const to = folderOf(target)
  if (mayImport(picture, from, to)) return undefined
  const upward = (picture.levels.get(to) ?? 0) > (picture.levels.get(from) ?? 0)
  return `${path} imports ${upward ? 'upward' : 'sideways'}: ${specifier}`
}

function checkBare(
  picture: LayerPicture,
  path: string,
  specifier: string,
  dependencies: readonly string[],
): string | undefined {
  const folder = folderOf(path)
  if (!specifier.startsWith('node:')) {
    if (builtinModules.includes(specifier)) return `${path} imports ${specifier} without node:`
    const isDependency = dependencies.some(
      (name) => specifier === name || specifier.startsWith(`${name}/`),
    )
    return isDependency ? undefined : `${path} imports ${specifier}, which is no dependency`
  }
  if (specifier === 'node:crypto' && folder !== 'crypto') {
    return `${path} imports node:crypto, which is for crypto/ only`
  }
  const level = picture.levels.get(folder) ?? 0
  const isPure = level < firstLevelWithInputAndOutput && !foldersWithInputAndOutput.has(folder)
  return isPure && inputAndOutput.has(specifier)
    ? `${path} imports ${specifier}, and there is no I/O in its layer`
    : undefined
}

/** Folders that import one another, directly or around a ring. */
function findCycles(modules: readonly (readonly [string, string])[]): string[] {
  const edges = new Map<string, Set<string>>()
  for (const [path, text] of modules) {
    const from = folderOf(path)
    for (const specifier of importsOf(text).filter((one) => one.startsWith('.'))) {
      const to = folderOf(posix.join(posix.dirname(path), specifier))
      if (to !== from) edges.set(from, (edges.get(from) ?? new Set()).add(to))
    }
  }
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (folder: string, trail: readonly string[]): void => {
    const at = trail.indexOf(folder)
    if (at !== -1) cycles.push(`a cycle: ${[...trail.slice(at), folder].join(' -> ')}`)
    if (at !== -1 || done.has(folder)) return
    for (const next of edges.get(folder) ?? []) visit(next, [...trail, folder])
    done.add(folder)
  }
  for (const folder of edges.keys()) visit(folder, [])
  return cycles
}
