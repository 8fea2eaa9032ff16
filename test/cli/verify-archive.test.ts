import assert from 'node:assert/strict'
import { cp, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { runProgram } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestIndex } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const tar = component('gnu-tar')
const mkfifo = component('mkfifo')

/** An index, signed and saved in `saved`, and the registry gone. */
async function prepare() {
  const directory = await createTemporaryDirectory()
  const cwd = directory.path
  const run = (...args: readonly string[]) =>
    runChancery(args, { cwd, env: { HOME: cwd, COSIGN_PASSWORD: '' } })
  const must = async (program: string, ...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runProgram(program, args, { cwd })
    assert.equal(code, 0, stderr)
  }
  const registry = await startEmbeddedRegistry()
  const name = `${registry.host}/team/app`
  const index = await pushTestIndex(`${name}:1`, 2)
  for (const args of [
    ['generate-key-pair'],
    ['generate-key-pair', '--output-key-prefix', 'other'],
    ['sign', '-r', '--key', 'cosign.key', index.byDigest],
    ['attest', '--key', 'cosign.key', '--predicate', 'cosign.pub', index.byDigest],
    ['save', '--dir', 'saved', index.byDigest],
  ]) {
    const { code, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
  }
  await registry[Symbol.asyncDispose]()
  return {
    path: (...names: readonly string[]): string => join(cwd, ...names),
    run,
    must,
    tar: (...args: readonly string[]) => must(tar.path, ...args),
    verify: (layout: string, ...args: readonly string[]) =>
      run('verify', '--key', 'cosign.pub', '--local-image', ...args, layout),
    index,
    name,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

const skip = anyAbsent(tar, mkfifo)

describe('chancery verify --local-image with an archive', { skip }, () => {
  it('verifies what tar packs in each of its formats, to the same result as the directory', async () => {
    await using flow = await prepare()
    const ofDirectory = await flow.verify('saved', '-r', '--all', '--json')
    for (const format of ['ustar', 'gnu', 'pax', 'v7']) {
      await flow.tar('-C', 'saved', `--format=${format}`, '-cf', `${format}.tar`, '.')
      const verified = await flow.verify(`${format}.tar`, '-r', '--all', '--json')
      if (format === 'v7') {
        assert.equal(verified.code, 2, verified.stderr)
        continue
      }
      assert.equal(verified.code, 0, verified.stderr)
      assert.equal(
        verified.stdout.replaceAll(`${format}.tar`, 'saved'),
        ofDirectory.stdout,
        'but for the name',
      )
    }
    // Names longer than a header has room for, before and behind.
    await flow.must('mkdir', '-p', `saved/${'long'.repeat(40)}`)
    await writeFile(flow.path('saved', 'long'.repeat(40), 'x'.repeat(200)), 'x')
    for (const format of ['gnu', 'pax']) {
      await flow.tar('-C', 'saved', `--format=${format}`, '-cf', 'long.tar', '.')
      const verified = await flow.verify('long.tar')
      assert.equal(verified.code, 0, verified.stderr)
    }
    const args = ['verify-attestation', '--key', 'cosign.pub', '--local-image', 'long.tar']
    const attested = await flow.run(...args)
    assert.equal(attested.code, 0, attested.stderr)
    assert.equal((await flow.run(...args, '--type', 'spdxjson')).code, 1)
    const foreign = await flow.run('verify', '--key', 'other.pub', '--local-image', 'long.tar')
    assert.equal(foreign.code, 1, foreign.stderr)
  })

  it('refuses what is compressed, cut off, doubled, a link or leads elsewhere', async () => {
    await using flow = await prepare()
    const refuse = async (archive: string, reason: RegExp, code = 2): Promise<void> => {
      const verified = await flow.verify(archive)
      assert.equal(verified.code, code, `${archive}: ${verified.stderr}`)
      assert.match(verified.stderr, reason)
    }
    await flow.tar('-C', 'saved', '-czf', 'packed.tar', '.')
    await refuse('packed.tar', /found a compressed one/)
    await flow.tar('-C', 'saved', '-cf', 'good.tar', '.')
    const { size } = await stat(flow.path('good.tar'))
    for (const length of [0, 100, 512, 1024, 5000, size - 10240 - 100]) {
      await cp(flow.path('good.tar'), flow.path('cut.tar'))
      await truncate(flow.path('cut.tar'), Math.max(0, length))
      await refuse('cut.tar', /the tar archive: /)
    }
    const twice = ['--hard-dereference', '-cf', 'twice.tar', './index.json', 'index.json']
    await flow.tar('-C', 'saved', ...twice)
    await refuse('twice.tar', /expected each name once/)
    await flow.tar('-P', '-cf', 'absolute.tar', flow.path('saved', 'index.json'))
    await refuse('absolute.tar', /expected relative names/)
    await flow.tar('-P', '--transform', 's,^,saved/../,', '-cf', 'up.tar', 'saved/index.json')
    await refuse('up.tar', /expected relative names/)
    await flow.must('ln', '-s', '/etc/passwd', 'saved/link')
    await flow.tar('-C', 'saved', '-cf', 'link.tar', '.')
    await refuse('link.tar', /found a symbolic link/)
    await flow.must('rm', 'saved/link')
    await flow.must('ln', 'saved/index.json', 'saved/link')
    await flow.tar('-C', 'saved', '-cf', 'hard.tar', '.')
    await refuse('hard.tar', /found a link/)
    await flow.must('rm', 'saved/link')
    await flow.must('truncate', '-s', '64M', 'saved/sparse')
    for (const format of ['gnu', 'pax']) {
      await flow.tar('-C', 'saved', `--format=${format}`, '-S', '-cf', 'sparse.tar', '.')
      await refuse('sparse.tar', /the tar archive: /)
    }
    await flow.must('rm', 'saved/sparse')
    await flow.tar('-cf', 'deep.tar', 'saved')
    await refuse('deep.tar', /expected an index\.json in the archive/)
    await flow.must(mkfifo.path, 'pipe.tar')
    await refuse('pipe.tar', /expected a directory or an archive/)
    await refuse('/dev/zero', /expected a directory or an archive/)
  })

  it('never accepts an archive in which a byte of the signed image was changed', async () => {
    await using flow = await prepare()
    await flow.tar('-C', 'saved', '-cf', 'good.tar', '.')
    const good = await readFile(flow.path('good.tar'))
    const blob = await readFile(flow.path('saved', 'blobs', 'sha256', flow.index.digest.slice(7)))
    const at = good.indexOf(blob)
    assert.ok(at > 0)
    const changes: readonly (readonly [number, RegExp])[] = [
      [at + 5, /has other content/],
      [at - 512 + 3, /the tar archive: /],
      [at - 512 + 130, /the tar archive: /],
    ]
    for (const [place, reason] of changes) {
      const changed = Buffer.from(good)
      changed[place] = changed[place]! ^ 1
      await writeFile(flow.path('changed.tar'), changed)
      const verified = await flow.verify('changed.tar')
      assert.notEqual(verified.code, 0)
      assert.match(verified.stderr, reason)
    }
  })

  it('finds the one that is named where there are several images', async () => {
    await using flow = await prepare()
    const file = flow.path('saved', 'index.json')
    const index = JSON.parse(await readFile(file, 'utf8')) as {
      manifests: { digest: string; annotations?: Record<string, string> }[]
    }
    const [first, second] = flow.index.children
    const image = index.manifests.find(({ digest }) => digest === flow.index.digest)!
    const others = index.manifests.filter((one) => one !== image)
    const named = (digest: string, name: string) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest,
      size: 1,
      annotations: { 'org.opencontainers.image.ref.name': name },
    })
    const manifests = [
      named(first!.digest, 'one'),
      named(second!.digest, 'two'),
      named(second!.digest, 'latest'),
      ...others.map((one) => ({ ...one, size: 1 })),
    ]
    await writeFile(file, JSON.stringify({ schemaVersion: 2, ...index, manifests }))
    await flow.tar('-C', 'saved', '-cf', 'several.tar', '.')
    for (const layout of ['saved', 'several.tar']) {
      const verify = (name: string) => flow.verify(`${layout}${name}`, '--json')
      const unclear = await verify('')
      assert.equal(unclear.code, 2, unclear.stderr)
      assert.match(unclear.stderr, /expected one image in it/)
      assert.match(unclear.stderr, /say PATH:NAME or PATH@DIGEST/)
      for (const [name, { digest }] of [
        [':one', first!],
        [':two', second!],
        [`@${second!.digest}`, second!],
      ] as const) {
        const verified = await verify(name)
        assert.equal(verified.code, 0, verified.stderr)
        assert.ok(verified.stdout.includes(`"digest": "${digest}"`))
      }
      assert.match((await verify(':three')).stderr, /one image that is \\?"three\\?"/)
      assert.equal((await verify(`@sha256:${'0'.repeat(64)}`)).code, 2)
    }
    // One image under two names is one.
    const same = {
      ...index,
      manifests: manifests.slice(1).filter(({ digest }) => digest === second!.digest),
    }
    await writeFile(file, JSON.stringify(same))
    const one = await flow.verify('saved')
    assert.equal(one.code, 0, one.stderr)
  })

  const skopeo = component('skopeo')
  it('verifies what skopeo packs', { skip: skopeo.absent }, async () => {
    await using flow = await prepare()
    const [child] = flow.index.children
    const name = 'org.opencontainers.image.ref.name'
    const file = flow.path('saved', 'index.json')
    const index = JSON.parse(await readFile(file, 'utf8')) as {
      manifests: { annotations?: Record<string, string> }[]
    }
    const tag = `${child!.digest.replace(':', '-')}.sig`
    assert.ok(index.manifests.some(({ annotations }) => annotations?.[name] === tag))
    const insecure = ['--insecure-policy', 'copy', '--all']
    await flow.must(skopeo.path, ...insecure, `oci:saved:${tag}`, `oci-archive:skopeo.tar:${tag}`)
    // Its archive holds what was copied: a signature, which is no image of this key.
    const verified = await flow.verify(`skopeo.tar:${tag}`)
    assert.equal(verified.code, 1, verified.stderr)
    assert.match(verified.stderr, /has no signature/)
  })
})
