import { fileURLToPath } from 'node:url'
import { runProgram } from '../test/support/child-process.ts'
import { component } from '../test/support/components.ts'
import { pushTestIndex, type PushedIndex } from '../test/support/images.ts'
import { countRequests, type CountedRegistry } from '../test/support/counted-registry.ts'
import { startDockerRegistry, startReferrersRegistry } from '../test/support/registries.ts'
import { createTemporaryDirectory } from '../test/support/temporary-directory.ts'
import type { Bench } from './bench.ts'
import { printTable } from './table.ts'

const PLATFORMS = 10
const CHANCERY = fileURLToPath(new URL('../bin/chancery.js', import.meta.url))

/** Who signs and verifies: a program, and what it says for that. */
interface Contender {
  readonly name: string
  readonly absent: string | false
  command(): readonly [string, ...string[]]
  readonly sign: readonly string[]
  readonly verify: readonly string[]
  /** In which formats it signs; it is compared with what we need for the same. */
  readonly formats: Formats
  /** Whether its `verify` looks into an index by itself. */
  readonly isRecursive: boolean
}

type Formats = 'legacy' | 'bundle' | 'both'

const CONTENDERS: readonly Contender[] = [
  ...(['both', 'bundle', 'legacy'] as const).map((formats) => ({
    name: `chancery ${formats}`,
    absent: false as const,
    command: () => [process.execPath, CHANCERY] as const,
    sign: ['--signature-format', formats],
    verify: ['--recursive'],
    formats,
    isRecursive: true,
  })),
  cosign('cosign-2', 'cosign 2', 'legacy', [], []),
  cosign('cosign-3', 'cosign 3', 'bundle', ['--use-signing-config=false'], []),
  cosign(
    'cosign-3',
    'cosign 3 legacy',
    'legacy',
    ['--use-signing-config=false', '--new-bundle-format=false'],
    ['--new-bundle-format=false'],
  ),
]

function cosign(
  which: 'cosign-2' | 'cosign-3',
  name: string,
  formats: Formats,
  sign: readonly string[],
  verify: readonly string[],
): Contender {
  const { absent } = component(which)
  return {
    name,
    absent,
    command: () => [component(which).path],
    sign: ['--tlog-upload=false', ...sign],
    verify: ['--insecure-ignore-tlog=true', ...verify],
    formats,
    isRecursive: false,
  }
}

interface Counts {
  readonly registry: string
  readonly program: string
  readonly formats: Formats
  readonly sign: number
  readonly verify: number
}

export const bench: Bench = {
  summary: 'registry requests for signing and verifying an index of 10 platforms, beside cosign',
  async run() {
    const counts: Counts[] = []
    const absent: string[] = []
    for (const [name, start] of [
      ['docker-registry', startDockerRegistry],
      ['referrers-registry', startReferrersRegistry],
    ] as const) {
      if (component(name).absent !== false) {
        absent.push(name)
        continue
      }
      await using registry = await countRequests(await start())
      for (const contender of CONTENDERS) {
        if (contender.absent === false) counts.push(await measure(name, registry, contender))
        else if (!absent.includes(contender.name)) absent.push(contender.name)
      }
    }
    print(counts)
    if (absent.length > 0) process.stdout.write(`\nnot here: ${absent.join(', ')}\n`)
    return { platforms: PLATFORMS, counts, absent }
  },
}

function print(counts: readonly Counts[]): void {
  const header = ['registry, program', 'sign', 'verify', 'both', 'chancery/this']
  const rows = counts.map(({ registry, program, formats, sign, verify }) => {
    const ours = counts.find(
      (each) => each.registry === registry && each.program === `chancery ${formats}`,
    )
    const ratio = ((ours?.sign ?? 0) + (ours?.verify ?? 0)) / (sign + verify)
    return [`${registry}, ${program}`, sign, verify, sign + verify, ratio.toFixed(2)]
  })
  printTable(header, rows)
}

/** Signs a new index and all that it lists with a new key, then verifies all of it. */
async function measure(
  registryName: string,
  registry: CountedRegistry,
  contender: Contender,
): Promise<Counts> {
  await using directory = await createTemporaryDirectory()
  const repository = `team/${contender.name.replaceAll(' ', '-')}`
  const index = await pushTestIndex(`${registry.host}/${repository}:1`, PLATFORMS)
  const [command, ...first] = contender.command()
  const run = async (...args: readonly string[]): Promise<number> => {
    registry.take()
    const options = { cwd: directory.path, env: environmentIn(directory.path), timeoutMs: 300_000 }
    const done = await runProgram(command, [...first, ...args], options)
    if (done.code !== 0) throw new Error(`${contender.name} ${args.join(' ')}: ${done.stderr}`)
    return registry.take()
  }
  await run('generate-key-pair')
  const sign = await run('sign', '-r', '--key', 'cosign.key', ...contender.sign, index.byDigest)
  const images = contender.isRecursive ? [index.byDigest] : allOf(index)
  const verify = await run('verify', '--key', 'cosign.pub', ...contender.verify, ...images)
  return {
    registry: registryName,
    program: contender.name,
    formats: contender.formats,
    sign,
    verify,
  }
}

function allOf(index: PushedIndex): readonly string[] {
  return [index, ...index.children].map(({ byDigest }) => byDigest)
}

/** Nothing of this machine's configuration, and no way out of it. */
function environmentIn(home: string): Record<string, string> {
  return {
    HOME: home,
    DOCKER_CONFIG: home,
    TUF_ROOT: `${home}/tuf`,
    TUF_MIRROR: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '127.0.0.1,localhost',
    COSIGN_YES: 'true',
    COSIGN_PASSWORD: '',
  }
}
