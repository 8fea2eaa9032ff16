import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startDockerRegistry } from '../support/registries.ts'
import { bash, createShell } from '../support/shell.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const dockerRegistry = component('docker-registry')

/** Arguments as people type them, in a shell's quotes where it needs them. */
const CALLS = {
  'a digest': `registry.acme.test/team/app@${DIGEST}`,
  'a port and a tag beside the digest': `registry.acme.test:5000/team/app:1.0@${DIGEST}`,
  'Docker Hub, short': `alpine@${DIGEST}`,
  'Docker Hub, by its host': `docker.io/bitnami/redis@${DIGEST}`,
  annotations: `-a build=42 -a branch=main -a a= registry.acme.test/app@${DIGEST}`,
  'annotations in one flag': `-a b=2,a=1 registry.acme.test/app@${DIGEST}`,
  'annotations that Go escapes': `-a 'note=<b> & </b>' -a 'grüße=žluťoučký 🦊' registry.acme.test/app@${DIGEST}`,
}

for (const cosign of [component('cosign-2'), component('cosign-3')]) {
  describe(`chancery generate beside ${cosign.name}`, { skip: anyAbsent(cosign, bash) }, () => {
    for (const [what, args] of Object.entries(CALLS)) {
      it(`prints the same bytes for ${what}`, async () => {
        await using directory = await createTemporaryDirectory()
        const shell = await createShell(directory.path, { cosign })
        const theirs = await shell.run(`cosign generate ${args}`)
        assert.equal(theirs.code, 0, theirs.stderr)
        const words = await shell.run(`printf '%s\\n' ${args}`)
        const ours = await runChancery(['generate', ...words.stdout.trimEnd().split('\n')])
        assert.equal(ours.code, 0, ours.stderr)
        assert.deepEqual(ours.stdoutBytes, theirs.stdoutBytes)
      })
    }

    it('prints nothing where cosign would print the last of two values', async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createShell(directory.path, { cosign })
      const args = ['generate', '-a', 'a=1', '-a', 'a=2', `registry.acme.test/app@${DIGEST}`]
      const theirs = await shell.run(`cosign ${args.join(' ')}`)
      assert.match(theirs.stdout, /"a":"2"/)
      const ours = await runChancery(args)
      assert.deepEqual([ours.code, ours.stdout], [2, ''])
      assert.match(ours.stderr, /expected a once/)
    })

    it('prints the same bytes for a tag', { skip: anyAbsent(dockerRegistry) }, async () => {
      await using directory = await createTemporaryDirectory()
      await using registry = await startDockerRegistry()
      const shell = await createShell(directory.path, { cosign })
      const { digest } = await pushTestImage(`${registry.host}/team/app:1.0`)
      const theirs = await shell.run(`cosign generate ${registry.host}/team/app:1.0`)
      const ours = await runChancery(['generate', `${registry.host}/team/app:1.0`])
      assert.equal(ours.code, 0, ours.stderr)
      assert.match(ours.stdout, new RegExp(digest))
      assert.deepEqual(ours.stdoutBytes, theirs.stdoutBytes)
    })
  })
}
