import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { generatePrivateKey } from '../../src/crypto/private-key.ts'
import { encodePem } from '../../src/format/pem.ts'
import { encodeCosignKey } from '../../src/keys/cosign-key.ts'
import { readPrivateKeyFile } from '../../src/keys/key-file.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

for (const name of ['cosign-2', 'cosign-3'] as const) {
  const cosign = component(name)

  describe(`${name} keys`, { skip: cosign.absent }, () => {
    for (const passphrase of ['secret words', '']) {
      const env = { COSIGN_PASSWORD: passphrase }

      it(`reads cosign.key with ${passphrase === '' ? 'an empty' : 'a'} passphrase`, async () => {
        await using directory = await createTemporaryDirectory()
        const cwd = directory.path
        const made = await runProgram(cosign.path, ['generate-key-pair'], { cwd, env })
        assert.equal(made.code, 0, made.stderr)
        const read = await readPrivateKeyFile(await readFile(join(cwd, 'cosign.key')), passphrase)
        assert.equal(read.algorithm, 'ecdsa-p256')
        const theirs = await readFile(join(cwd, 'cosign.pub'), 'utf8')
        assert.equal(encodePem('PUBLIC KEY', read.publicKey), theirs)
      })

      it(`cosign reads ours with ${passphrase === '' ? 'an empty' : 'a'} passphrase`, async () => {
        await using directory = await createTemporaryDirectory()
        const cwd = directory.path
        const key = await generatePrivateKey('ecdsa-p256')
        const file = await encodeCosignKey(key.exportPkcs8(), passphrase)
        await writeFile(join(cwd, 'ours.key'), file, { mode: 0o600 })
        const args = ['public-key', '--key', 'ours.key']
        const shown = await runProgram(cosign.path, args, { cwd, env })
        assert.equal(shown.code, 0, shown.stderr)
        assert.equal(shown.stdout, encodePem('PUBLIC KEY', key.publicKey))
      })
    }
  })
}
