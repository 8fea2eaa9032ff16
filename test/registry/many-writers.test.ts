import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findReferrers } from '../../src/registry/referrers.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import {
  layersOfSignatures,
  signatureTag,
  signatureTextOf,
} from '../../src/registry/signature-manifest.ts'
import { startProgram, type RunningProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { startDockerRegistry, startReferrersRegistry, startZot } from '../support/registries.ts'

const publishProcess = fileURLToPath(new URL('publish-process.ts', import.meta.url))
/** So many take a minute; a few show the same, if less surely. */
const isEverythingAsked = (process.env['CHANCERY_REQUIRE'] ?? '').split(',').includes('all')
const PROCESSES = isEverythingAsked ? 64 : 12
const KILLED = 3
const START_MS = 600_000
// Each running program has a listener, so that it does not outlive this process.
process.setMaxListeners(3 * (PROCESSES + KILLED))

const registries = {
  'docker-registry, which has no referrers API,': {
    start: startDockerRegistry,
    skip: component('docker-registry').absent,
  },
  'a registry with the referrers API': {
    start: startReferrersRegistry,
    skip: component('referrers-registry').absent,
  },
  'zot, which has it and keeps everything on disk,': {
    start: startZot,
    skip: component('zot').absent,
  },
}

/** Starts one that signs the image, attaches and publishes; resolves when it is about to. */
async function startWriter(image: PushedImage): Promise<RunningProgram> {
  const args = [publishProcess, image.byDigest]
  const options = { timeoutMs: START_MS }
  const { program } = await startProgram(process.execPath, args, /begun\n/, options)
  return program
}

async function waitFor(program: RunningProgram) {
  await program.ended
  return { code: program.child.exitCode, output: program.output() }
}

/** What is there: signatures under the tag, and bundles. */
async function whatIsThere(image: PushedImage) {
  using client = new RegistryClient()
  const { manifest } = await client.getManifest(image.repository, signatureTag(image.digest))
  const { referrers, refused } = await findReferrers(client, image.repository, image.digest)
  assert.deepEqual(refused, [])
  return {
    signatures: layersOfSignatures(manifest).map((layer) => signatureTextOf(layer) ?? ''),
    bundles: referrers.map(({ descriptor }) => descriptor.digest),
  }
}

for (const [name, { start, skip }] of Object.entries(registries)) {
  describe(`${PROCESSES} processes that sign one image at once on ${name}`, { skip }, () => {
    it(`lose no signature and no bundle, though ${KILLED} more are killed midway`, async () => {
      await using registry = await start()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const runs = Array.from({ length: PROCESSES + KILLED }, async (_, number) => {
        const program = await startWriter(image)
        if (number >= PROCESSES) {
          await sleep(Math.random() * 600)
          await program.stop('SIGKILL')
        }
        return waitFor(program)
      })
      const ended = await Promise.all(runs)
      const claimed = ended.slice(0, PROCESSES).map(({ code, output }) => {
        assert.equal(code, 0, output)
        const line = output.trim().split('\n').at(-1) ?? ''
        return JSON.parse(line) as { readonly signature: string; readonly bundle: string }
      })
      const { signatures, bundles } = await whatIsThere(image)
      assert.equal(new Set(claimed.map(({ signature }) => signature)).size, PROCESSES)
      const lost = claimed.filter(
        ({ signature, bundle }) => !signatures.includes(signature) || !bundles.includes(bundle),
      )
      assert.deepEqual(lost, [])
      // Those of the killed ones are whole or absent.
      assert.equal(new Set(signatures).size, signatures.length)
      assert.ok(signatures.length <= PROCESSES + KILLED)
    })
  })
}
