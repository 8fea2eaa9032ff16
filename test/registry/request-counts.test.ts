import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { component } from '../support/components.ts'
import { countRequests, type CountedRegistry } from '../support/counted-registry.ts'
import { pushTestImage, pushTestIndex } from '../support/images.ts'
import { startDockerRegistry, startReferrersRegistry, startZot } from '../support/registries.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../support/temporary-directory.ts'

const page = new URL('../../docs/registries.md', import.meta.url)
const PLATFORMS = 10
/** A machine that is busy reads a tag once more before it writes it, now here and now there, or finds something done that it would ask for. */
const ATTEMPTS = 6

const registries = {
  'docker-registry 2.8': { start: startDockerRegistry, skip: component('docker-registry').absent },
  'go-containerregistry 0.22': {
    start: startReferrersRegistry,
    skip: component('referrers-registry').absent,
  },
  zot: { start: startZot, skip: component('zot').absent },
}

describe('the requests that docs/registries.md says', () => {
  let directory: TemporaryDirectory

  before(async () => {
    directory = await createTemporaryDirectory()
    await run('generate-key-pair')
  })
  after(() => directory[Symbol.asyncDispose]())

  async function run(...args: readonly string[]): Promise<void> {
    const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
    const done = await runChancery(args, { cwd: directory.path, env })
    assert.equal(done.code, 0, done.stderr)
  }

  /** What signing, signing again and verifying takes. */
  async function countAll(
    registry: CountedRegistry,
    image: string,
    formats: string,
  ): Promise<readonly number[]> {
    const counts: number[] = []
    const sign = ['sign', '-r', '--key', 'cosign.key', '--signature-format', formats, image]
    for (const args of [sign, sign, ['verify', '-r', '--key', 'cosign.pub', image]]) {
      registry.take()
      await run(...args)
      counts.push(registry.take())
    }
    return counts
  }

  for (const [name, { start, skip }] of Object.entries(registries)) {
    for (const formats of ['legacy', 'bundle', 'both']) {
      it(`are those of ${name}, ${formats}`, { skip }, async () => {
        const text = await readFile(page, 'utf8')
        const beginning = `| ${name} | ${formats} |`
        const row = text.split('\n').find((line) => line.replace(/ +/g, ' ').startsWith(beginning))
        const cells = row?.split('|').slice(3, -1).map(Number)
        await using registry = await countRequests(await start())
        const seen: Set<number>[] = []
        for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
          const one = await pushTestImage(`${registry.host}/one/app-${attempt}:1`)
          const index = await pushTestIndex(`${registry.host}/ten/app-${attempt}:1`, PLATFORMS)
          const counts = [
            ...(await countAll(registry, one.byDigest, formats)),
            ...(await countAll(registry, index.byDigest, formats)),
          ]
          for (const [place, count] of counts.entries()) (seen[place] ??= new Set()).add(count)
          if (seen.every((all, place) => all.has(cells?.[place] ?? NaN))) return
        }
        assert.fail(
          `expected ${cells?.join(', ')}, found ${seen.map((all) => [...all].join(' or ')).join(', ')}`,
        )
      })
    }
  }
})
