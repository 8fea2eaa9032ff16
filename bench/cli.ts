import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodePem } from '../src/format/pem.ts'
import { runProgram } from '../test/support/child-process.ts'
import { component } from '../test/support/components.ts'
import { installPackage } from '../test/support/installed-package.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../test/support/temporary-directory.ts'
import { utf8 } from '../test/verify/test-certificates.ts'
import {
  createTestSigstore,
  issueLeaf,
  signArtifact,
  trustedRootOf,
} from '../test/verify/test-sigstore.ts'
import type { Bench, BenchOptions } from './bench.ts'
import { printTable } from './table.ts'

/** What is done; every program that is compared does the same. */
type Task = 'nothing' | 'version' | 'help' | 'verify'

/** A command line that is timed from its start to its end. */
interface Contender {
  readonly name: string
  readonly task: Task
  readonly command: readonly [string, ...string[]]
}

/** One row of the report. */
interface Measurement {
  readonly name: string
  readonly task: Task
  /** Wall time from start to end. */
  readonly medianMs: number
  readonly leastMs: number
}

/** A bundle that a bare key signed, with what it takes to verify it. */
interface VerifyFiles {
  readonly artifact: string
  readonly bundle: string
  readonly key: string
  readonly trustedRoot: string
}

const CLONE = fileURLToPath(new URL('../bin/chancery.js', import.meta.url))

/** Runs of each command line in a round. */
const RUNS = 10

/** By how much bare Node may be exceeded: 35 ms and 60 ms where it takes 26 ms. */
const BUDGET = { version: 1.4, verify: 2.3 } as const

/** Start-up of the command line, beside Node itself and cosign. */
export const bench: Bench = {
  summary: 'the start of the program and a verification with files, beside bare Node and cosign',
  run: runCliBench,
}

async function runCliBench(options: BenchOptions): Promise<object> {
  await using installed = await installPackage()
  await using directory = await createTemporaryDirectory()
  const files = await writeFiles(directory)
  const contenders = listContenders(installed.program, files)
  const env = { HOME: directory.path, XDG_CACHE_HOME: join(directory.path, 'cache') }
  const times = contenders.map((): number[] => [])
  for (let run = 0; run <= options.rounds * RUNS; run++) {
    for (const [index, contender] of contenders.entries()) {
      const took = await time(contender, env)
      // The first run fills the caches of the disk and of compiled code.
      if (run > 0) times[index]!.push(took)
    }
  }
  const measurements = contenders.map(({ name, task }, index): Measurement => {
    const sorted = times[index]!.sort((left, right) => left - right)
    return { name, task, medianMs: sorted[sorted.length >> 1]!, leastMs: sorted[0]! }
  })
  report(measurements)
  return { name: 'cli', measurements }
}

function listContenders(program: string, files: VerifyFiles): readonly Contender[] {
  const node = process.execPath
  const verify = ['verify-blob', files.artifact, '--bundle', files.bundle, '--key', files.key]
  const chancery = (name: string, start: readonly [string, ...string[]]): Contender[] => [
    { name, task: 'version', command: [...start, '--version'] },
    { name, task: 'help', command: [...start, '--help'] },
    { name, task: 'verify', command: [...start, ...verify] },
  ]
  const older = component('older-node')
  return [
    { name: 'node -e 0', task: 'nothing', command: [node, '-e', '0'] },
    ...chancery('chancery', [node, program]),
    ...chancery('chancery, a clone', [node, CLONE]),
    ...(older.absent === false
      ? chancery('chancery under an older Node', [older.path, program])
      : []),
    ...cosign('cosign-2', ['--new-bundle-format'], files),
    ...cosign('cosign-3', [], files),
  ]
}

function cosign(
  which: 'cosign-2' | 'cosign-3',
  flags: readonly string[],
  files: VerifyFiles,
): readonly Contender[] {
  const found = component(which)
  if (found.absent !== false) return []
  const verify = ['verify-blob', files.artifact, '--bundle', files.bundle, '--key', files.key]
  // Without a trusted root it would look for one in the network.
  const offline = ['--insecure-ignore-tlog', '--trusted-root', files.trustedRoot]
  const name = which.replace('-', ' ')
  return [
    { name, task: 'version', command: [found.path, 'version'] },
    { name, task: 'help', command: [found.path, '--help'] },
    { name, task: 'verify', command: [found.path, ...verify, ...flags, ...offline] },
  ]
}

async function writeFiles({ path }: TemporaryDirectory): Promise<VerifyFiles> {
  const sigstore = createTestSigstore()
  const leaf = issueLeaf(sigstore)
  const artifact = utf8('an artifact')
  const bundle = signArtifact(sigstore, leaf, artifact, { isKeySigned: true })
  const contents = {
    artifact,
    bundle: JSON.stringify(bundle),
    key: encodePem('PUBLIC KEY', leaf.publicKey),
    trustedRoot: JSON.stringify(trustedRootOf(sigstore)),
  }
  const entries = await Promise.all(
    Object.entries(contents).map(async ([name, content]) => {
      await writeFile(join(path, name), content)
      return [name, join(path, name)] as const
    }),
  )
  return Object.fromEntries(entries) as unknown as VerifyFiles
}

/** @throws Error if the program says no. */
async function time({ name, command }: Contender, env: Record<string, string>): Promise<number> {
  const [program, ...args] = command
  const began = performance.now()
  const { code, stderr } = await runProgram(program, args, { env })
  const took = performance.now() - began
  if (code !== 0) throw new Error(`${name}: ${args[0] ?? ''} ended with ${code}: ${stderr}`)
  return took
}

function report(measurements: readonly Measurement[]): void {
  const bare = measurements.find(({ task }) => task === 'nothing')!
  const cosigns = ['cosign 2', 'cosign 3']
  const rows = measurements.map((one) => [
    `${one.name}${one.task === 'nothing' ? '' : ` ${one.task}`}`,
    one.medianMs.toFixed(1),
    one.leastMs.toFixed(1),
    (one.medianMs / bare.medianMs).toFixed(2),
    ...cosigns.map((name) => ratioTo(measurements, name, one)),
  ])
  printTable(
    ['command', 'median ms', 'least ms', '/node', ...cosigns.map((name) => `/${name}`)],
    rows,
  )
  process.stdout.write('\n')
  for (const task of ['version', 'verify'] as const) {
    const ours = measurements.find((one) => one.name === 'chancery' && one.task === task)!
    const ratio = ours.medianMs / bare.medianMs
    const holds = ratio <= BUDGET[task] ? 'holds' : 'does not hold'
    process.stdout.write(
      `budget: ${task} within ${BUDGET[task]} of bare Node: ${ratio.toFixed(2)}, ${holds}\n`,
    )
    for (const name of cosigns) {
      const peer = measurements.find((one) => one.name === name && one.task === task)
      if (peer === undefined) continue
      const isBelow = ours.medianMs < peer.medianMs ? 'holds' : 'does not hold'
      process.stdout.write(`budget: ${task} below ${name}: ${isBelow}\n`)
    }
  }
}

function ratioTo(measurements: readonly Measurement[], name: string, one: Measurement): string {
  const peer = measurements.find((other) => other.name === name && other.task === one.task)
  return peer === undefined ? '' : (one.medianMs / peer.medianMs).toFixed(2)
}
