import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { Deadline } from '../../src/cli/deadline.ts'
import { artifactRoutes } from '../../src/cli/routes/artifacts.ts'
import { blobRoutes } from '../../src/cli/routes/blobs.ts'
import { imageRoutes } from '../../src/cli/routes/images.ts'
import { inParallel } from '../../src/registry/in-parallel.ts'
import { startHostileServer } from '../registry/hostile-server.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const KEY = ['--key', 'cosign.key']
const PUBLIC_KEY = ['--key', 'cosign.pub']
const ATTEST = ['--type', 'https://acme.test/v1', '--predicate', 'predicate.json']
const SIGNATURE = ['--payload', 'payload.json', '--signature', 'payload.sig']
/** Every command that has `--timeout` and speaks to a registry, with what it needs besides an image. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  tree: [],
  'download signature': [],
  'download attestation': [],
  save: ['--dir', 'absent'],
  load: ['--dir', 'saved'],
  clean: ['--force'],
  copy: ['IMAGE'],
  sign: KEY,
  attest: [...KEY, ...ATTEST],
  generate: [],
  'attach signature': [...SIGNATURE, ...PUBLIC_KEY],
  'attach attestation': ['--attestation', 'bundle.json'],
  verify: PUBLIC_KEY,
  'verify-attestation': PUBLIC_KEY,
  triangulate: [],
}

interface Target {
  readonly parameters?: { readonly flags?: Readonly<Record<string, unknown>> }
  getAllEntries?(): readonly { readonly name: { readonly original: string }; target: Target }[]
}

/** The commands below some routes that have `--timeout`. */
function commandsWithTimeout(routes: Readonly<Record<string, Target>>): readonly string[] {
  return Object.entries(routes).flatMap(([name, target]) => {
    const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const below = target.getAllEntries?.()
    if (below === undefined)
      return target.parameters?.flags?.['timeout'] === undefined ? [] : [kebab]
    const inner = Object.fromEntries(below.map((one) => [one.name.original, one.target]))
    return commandsWithTimeout(inner).map((one) => `${kebab} ${one}`)
  })
}

/** A directory with what the commands read. */
async function prepare() {
  const directory = await createTemporaryDirectory()
  const run = (...args: readonly string[]) =>
    runChancery(args, {
      cwd: directory.path,
      env: {
        HOME: directory.path,
        COSIGN_PASSWORD: '',
        CHANCERY_TOKEN: 'token',
        CHANCERY_ORGANIZATION: '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
      },
    })
  const must = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
  }
  await writeFile(join(directory.path, 'predicate.json'), '{}')
  await must('generate-key-pair')
  await using registry = await startEmbeddedRegistry()
  const image = `${registry.host}/app:1`
  await pushTestImage(image)
  const made = ['--output-payload', 'payload.json', '--output-signature', 'payload.sig']
  await must('sign', ...KEY, '--no-publish', '--signature-format=legacy', ...made, image)
  await must('attest', ...KEY, ...ATTEST, '--no-publish', '--bundle', 'bundle.json', image)
  await must('save', '--dir', 'saved', image)
  return { run, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}

const startSilent = () => startHostileServer(() => undefined)

describe('--timeout', () => {
  it('is how long a command may take that waits for a registry, whichever it is', async () => {
    const routes: Record<string, unknown> = { ...artifactRoutes, ...imageRoutes }
    const found = commandsWithTimeout(routes as Record<string, Target>)
    assert.deepEqual([...found].sort(), Object.keys(COMMANDS).sort())
    await using flow = await prepare()
    await using registry = await startSilent()
    const image = `${registry.host}/app:1`
    await inParallel(Object.entries(COMMANDS), 3, async ([command, args]) => {
      const given = args.map((one) => (one === 'IMAGE' ? `${registry.host}/copy:1` : one))
      const timeout = ['--timeout', '1s']
      const { code, stderr } = await flow.run(...command.split(' '), ...given, ...timeout, image)
      assert.equal(code, 6, `${command}: ${stderr}`)
      // Whatever else ends a wait says something else.
      assert.match(stderr, /hint: The whole command may take longer with --timeout/, command)
    })
  })

  it('is how long a command may take that waits for a server', async () => {
    assert.deepEqual(commandsWithTimeout(blobRoutes as unknown as Record<string, Target>), [
      'sign-blob',
    ])
    await using flow = await prepare()
    await using server = await startSilent()
    const policy = ['--project=p', '--signing-policy=s', '--url', `http://${server.host}`]
    for (const [command, ...args] of [
      ['sign', 'registry.acme.test/app:1'],
      ['attest', ...ATTEST, 'registry.acme.test/app:1'],
      ['sign-blob', 'predicate.json'],
    ] as const) {
      const { code, stderr } = await flow.run(command, ...policy, '--timeout=1s', ...args)
      assert.equal(code, 6, `${command}: ${stderr}`)
      assert.match(stderr, /hint: The whole command may take longer with --timeout/, command)
    }
  })

  it('may be longer than a timer of Node can be', async () => {
    const deadline = new Deadline(30 * 24 * 3_600_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(deadline.signal.aborted, false)
    assert.ok(deadline.leftMs > 24 * 24 * 3_600_000)
  })
})
