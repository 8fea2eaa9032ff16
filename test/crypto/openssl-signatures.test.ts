import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  ALGORITHMS,
  HASH_BYTES,
  SIGNATURE_ALGORITHMS,
  type HashAlgorithm,
} from '../../src/crypto/algorithms.ts'
import { hashMessage } from '../../src/crypto/digest.ts'
import { LocalSigner } from '../../src/crypto/local-signer.ts'
import { generatePrivateKey } from '../../src/crypto/private-key.ts'
import { encodePem } from '../../src/format/pem.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { openssl, opensslComponent } from '../x509/openssl.ts'

const message = Buffer.from('{"critical":{"type":"cosign container image signature"}}')

describe('OpenSSL verifies signatures', { skip: opensslComponent.absent }, () => {
  for (const algorithm of SIGNATURE_ALGORITHMS) {
    it(`${algorithm}: over messages and over hashes`, async () => {
      await using directory = await createTemporaryDirectory()
      const { path } = directory
      const save = (name: string, bytes: Uint8Array | string) => writeFile(join(path, name), bytes)
      const signer = new LocalSigner('key', await generatePrivateKey(algorithm))
      await save('key.pub', encodePem('PUBLIC KEY', signer.publicKey))
      await save('message', message)
      if (algorithm === 'ed25519') {
        await save('sig', await signer.sign(message, { hash: 'sha256' }))
        await openssl(path, 'pkeyutl -verify -pubin -inkey key.pub -rawin -in message -sigfile sig')
        return
      }
      const isRsa = ALGORITHMS[algorithm].keyType === 'rsa'
      for (const hash of Object.keys(HASH_BYTES) as HashAlgorithm[]) {
        for (const rsaPadding of isRsa ? (['pkcs1', 'pss'] as const) : (['pkcs1'] as const)) {
          const isPss = rsaPadding === 'pss'
          await save('sig', await signer.sign(message, { hash, rsaPadding }))
          const sigopt = ' -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1'
          const said = await openssl(
            path,
            `dgst -${hash} -verify key.pub -signature sig${isPss ? sigopt : ''} message`,
          )
          assert.equal(said, 'Verified OK\n')

          const bareHash = hashMessage(hash, message)
          await save('hash', bareHash)
          await save('sig', await signer.signHash(bareHash, { hash, rsaPadding }))
          const pkeyopt = ' -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest'
          await openssl(
            path,
            `pkeyutl -verify -pubin -inkey key.pub -in hash -sigfile sig -pkeyopt digest:${hash}${isPss ? pkeyopt : ''}`,
          )
        }
      }
    })
  }
})
