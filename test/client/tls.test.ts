import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { makeCertificate, startTlsRegistry } from '../registry/certificates.ts'

describe('a server with a certificate of its own', { skip: component('openssl').absent }, () => {
  it('gets no token, whatever the environment says', async () => {
    await using directory = await createTemporaryDirectory()
    const { key, certificate: cert } = await makeCertificate(
      directory.path,
      'server',
      'IP:127.0.0.1',
    )
    await using server = await startTlsRegistry({ key, cert })
    const env = {
      CHANCERY_URL: `https://127.0.0.1:${server.port}`,
      CHANCERY_ORGANIZATION: '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
      CHANCERY_TOKEN: 'token',
      XDG_CONFIG_HOME: directory.path,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    }
    const { code, stderr } = await runChancery(['whoami'], { env })
    assert.equal(code, 6, stderr)
    assert.match(stderr, /SELF_SIGNED/)
    assert.match(stderr, /NODE_EXTRA_CA_CERTS/)
    assert.deepEqual(server.seen, [])
  })
})
