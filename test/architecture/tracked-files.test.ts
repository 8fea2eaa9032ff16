import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { component } from '../support/components.ts'
import { root } from './source-tree.ts'

const git = component('git')

/** Hosts that serve packages; written in parts, so that this file does not name them either. */
const packageHosts = [
  ['registry', 'npmjs', 'org'],
  ['npmjs', 'com'],
  ['yarnpkg', 'com'],
  ['proxy', 'golang', 'org'],
  ['sum', 'golang', 'org'],
  ['deb', 'debian', 'org'],
  ['security', 'debian', 'org'],
  ['pypi', 'org'],
  [['python', 'hosted'].join(''), 'org'],
  ['crates', 'io'],
  ['repo', 'maven', 'apache', 'org'],
].map((parts) => parts.join('.'))

/** Directories of the machines the program is developed on. */
const machinePaths = ['root', 'work'].map((name) => `/${name}/`)

/** What a text must not name: where packages come from here, and where this checkout lies. */
function findForeignNames(text: string): string[] {
  const hosts = packageHosts.filter((host) => text.includes(host))
  const paths = machinePaths.filter((path) =>
    text.split(path).some((before, index, all) => {
      // A longer path, such as $directory/root/usr, only has it in its middle.
      return index < all.length - 1 && !/[\w.}"$*]$/.test(before)
    }),
  )
  return [...hosts, ...paths]
}

function trackedFiles(): string[] {
  const listed = execFileSync(git.path, ['ls-files', '-z'], { cwd: root, maxBuffer: 1 << 26 })
  return listed
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '')
}

describe('tracked files', () => {
  it('name no package registry and no path of a development machine', { skip: git.absent }, () => {
    const files = trackedFiles().filter((path) => existsSync(join(root, path)))
    assert.ok(files.length > 100)
    const found = files.flatMap((path) =>
      findForeignNames(readFileSync(join(root, path), 'utf8')).map((name) => `${path}: ${name}`),
    )
    assert.deepEqual(found, [])
  })

  it('are found out when they do', () => {
    const host = packageHosts[0]!
    const path = machinePaths[1]!
    assert.deepEqual(findForeignNames(`"resolved": "https://${host}/x"`), [host])
    assert.deepEqual(findForeignNames(`cd ${path}main`), [path])
    assert.deepEqual(findForeignNames(`'${path}main'`), [path])
    assert.deepEqual(findForeignNames(`"$directory${machinePaths[0]!}usr"`), [])
    assert.deepEqual(findForeignNames('index.docker.io/library/alpine'), [])
  })

  it('leave it open in the lock file where packages come from', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
    assert.doesNotMatch(lock, /"resolved": "http/)
  })
})
