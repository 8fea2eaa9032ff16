import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type ServerOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { join } from 'node:path'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'

/** PEM of a certificate and its key, and the files they are in. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
  readonly certificateFile: string
  readonly keyFile: string
}

/**
 * Makes a certificate that signs itself, with openssl.
 *
 * @param names Subject alternative names as openssl writes them, `DNS:x,IP:127.0.0.1`.
 */
export async function makeCertificate(
  directory: string,
  stem: string,
  names: string,
): Promise<CertificateFiles> {
  const [keyFile, certificateFile] = [
    join(directory, `${stem}.key`),
    join(directory, `${stem}.cert`),
  ]
  const made = await runProgram(component('openssl').path, [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', keyFile, '-out', certificateFile, '-days', '2', '-subj', `/CN=${stem}`],
    ...['-addext', `subjectAltName=${names}`],
  ])
  assert.equal(made.code, 0, made.stderr)
  const read = (path: string) => readFile(path, 'utf8')
  const [certificate, key] = [await read(certificateFile), await read(keyFile)]
  await writeFile(join(directory, `${stem}.crt`), certificate)
  return { certificate, key, certificateFile, keyFile }
}

/** A request that a TLS registry got. */
export interface SeenTlsRequest {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** Common name of the certificate that the client showed. */
  readonly client: string | undefined
}

/** A registry with one index under every tag, by TLS on 127.0.0.1. */
export interface TlsRegistry extends AsyncDisposable {
  readonly port: number
  readonly seen: readonly SeenTlsRequest[]
  /** From now on every request is redirected. */
  redirectTo(location: string): void
}

/** @param options Key and certificate, and whether clients have to show one. */
export async function startTlsRegistry(options: ServerOptions): Promise<TlsRegistry> {
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] })
  const seen: SeenTlsRequest[] = []
  let location: string | undefined
  const server = createServer(options, (request, response) => {
    const socket = request.socket
    assert.ok(socket instanceof TLSSocket)
    const { subject } = socket.getPeerCertificate()
    const client = subject as { CN?: string } | undefined
    seen.push({ url: request.url ?? '', headers: request.headers, client: client?.CN })
    if (location !== undefined) response.writeHead(307, { location }).end()
    else response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    redirectTo(target) {
      location = target
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
