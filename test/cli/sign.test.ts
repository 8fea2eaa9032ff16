import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { startEmbeddedRegistry, type EmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { signatureTag } from '../../src/registry/signature-manifest.ts'
import { chanceryPath, runChancery } from '../support/chancery-process.ts'
import type { Finished } from '../support/child-process.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage, pushTestIndex, type PushedImage } from '../support/images.ts'
import { openWorkshop, type Workshop } from '../support/workshop.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
  - { name: alice, type: interactive, emailAddress: alice@example.com }
groups:
  - { name: releasers, members: [alice] }
certificates:
  - { slug: release, name: Release, algorithm: ecdsa-p256, subject: { commonName: Release } }
projects:
  - slug: app
    name: App
    signingPolicies:
      - slug: test
        name: Test
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
      - slug: release
        name: Release
        certificate: release
        submitters: { users: [ci] }
        approvers: { groups: [releasers] }
        requiredApprovals: 1
        allowedImages: ['127.0.0.1:*/team/**']
`

const TEST = ['--project', 'app', '--signing-policy', 'test']
const RELEASE = ['--project', 'app', '--signing-policy', 'release']

interface SignDocument {
  readonly signingRequest: { readonly id: string; readonly status: string } | null
  readonly images: readonly {
    readonly image: string
    readonly outcome: string
    readonly error?: { readonly code: string }
  }[]
}

function parse({ stdout }: Finished): SignDocument {
  return JSON.parse(stdout) as SignDocument
}

async function signaturesOf({ repository, digest }: PushedImage): Promise<number> {
  using client = new RegistryClient()
  const found = await client.findManifest(repository, signatureTag(digest))
  return found?.manifest.kind === 'manifest' ? found.manifest.layers.length : 0
}

describe('chancery sign', () => {
  let configured: ConfiguredServer
  let registry: EmbeddedRegistry
  let workshop: Workshop
  let approver: string
  const path = (name: string): string => workshop.path(name)
  const run = (...args: readonly string[]) => workshop.chancery(args)

  /** Runs `chancery sign` until it says something, then does something about it. */
  async function signUntil(
    said: RegExp,
    act: (id: string, kill: (signal: NodeJS.Signals) => void) => Promise<void> | void,
    ...args: readonly string[]
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }> {
    const child = spawn(process.execPath, [chanceryPath, 'sign', ...args], {
      cwd: workshop.directory,
      env: { ...process.env, ...workshop.variables },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    let done: Promise<void> | undefined
    child.stderr.on('data', (chunk: Uint8Array) => {
      stderr += Buffer.from(chunk).toString('utf8')
      const id = /signing request ([0-9a-f-]{36})/.exec(stderr)?.[1]
      if (done !== undefined || id === undefined || !said.test(stderr)) return
      done = Promise.resolve(act(id, (signal) => child.kill(signal)))
    })
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    await done
    return { code, signal, stderr }
  }

  async function decide(verb: 'approve' | 'deny', id: string): Promise<void> {
    const env = { CHANCERY_TOKEN: approver }
    const { code, stderr } = await workshop.chancery(['requests', verb, id], { env })
    assert.equal(code, 0, stderr)
  }

  before(async () => {
    configured = await startConfiguredServer(CONFIGURATION)
    registry = await startEmbeddedRegistry()
    workshop = await openWorkshop(configured.submitterVariables)
    approver = (await configured.run(['users', 'token', 'alice', '--raw'])).stdout.trim()
    const key = await configured.run(['certificates', 'download', 'release'])
    await writeFile(path('release.pub'), key.stdout)
  })

  after(async () => {
    await workshop[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    await configured[Symbol.asyncDispose]()
  })

  it('signs several images in one request, attaches and verifies each, and does so once', async () => {
    const images = await Promise.all(
      ['a', 'b', 'c'].map((name) => pushTestImage(`${registry.host}/team/${name}:1`)),
    )
    const names = ['a', 'b', 'c'].map((name) => `${registry.host}/team/${name}:1`)
    const args = [...names, ...TEST, '-a', 'build=42', '--json']
    const signed = await run('sign', ...args)
    assert.equal(signed.code, 0, signed.stderr)
    const { signingRequest, images: outcomes } = parse(signed)
    assert.equal(signingRequest?.status, 'Completed')
    assert.deepEqual(
      outcomes.map(({ image, outcome }) => [image, outcome]),
      images.map(({ byDigest }) => [byDigest, 'attached']),
    )
    assert.match(signed.stderr, new RegExp(`^${names[0]!} is ${images[0]!.byDigest}$`, 'm'))
    assert.match(signed.stderr, /^submitted: signing request \S+ \(3 images\): http/m)
    assert.match(signed.stderr, /^signed: 6 signatures$/m)
    assert.match(signed.stderr, new RegExp(`^verified: ${images[2]!.byDigest}$`, 'm'))
    const listed = await run('requests', 'show', signingRequest.id, '--json')
    const { images: examined } = JSON.parse(listed.stdout) as { images: { path: string }[] }
    assert.match(examined[1]!.path, new RegExp(`^2-b-${images[1]!.digest.slice(7, 19)}\\.json$`))
    const verified = await run('verify', '--key', 'release.pub', '-a', 'build=42', ...names)
    assert.equal(verified.code, 0, verified.stderr)

    const again = await run('sign', ...args)
    assert.equal(again.code, 0, again.stderr)
    assert.equal(parse(again).signingRequest, null)
    assert.deepEqual(
      new Set(parse(again).images.map((one) => one.outcome)),
      new Set(['already-signed']),
    )
    assert.equal(await signaturesOf(images[0]!), 1)
    // Other annotations are another signature, and --force makes another one of the same.
    assert.equal((await run('sign', names[0]!, ...TEST)).code, 0)
    assert.equal(await signaturesOf(images[0]!), 2)
    const forced = await run('sign', names[0]!, ...TEST, '--force', '--json')
    assert.equal(forced.code, 0, forced.stderr)
    assert.equal(parse(forced).images[0]?.outcome, 'attached')
    assert.equal(await signaturesOf(images[0]!), 3)
  })

  it('signs an index with all that it lists, and what is named twice once', async () => {
    const index = await pushTestIndex(`${registry.host}/team/multi:1`, 2)
    const all = [index, ...index.children]
    const name = `${registry.host}/team/multi:1`
    const signed = await run('sign', '-r', name, index.byDigest, ...TEST, '--json')
    assert.equal(signed.code, 0, signed.stderr)
    assert.deepEqual(
      parse(signed).images.map(({ image }) => image),
      all.map(({ byDigest }) => byDigest),
    )
    for (const image of all) assert.equal(await signaturesOf(image), 1)
    const verified = await run('verify', '--key', 'release.pub', '-r', '--offline', '-o=json', name)
    assert.equal(verified.code, 0, verified.stderr)
    assert.equal((JSON.parse(verified.stdout) as unknown[]).length, 3)
  })

  it('waits for approval, says who may give it, and goes on when it is given', async () => {
    const image = await pushTestImage(`${registry.host}/team/approved:1`)
    const { code, stderr } = await signUntil(
      /an approver may say/,
      (id) => decide('approve', id),
      ...[image.byDigest, ...RELEASE],
    )
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^waiting for approval \(0 of 1\): http/m)
    assert.match(stderr, /^approvers: releasers$/m)
    assert.match(stderr, /^verified: /m)
    assert.equal(await signaturesOf(image), 1)
  })

  it('ends with 1 where it is denied, and asks anew when it is repeated', async () => {
    const image = await pushTestImage(`${registry.host}/team/denied:1`)
    const args = [image.byDigest, ...RELEASE]
    const denied = await signUntil(/an approver may say/, (id) => decide('deny', id), ...args)
    assert.equal(denied.code, 1, denied.stderr)
    assert.match(denied.stderr, /error: signing request \S+ was denied/)
    assert.equal(await signaturesOf(image), 0)
    // Within the tolerance for clocks the same request counts as this one.
    await new Promise((resolve) => setTimeout(resolve, 5_500))
    const again = await signUntil(/an approver may say/, (id) => decide('approve', id), ...args)
    assert.equal(again.code, 0, again.stderr)
    const foreign = await pushTestImage(`${registry.host}/foreign/app:1`)
    const refused = await run('sign', foreign.byDigest, ...TEST)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /allowed/)
    assert.equal(await signaturesOf(foreign), 0)
  })

  it('leaves the request when it is interrupted or killed, and goes on with it', async () => {
    const image = await pushTestImage(`${registry.host}/team/interrupted:1`)
    const args = [image.byDigest, ...RELEASE]
    const ids: string[] = []
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const ended = await signUntil(
        /an approver may say/,
        (id, kill) => {
          ids.push(id)
          kill(signal)
        },
        ...args,
      )
      assert.deepEqual([ended.code, ended.signal], [null, signal])
      if (signal === 'SIGINT') assert.match(ended.stderr, /hint: The same `chancery sign` again/)
    }
    const pending = await run('sign', ...args, '--no-wait', '--json')
    assert.equal(pending.code, 0, pending.stderr)
    assert.equal(parse(pending).images[0]?.outcome, 'submitted')
    let late = await run('sign', ...args, '--timeout', '5s')
    // It has to have found the request by then, which takes a busy machine longer.
    if (!late.stderr.includes('WaitingForApproval')) {
      late = await run('sign', ...args, '--timeout', '60s')
    }
    assert.equal(late.code, 6, late.stderr)
    assert.match(late.stderr, /expected signing request \S+ to end, found WaitingForApproval/)
    assert.match(late.stderr, /hint: The same `chancery sign` again goes on with this request/)
    await decide('approve', ids[0]!)
    const finished = await run('sign', ...args, '--json')
    assert.equal(finished.code, 0, finished.stderr)
    ids.push(parse(pending).signingRequest!.id, parse(finished).signingRequest!.id)
    assert.equal(new Set(ids).size, 1)
    assert.equal(await signaturesOf(image), 1)
  })

  it('goes on with the request that was approved where it was stopped while it published', async () => {
    const [whole, part] = [
      await pushTestImage(`${registry.host}/team/whole:1`),
      await pushTestImage(`${registry.host}/team/part:1`),
    ]
    const args = [whole.byDigest, part.byDigest, ...RELEASE]
    const ids: string[] = []
    const approve = (id: string) => {
      ids.push(id)
      return decide('approve', id)
    }
    const first = await signUntil(/an approver may say/, approve, ...args)
    assert.equal(first.code, 0, first.stderr)
    const all = ['signature', 'referrer'] as const
    for (const [image, types] of [
      [part, ['referrer']],
      [part, all],
    ] as const) {
      for (const type of types) await run('clean', '--force', '--type', type, image.byDigest)
      const again = await run('sign', ...args, '--json')
      assert.equal(again.code, 0, again.stderr)
      assert.match(again.stderr, /^goes on: signing request/m)
      assert.equal(parse(again).signingRequest?.id, ids[0])
      assert.equal(await signaturesOf(part), 1)
      const verified = await run('verify', '--all', '--key', 'release.pub', part.byDigest)
      assert.equal(verified.code, 0, verified.stderr)
    }
    // What was not asked for in the same manner is another request, with approvals of its own.
    for (const other of [
      ['--description', 'x'],
      ['-a', 'build=7'],
    ]) {
      await run('clean', '--force', '--type', 'referrer', part.byDigest)
      const fresh = await run('sign', ...args, ...other, '--no-wait', '--json')
      assert.equal(fresh.code, 0, fresh.stderr)
      assert.notEqual(parse(fresh).signingRequest?.id, ids[0])
    }
    // Nor is one under another policy the same.
    const elsewhere = await run('sign', whole.byDigest, part.byDigest, ...TEST, '--json')
    assert.equal(elsewhere.code, 0, elsewhere.stderr)
    assert.notEqual(parse(elsewhere).signingRequest?.id, ids[0])
  })

  it('publishes nothing with --no-publish, and writes what attach signature wants', async () => {
    const image = await pushTestImage(`${registry.host}/team/detached:1`)
    const files = ['--output-payload', 'p.json', '--output-signature', 'p.sig']
    const signed = await run('sign', image.byDigest, ...TEST, '--no-publish', ...files)
    assert.equal(signed.code, 0, signed.stderr)
    assert.equal(await signaturesOf(image), 0)
    const generated = await run('generate', image.byDigest)
    assert.equal(await readFile(path('p.json'), 'utf8'), generated.stdout)
    const attach = ['attach', 'signature', '--payload', 'p.json', '--signature', 'p.sig']
    const attached = await run(...attach, '--key', 'release.pub', image.byDigest)
    assert.equal(attached.code, 0, attached.stderr)
    const again = await run('sign', image.byDigest, ...TEST, '--output-signature', 'again.sig')
    assert.match(again.stderr, /already signed/)
    assert.equal(await readFile(path('again.sig'), 'utf8'), await readFile(path('p.sig'), 'utf8'))
    const other = await pushTestImage(`${registry.host}/team/detached:2`)
    const two = await run('sign', image.byDigest, other.byDigest, ...TEST, ...files)
    assert.equal(two.code, 2)
  })

  it('says what became of each image where one fails', async () => {
    const [good, bad] = [
      await pushTestImage(`${registry.host}/team/good:1`),
      await pushTestImage(`${registry.host}/team/bad:1`),
    ]
    // Somebody else uses the tag of the signatures for an index: that cannot be added to.
    const index = await pushTestIndex(`${registry.host}/team/bad:other`, 1)
    await pushIndexAs(index.byDigest, signatureTag(bad.digest))
    const unread = await run('sign', good.byDigest, bad.byDigest, ...TEST)
    assert.equal(unread.code, 5, unread.stderr)
    assert.equal(await signaturesOf(good), 0)
    const partly = await run('sign', good.byDigest, bad.byDigest, ...TEST, '--force', '--json')
    assert.equal(partly.code, 5, partly.stderr)
    assert.deepEqual(
      parse(partly).images.map(({ outcome, error }) => [outcome, error?.code]),
      [
        ['attached', undefined],
        ['failed', 'ERR_REGISTRY_SIGNATURES'],
      ],
    )
    assert.match(partly.stderr, new RegExp(`^FAILED ${bad.byDigest}: `, 'm'))
    assert.equal(await signaturesOf(good), 1)
  })

  async function pushIndexAs(byDigest: string, tag: string): Promise<void> {
    using client = new RegistryClient()
    const [name = '', digest = ''] = byDigest.split('@')
    const repository = { registry: registry.host, repository: name.split('/').slice(1).join('/') }
    const { mediaType, bytes } = await client.getManifest(repository, digest)
    await client.pushManifest(repository, tag, { mediaType, bytes })
  }

  it('signs with a key in a file, without a server', async () => {
    const index = await pushTestIndex(`${registry.host}/team/local:1`, 2)
    const made = await run('generate-key-pair', '--output-key-prefix', 'local')
    assert.equal(made.code, 0, made.stderr)
    const env = { HOME: workshop.directory, COSIGN_PASSWORD: 'secret words' }
    const sign = (...args: readonly string[]) =>
      runChancery(['sign', '--key', 'local.key', ...args], { cwd: workshop.directory, env })
    const signed = await sign('-r', '-y', '--tlog-upload=false', index.byDigest, '--json')
    assert.equal(signed.code, 0, signed.stderr)
    assert.equal(parse(signed).images.length, 3)
    const verified = await run('verify', '--key', 'local.pub', '-r', index.byDigest)
    assert.equal(verified.code, 0, verified.stderr)
    assert.match((await sign(index.byDigest)).stderr, /already signed/)
    assert.equal((await sign(index.byDigest, '--project', 'app')).code, 2)
    assert.equal((await sign(index.byDigest, '--tlog-upload')).code, 2)
    const nobody = await runChancery(['sign', index.byDigest], { env })
    assert.equal(nobody.code, 2)
    assert.match(nobody.stderr, /--project and --signing-policy, or --key/)
  })

  it('verify --recursive names every image of an index that is not signed', async () => {
    const index = await pushTestIndex(`${registry.host}/team/partly:1`, 3)
    const [first, second, third] = index.children
    await run('sign', index.byDigest, first!.byDigest, ...TEST)
    const flat = await run('verify', '--key', 'release.pub', index.byDigest)
    assert.equal(flat.code, 0, flat.stderr)
    const whole = await run('verify', '--key', 'release.pub', '-r', '-o=json', index.byDigest)
    assert.deepEqual([whole.code, whole.stdout], [1, ''])
    assert.match(whole.stderr, /found 2 of 4 that are not/)
    for (const { byDigest } of [second!, third!]) {
      assert.match(whole.stderr, new RegExp(`hint: ${byDigest} has no signature`))
    }
    await run('sign', '-r', index.byDigest, ...TEST)
    const one = await run('verify', '--key', 'release.pub', '-r', '--max-workers=1', index.byDigest)
    assert.equal(one.code, 0, one.stderr)
  })

  it('verify --offline connects to the registry and to nothing else', async () => {
    const index = await pushTestIndex(`${registry.host}/team/offline:1`, 2)
    await run('sign', '-r', index.byDigest, ...TEST)
    // Whatever the program connects to is written down before it does.
    const recorder = path('recorder.mjs')
    await writeFile(
      recorder,
      `import { appendFileSync } from 'node:fs'
import { Socket } from 'node:net'
const connect = Socket.prototype.connect
Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  appendFileSync(${JSON.stringify(path('connections'))}, options.host + ':' + options.port + '\\n')
  return connect.apply(this, args)
}
`,
    )
    const args = ['verify', '--key', 'release.pub', '-r', '--offline', index.byDigest]
    const verified = await workshop.chancery(args, {
      env: { NODE_OPTIONS: `--import=${recorder}` },
    })
    assert.equal(verified.code, 0, verified.stderr)
    const connections = (await readFile(path('connections'), 'utf8')).trim().split('\n')
    assert.deepEqual(new Set(connections), new Set([registry.host]))
  })

  it('shells complete it', async () => {
    const { stdout } = await run('__complete', 'sign', '--signing')
    assert.equal(stdout, '--signing-policy\n')
    assert.match((await run('__complete', 'generate-')).stdout, /^generate-key-pair$/m)
  })
})
