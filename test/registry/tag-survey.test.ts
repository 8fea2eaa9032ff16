import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import { parseReference } from '../../src/format/oci-reference.ts'
import { attachSignature } from '../../src/registry/attach-signature.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { repositorySource } from '../../src/registry/repository-store.ts'
import { generatePayload } from '../../src/registry/resolve-image.ts'
import { MAX_LISTED_TAGS, surveyTags } from '../../src/registry/tag-survey.ts'
import { examineImage } from '../../src/registry/verify-image.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage, pushTestIndex, type PushedImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { startChangedRegistry, type InsteadAnswer } from './changed-registry.ts'
import { UNHURRIED } from './unhurried.ts'

const IMPATIENT = { attempts: 1, baseDelayMs: 1, maxDelayMs: 1, maxRetryAfterMs: 1 }

/** A registry whose list of tags is what `list` says. */
function startListing(list: () => InsteadAnswer | undefined) {
  return startChangedRegistry(({ url }) =>
    url?.includes('/tags/list') === true ? list() : undefined,
  )
}

function listOf(tags: unknown, headers = {}): InsteadAnswer {
  return { status: 200, headers, body: JSON.stringify({ name: 'team/app', tags }) }
}

async function signatureOf(client: RegistryClient, image: PushedImage, privateKey: KeyObject) {
  const payload = await generatePayload(client, parseReference(image.byDigest), {})
  return { payload, signature: sign('sha256', payload, privateKey).toString('base64') }
}

describe('a list of tags', () => {
  it('tells what a repository lacks only if it is whole', async () => {
    const many = Array.from({ length: MAX_LISTED_TAGS }, (_, number) => `tag-${number}`)
    for (const [answer, isBelieved] of [
      [listOf(['a', 'b']), true],
      [listOf(null), true],
      [listOf([]), true],
      [listOf(['a'], { link: '</v2/team/app/tags/list?last=a>; rel="next"' }), false],
      [listOf(many), false],
      [listOf('a'), false],
      [{ status: 200, body: '{}' }, false],
      [{ status: 200, body: 'null' }, false],
      [{ status: 200, body: '<html>' }, false],
      [{ status: 200, body: `["${'x'.repeat(600_000)}"]` }, false],
      [{ status: 403, body: '{}' }, false],
      [{ status: 404, body: '{}' }, false],
      [{ status: 405 }, false],
      [{ status: 503 }, false],
    ] as const) {
      await using registry = await startListing(() => answer)
      using client = new RegistryClient({ retries: IMPATIENT, timeouts: UNHURRIED })
      const repository = { registry: registry.host, repository: 'team/app' }
      const mayHaveTag = await surveyTags(client, repository)
      assert.equal(mayHaveTag('c'), !isBelieved, JSON.stringify(answer).slice(0, 100))
      assert.equal(registry.seen.filter(({ url }) => url.includes('/tags/')).length, 1)
    }
  })

  it('that is out of date loses no signature, and makes none twice', async () => {
    await using registry = await startListing(() => listOf([]))
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const [one, two] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
    const first = await signatureOf(client, image, one!.privateKey)
    await attachSignature(client, image, first)
    const second = await signatureOf(client, image, two!.privateKey)
    const added = await attachSignature(client, image, second, { isLikelyFirst: true })
    assert.deepEqual([added.outcome, added.signatures], ['attached', 2])
    const publicKey = two!.publicKey.export({ type: 'spki', format: 'der' })
    const another = await signatureOf(client, image, two!.privateKey)
    const again = await attachSignature(client, image, another, { isLikelyFirst: true, publicKey })
    assert.deepEqual([again.outcome, again.signatures], ['already-attached', 2])
  })

  it('that is out of date hides no signature', async () => {
    await using registry = await startListing(() => listOf([]))
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await attachSignature(client, image, await signatureOf(client, image, privateKey))
    const source = repositorySource(client, image.repository)
    const requirements = { publicKey: publicKey.export({ type: 'spki', format: 'der' }) }
    const mayHaveTag = await surveyTags(client, image.repository)
    const { verified, failure } = await examineImage(source, image, requirements, { mayHaveTag })
    assert.equal(failure, undefined)
    assert.equal(verified.length, 1)
  })

  it('that is out of date has no index signed twice', async () => {
    await using registry = await startListing(() => listOf([]))
    await using directory = await createTemporaryDirectory()
    const index = await pushTestIndex(`${registry.host}/team/app:1`, 3)
    const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
    const run = (...args: readonly string[]) => runChancery(args, { cwd: directory.path, env })
    await run('generate-key-pair')
    for (const outcome of ['attached', 'already-signed']) {
      const signed = await run('sign', '-r', '--key', 'cosign.key', index.byDigest, '--json')
      assert.equal(signed.code, 0, signed.stderr)
      const { images } = JSON.parse(signed.stdout) as { images: { outcome: string }[] }
      assert.deepEqual(
        images.map((image) => image.outcome),
        Array<string>(4).fill(outcome),
      )
    }
    const verified = await run('verify', '-r', '--key', 'cosign.pub', index.byDigest)
    assert.equal(verified.code, 0, verified.stderr)
  })
})
