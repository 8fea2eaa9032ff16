import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { runChancery } from '../support/chancery-process.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { pushTestIndex } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { requireSarif } from './sarif-schema.ts'

const mkfifo = component('mkfifo')

/** An index of which all is signed in both formats, saved in `saved`, and the registry gone. */
async function prepare() {
  const directory = await createTemporaryDirectory()
  const path = (...names: readonly string[]): string => join(directory.path, ...names)
  const run = (...args: readonly string[]) =>
    runChancery(args, {
      cwd: directory.path,
      env: { HOME: directory.path, COSIGN_PASSWORD: '' },
    })
  const must = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
  }
  const registry = await startEmbeddedRegistry()
  const name = `${registry.host}/team/app`
  const index = await pushTestIndex(`${name}:1`, 2)
  await must('generate-key-pair')
  await must('generate-key-pair', '--output-key-prefix', 'other')
  await must('sign', '-r', '--key', 'cosign.key', index.byDigest)
  await must('save', '--dir', 'saved', index.byDigest)
  await registry[Symbol.asyncDispose]()
  const verify = (layout: string, ...args: readonly string[]) =>
    run('verify', '--key', 'cosign.pub', '--local-image', ...args, layout)
  return {
    path,
    run,
    verify,
    name,
    index,
    blob: (layout: string, digest: string) => path(layout, 'blobs', 'sha256', digest.slice(7)),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

describe('chancery verify --local-image', () => {
  it('verifies a saved index and all it lists, in both formats, without the registry', async () => {
    await using flow = await prepare()
    const all = await flow.verify('saved', '-r', '--all', '--json')
    assert.equal(all.code, 0, all.stderr)
    const { results } = JSON.parse(all.stdout) as {
      results: { manifests: { digest: string; signatures: { format: string }[] }[] }[]
    }
    assert.deepEqual(
      results[0]?.manifests.map(({ digest }) => digest),
      [flow.index, ...flow.index.children].map(({ digest }) => digest),
    )
    for (const { signatures } of results[0].manifests) {
      assert.deepEqual(
        signatures.map(({ format }) => format),
        ['simple-signing', 'bundle'],
      )
    }
    // What was signed is compared with what is said here: a directory has no name.
    assert.equal((await flow.verify('saved', '--allow-identity', flow.name)).code, 0)
    const other = await flow.verify('saved', '--allow-identity', 'registry.acme.test/app')
    assert.equal(other.code, 1)
    assert.match(other.stderr, /ERR_VERIFY_IDENTITY/)
    const foreign = await flow.run('verify', '--key', 'other.pub', '--local-image', 'saved')
    assert.equal(foreign.code, 1)
  })

  it('needs no more memory for a directory that has a lot in it, attached to other images', async () => {
    await using flow = await prepare()
    const descriptor = (mediaType: string, digest: string) => ({ mediaType, digest, size: 1 })
    const config = descriptor('application/vnd.oci.empty.v1+json', flow.index.digest)
    // As large as manifests may be, and as large in memory as it gets.
    for (let n = 0; n < 16; n += 1) {
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: OCI_IMAGE_MANIFEST,
          config,
          layers: [],
          subject: descriptor(OCI_IMAGE_MANIFEST, `sha256:${'0'.repeat(64)}`),
          annotations: { n: String(n), large: '\n'.repeat(2_000_000) },
        }),
      )
      await writeFile(flow.blob('saved', `sha256:${sha256Hex(bytes)}`), bytes)
    }
    const args = ['verify', '--key', 'cosign.pub', '--local-image', '--all', 'saved']
    const env = { NODE_OPTIONS: '--max-old-space-size=256' }
    const { code, stderr } = await runChancery(args, { cwd: flow.path(), env })
    assert.equal(code, 0, stderr)
  })

  it('finds what is missing or changed', async () => {
    await using flow = await prepare()
    const [child] = flow.index.children
    await cp(flow.path('saved'), flow.path('changed'), { recursive: true })
    await writeFile(flow.blob('changed', flow.index.digest), 'changed')
    assert.match((await flow.verify('changed')).stderr, /has other content/)
    for (const [content, reason] of [
      ['changed', /has other content/],
      [undefined, /expected sha256:\w+ in the directory/],
    ] as const) {
      await cp(flow.path('saved'), flow.path('partly'), { recursive: true })
      const blob = flow.blob('partly', child!.digest)
      await (content === undefined ? rm(blob) : writeFile(blob, content))
      const { code, stderr } = await flow.verify('partly', '-r')
      assert.notEqual(code, 0, stderr)
      assert.match(stderr, reason)
      await rm(flow.path('partly'), { recursive: true })
    }
    for (const name of await readdir(flow.path('saved', 'blobs', 'sha256'))) {
      const blob = await readFile(flow.path('saved', 'blobs', 'sha256', name), 'utf8')
      const isOfChild = blob.includes(child!.digest) && blob.includes('"subject"')
      if (isOfChild) await rm(flow.path('saved', 'blobs', 'sha256', name))
    }
    const index = JSON.parse(await readFile(flow.path('saved', 'index.json'), 'utf8')) as {
      manifests: { annotations?: Record<string, string> }[]
    }
    const tag = `${child!.digest.replace(':', '-')}.sig`
    const manifests = index.manifests.filter(
      ({ annotations = {} }) => annotations['org.opencontainers.image.ref.name'] !== tag,
    )
    assert.equal(manifests.length, index.manifests.length - 1)
    await writeFile(flow.path('saved', 'index.json'), JSON.stringify({ ...index, manifests }))
    const partly = await flow.verify('saved', '-r')
    assert.equal(partly.code, 1, partly.stderr)
    assert.match(partly.stderr, new RegExp(`hint: ${child!.digest} has no signature`))
  })

  it(
    'is not led elsewhere, and not held up, by what is in the directory',
    { skip: mkfifo.absent },
    async () => {
      await using flow = await prepare()
      const index = flow.blob('saved', flow.index.digest)
      await rm(index)
      await symlink('/dev/zero', index)
      assert.notEqual((await flow.verify('saved')).code, 0)
      await rm(index)
      assert.equal((await runProgram(mkfifo.path, [index])).code, 0)
      assert.notEqual((await flow.verify('saved')).code, 0)
      await rm(index)
      await symlink('/etc/passwd', index)
      assert.match((await flow.verify('saved')).stderr, /has other content/)
      const descriptor = { mediaType: 'x', size: 1, digest: 'sha256:../../../etc/passwd' }
      const document = { schemaVersion: 2, manifests: [descriptor] }
      await writeFile(flow.path('saved', 'index.json'), JSON.stringify(document))
      const led = await flow.verify('saved')
      assert.equal(led.code, 2, led.stderr)
      await rm(flow.path('saved', 'index.json'))
      await symlink('/dev/zero', flow.path('saved', 'index.json'))
      assert.equal((await flow.verify('saved')).code, 2)
      assert.equal((await flow.verify('nothing')).code, 2)
    },
  )
})

describe('chancery verify --output sarif', () => {
  it('has a result for each image that is not accepted, and none for others', async () => {
    await using flow = await prepare()
    const accepted = await flow.verify('saved', '-o=sarif')
    assert.equal(accepted.code, 0, accepted.stderr)
    const [run] = parseSarif(accepted.stdout)
    assert.deepEqual([run?.results, run?.tool.driver.rules], [[], []])

    const refused = await flow.verify('saved', '-o=sarif', '-a', 'env=prod', 'nothing')
    assert.notEqual(refused.code, 0)
    const [failed] = parseSarif(refused.stdout)
    assert.deepEqual(
      failed?.results.map(({ ruleId, level, locations }) => [
        ruleId,
        level,
        locations[0]?.logicalLocations[0]?.fullyQualifiedName,
      ]),
      [
        ['ERR_REGISTRY_LAYOUT', 'error', 'nothing'],
        ['ERR_VERIFY_NOTHING_ACCEPTED', 'error', 'saved'],
      ],
    )
    assert.match(failed.results[1]!.message.text, /ERR_VERIFY_ANNOTATION/)
  })

  it('is not asked for together with another document', async () => {
    await using flow = await prepare()
    for (const output of ['sarif', 'json']) {
      const { code, stdout } = await flow.verify('saved', `-o=${output}`, '--json')
      assert.equal(code, 2)
      assert.doesNotMatch(stdout, /"runs"|"critical"/)
    }
  })
})

interface SarifRun {
  readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
  readonly results: readonly {
    readonly ruleId: string
    readonly ruleIndex: number
    readonly level: string
    readonly message: { readonly text: string }
    readonly locations: readonly {
      readonly logicalLocations: readonly { readonly fullyQualifiedName: string }[]
    }[]
  }[]
}

/** Reads a log and holds it to the schema of SARIF 2.1.0, and to what its text says besides. */
function parseSarif(text: string): readonly SarifRun[] {
  const log = JSON.parse(text) as { version: string; $schema: string; runs: SarifRun[] }
  requireSarif(log)
  assert.deepEqual(Object.keys(log).sort(), ['$schema', 'runs', 'version'])
  assert.equal(log.version, '2.1.0')
  assert.match(log.$schema, /^https:\/\/.*sarif-2\.1\.0/)
  for (const { tool, results } of log.runs) {
    const { rules } = tool.driver
    assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length)
    for (const result of results) {
      assert.equal(rules[result.ruleIndex]?.id, result.ruleId)
      assert.ok(['none', 'note', 'warning', 'error'].includes(result.level))
      assert.ok(result.message.text.length > 0)
      assert.equal(result.locations.length, 1)
    }
  }
  return log.runs
}
