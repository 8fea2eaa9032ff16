import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How one real component is recognised: the executable's name, and what its answer must say. */
interface Recipe {
  /** Names tried in the PATH; the component cache knows it by the component's own name. */
  readonly commands: readonly string[]
  /** Asked of a candidate from the PATH; one whose output does not match is another version. */
  readonly probe?: { readonly args: readonly string[]; readonly accept: RegExp }
  /** What a person installs to have it. */
  readonly comesFrom: string
  /**
   * `false` for what `.ci/run` has no way to install: `CHANCERY_REQUIRE=all` leaves it out, only
   * its own name requires it, and the end of the test run names it like any other absence.
   */
  readonly inContinuousIntegration?: false
}

const checkout = fileURLToPath(new URL('../..', import.meta.url))

const recipes = {
  bash: { commands: ['bash'], comesFrom: 'the package bash' },
  'cosign-2': {
    commands: ['cosign'],
    probe: { args: ['version'], accept: /GitVersion:\s+v?2\./ },
    comesFrom: 'tools/components/cosign.sh',
  },
  'cosign-3': {
    commands: ['cosign'],
    probe: { args: ['version'], accept: /GitVersion:\s+v?3\./ },
    comesFrom: 'tools/components/cosign.sh',
  },
  curl: { commands: ['curl'], comesFrom: 'the package curl' },
  'docker-registry': {
    commands: ['docker-registry'],
    comesFrom: 'the package docker-registry',
  },
  git: {
    commands: ['git'],
    // Sources that were unpacked from an archive have no list of tracked files.
    probe: { args: ['-C', checkout, 'rev-parse', '--is-inside-work-tree'], accept: /true/ },
    comesFrom: 'the package git, in a clone of the repository',
  },
  'gnu-tar': {
    commands: ['tar', 'gtar'],
    probe: { args: ['--version'], accept: /GNU tar/ },
    comesFrom: 'the package tar',
  },
  jq: { commands: ['jq'], comesFrom: 'the package jq' },
  mkfifo: { commands: ['mkfifo'], comesFrom: 'the package coreutils' },
  'network-namespace': {
    commands: ['unshare'],
    // Nothing but a loopback interface of its own.
    probe: {
      args: ['--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && echo cut off'],
      accept: /cut off/,
    },
    comesFrom: 'the package iproute2, and the right to make a network namespace',
  },
  'node-22': {
    commands: ['node'],
    probe: { args: ['--version'], accept: /^v22\./ },
    comesFrom: 'tools/components/node.sh',
  },
  'older-node': {
    commands: ['node'],
    probe: { args: ['--version'], accept: /^v(1\d|2[0-3])\./ },
    comesFrom: 'a Node.js between 10 and 23 in the PATH',
  },
  openssl: { commands: ['openssl'], comesFrom: 'the package openssl' },
  python3: { commands: ['python3'], comesFrom: 'the package python3' },
  'referrers-registry': {
    commands: ['referrers-registry'],
    comesFrom: 'tools/components/referrers-registry.sh',
  },
  'signpath-java-client': {
    commands: [],
    comesFrom: 'tools/components/signpath-java-client.sh',
  },
  'signpath-maven-plugin': {
    commands: [],
    comesFrom:
      'a mvn in the PATH whose settings know the plugin org.eclipse.csi:signpath-maven-plugin',
    inContinuousIntegration: false,
  },
  skopeo: {
    commands: ['skopeo'],
    // The 1.9 of Debian 12 is built without Sigstore signatures.
    probe: { args: ['--version'], accept: /version 1\.(1[3-9]|[2-9]\d)\./ },
    comesFrom: 'tools/components/skopeo.sh',
  },
  strace: { commands: ['strace'], comesFrom: 'the package strace' },
  'small-disk': {
    commands: ['unshare'],
    // In a name space of its own, so that nothing stays mounted.
    probe: {
      args: ['--mount', 'sh', '-c', 'mount -t tmpfs none /mnt && echo mounted'],
      accept: /mounted/,
    },
    comesFrom: 'the right to mount a file system',
    inContinuousIntegration: false,
  },
  unzip: { commands: ['unzip'], comesFrom: 'the package unzip' },
  wrk: { commands: ['wrk'], comesFrom: 'the package wrk' },
  zip: { commands: ['zip'], comesFrom: 'the package zip' },
  zot: {
    commands: ['zot'],
    comesFrom: 'a release of zot in the PATH',
    inContinuousIntegration: false,
  },
} satisfies Record<string, Recipe>

/** A program we did not write and test against. */
export type ComponentName = keyof typeof recipes

/** Every component a test may name, in alphabetical order. */
export const componentNames = Object.keys(recipes) as ComponentName[]

/** A real component, present on this machine or not. */
export interface Component {
  readonly name: ComponentName
  /**
   * `false` when it is here, else the reason: made for node:test's `skip` option, as in
   * `describe('…', { skip: cosign.absent }, …)`. `tools/run-tests.ts` recognises the reason and
   * tells at the end what was not tried.
   */
  readonly absent: string | false
  /**
   * Absolute path of the executable.
   *
   * @throws Error when the component is absent.
   */
  readonly path: string
}

/** The beginning of the reason why a test is skipped, one for each component. */
const absencePrefix = 'absent component: '
/** Before each further one. */
const separator = /; (?=absent component: )/

/** Whether a reason of {@link absencesOf} is of a component that `.ci/run` has no way to install. */
export function isOutOfReach(reason: string): boolean {
  return componentNames.some((name) => {
    const recipe: Recipe = recipes[name]
    const itsReason = reason.startsWith(`${absencePrefix}${name} (`)
    return recipe.inContinuousIntegration === false && itsReason
  })
}

/** The reasons, one for each absent component, of which a skip reason made here consists; none if it is another one. */
export function absencesOf(skipReason: string): readonly string[] {
  return skipReason.startsWith(absencePrefix) ? skipReason.split(separator) : []
}

const cacheDirectory =
  process.env['CHANCERY_COMPONENTS'] ?? join(homedir(), '.cache', 'chancery-components')

/**
 * Looks a real component up: first in the component cache (`CHANCERY_COMPONENTS`, by default
 * `~/.cache/chancery-components`), then in the PATH.
 *
 * With `CHANCERY_REQUIRE=all`, or a comma-separated list that has its name, an absent component
 * is an error here, so that the test file which asks for it fails and says why.
 *
 * @throws Error when the component is required and absent.
 */
export function component(name: ComponentName): Component {
  const recipe: Recipe = recipes[name]
  const path = find(name, recipe)
  if (path !== undefined) return { name, absent: false, path }
  const reason = `${absencePrefix}${name} (comes from ${recipe.comesFrom})`
  if (isRequired(name, recipe)) throw new Error(`CHANCERY_REQUIRE asks for it; ${reason}`)
  return {
    name,
    absent: reason,
    get path(): string {
      throw new Error(reason)
    },
  }
}

/** The absences among several components, each named, for a test that needs all of them. */
export function anyAbsent(...components: readonly Component[]): string | false {
  const absences = components.flatMap(({ absent }) => (absent === false ? [] : [absent]))
  return absences.length > 0 && [...new Set(absences)].join('; ')
}

const found = new Map<ComponentName, string | undefined>()

function find(name: ComponentName, recipe: Recipe): string | undefined {
  if (found.has(name)) return found.get(name)
  const path = search(name, recipe)
  found.set(name, path)
  return path
}

function search(name: ComponentName, recipe: Recipe): string | undefined {
  const cached = join(cacheDirectory, 'bin', name)
  if (isExecutable(cached)) return cached
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((one) => one !== '')
  return directories
    .flatMap((directory) => recipe.commands.map((command) => join(directory, command)))
    .find((path) => isExecutable(path) && answersAsExpected(path, recipe))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function answersAsExpected(path: string, recipe: Recipe): boolean {
  if (recipe.probe === undefined) return true
  try {
    const output = execFileSync(path, recipe.probe.args, { timeout: 120_000, stdio: 'pipe' })
    return recipe.probe.accept.test(output.toString('utf8'))
  } catch {
    return false
  }
}

function isRequired(name: ComponentName, recipe: Recipe): boolean {
  const required = (process.env['CHANCERY_REQUIRE'] ?? '').split(',')
  const byAll = required.includes('all') && recipe.inContinuousIntegration !== false
  return byAll || required.includes(name)
}
