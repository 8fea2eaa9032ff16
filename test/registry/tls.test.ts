import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const openssl = component('openssl')
const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] })

/** A registry with one index under every tag, by TLS with a certificate of its own for 127.0.0.1. */
async function startTlsRegistry() {
  await using directory = await createTemporaryDirectory()
  const [key, certificate] = [join(directory.path, 'key'), join(directory.path, 'certificate')]
  const made = await runProgram(openssl.path, [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=registry'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1'],
  ])
  assert.equal(made.code, 0, made.stderr)
  const requests: (string | undefined)[] = []
  const options = { key: await readFile(key), cert: await readFile(certificate) }
  const server = createServer(options, (request, response) => {
    requests.push(request.headers.authorization)
    response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    repository: { registry: `127.0.0.1:${port}`, repository: 'app' },
    otherName: { registry: `localhost:${port}`, repository: 'app' },
    certificate: options.cert.toString('utf8'),
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('a registry with a private CA', { skip: openssl.absent }, () => {
  it('is spoken to by TLS where its certificate is named', async () => {
    await using registry = await startTlsRegistry()
    using client = new RegistryClient({ certificateAuthorities: [registry.certificate] })
    const { manifest } = await client.getManifest(registry.repository, '1')
    assert.equal(manifest.kind, 'index')
  })

  it('is not spoken to otherwise, by TLS or without, whatever the environment says', async () => {
    await using registry = await startTlsRegistry()
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      using client = new RegistryClient({ allowHttp: true })
      await assert.rejects(client.getManifest(registry.repository, '1'), {
        code: 'ERR_REGISTRY_CERTIFICATE',
      })
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
    assert.equal(registry.requests.length, 0)
  })

  it('is not spoken to by a name that its certificate does not have', async () => {
    await using registry = await startTlsRegistry()
    using client = new RegistryClient({ certificateAuthorities: [registry.certificate] })
    await assert.rejects(client.getManifest(registry.otherName, '1'), {
      code: 'ERR_REGISTRY_CERTIFICATE',
    })
    assert.equal(registry.requests.length, 0)
  })
})
