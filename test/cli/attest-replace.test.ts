import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage } from '../support/images.ts'
import { realRegistries } from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const ROUNDS = 2
const typeOf = (name: string) => `https://acme.test/${name}/v1`

/** What the envelopes, one on each line, say. */
function roundsIn(stdout: string): readonly number[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { payload } = JSON.parse(line) as { readonly payload: string }
      const statement = JSON.parse(Buffer.from(payload, 'base64').toString()) as {
        readonly predicate: { readonly round: number }
      }
      return statement.predicate.round
    })
}

for (const [registryComponent, start] of realRegistries) {
  describe(
    `attest --replace on ${registryComponent.name}`,
    {
      skip: registryComponent.absent,
    },
    () => {
      it('in two processes at once loses no attestation of the other type, nor one that stands beside', async () => {
        await using directory = await createTemporaryDirectory()
        await using registry = await start()
        const run = async (...args: readonly string[]) => {
          const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
          const finished = await runChancery(args, { cwd: directory.path, env })
          assert.equal(finished.code, 0, finished.stderr)
          return finished
        }
        await run('generate-key-pair')
        const image = await pushTestImage(`${registry.host}/team/app:1`)
        const attest = async (name: string, round: number, ...flags: readonly string[]) => {
          const file = `${name}-${round}.json`
          await writeFile(join(directory.path, file), JSON.stringify({ round }))
          const what = ['--type', typeOf(name), '--predicate', file]
          await run('attest', '--key', 'cosign.key', ...flags, ...what, image.byDigest)
        }
        for (const name of ['one', 'other', 'beside']) await attest(name, 0)
        for (let round = 1; round <= ROUNDS; round += 1) {
          await Promise.all([
            attest('one', round, '--replace'),
            attest('other', round, '--replace'),
            ...(round === 1 ? [attest('late', round)] : []),
          ])
          for (const [name, wanted] of [
            ['one', round],
            ['other', round],
            ['beside', 0],
            ['late', 1],
          ] as const) {
            const verify = ['verify-attestation', '--key', 'cosign.pub', '--type', typeOf(name)]
            const { stdout } = await run(...verify, image.byDigest)
            // Under the tag and as a bundle. What was replaced may be back, what replaced it is never missing.
            const found = roundsIn(stdout).filter((one) => one === wanted)
            assert.equal(found.length, 2, `${name} in round ${round}: ${stdout}`)
          }
        }
      })
    },
  )
}
