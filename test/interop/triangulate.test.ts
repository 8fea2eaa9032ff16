import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { bash, createShell } from '../support/shell.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const IMAGES = [`registry.acme.test:5000/team/app:1.0@${DIGEST}`, `alpine@${DIGEST}`]
const TYPES = [
  [],
  ...['signature', 'attestation', 'sbom', 'digest'].map((type) => ['--type', type]),
]

for (const cosign of [component('cosign-2'), component('cosign-3')]) {
  describe(`chancery triangulate beside ${cosign.name}`, { skip: anyAbsent(cosign, bash) }, () => {
    it('prints the same place for each type', async () => {
      await using directory = await createTemporaryDirectory()
      const shell = await createShell(directory.path, { cosign })
      for (const image of IMAGES) {
        for (const type of TYPES) {
          const args = ['triangulate', ...type, image]
          const theirs = await shell.run(`cosign ${args.join(' ')}`)
          const ours = await runChancery(args)
          assert.equal(ours.code, 0, ours.stderr)
          assert.equal(ours.stdout.trim(), theirs.stdout.trim())
        }
      }
    })
  })
}
