import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runProgram } from './child-process.ts'
import { component } from './components.ts'

/** A timestamp authority (RFC 3161) of OpenSSL behind HTTP, on a port of 127.0.0.1. */
export interface TimestampAuthority extends AsyncDisposable {
  readonly url: string
  /** PEM of its certificate and of the root above it. */
  readonly chain: string
}

/**
 * Starts one.
 *
 * @param parent An existing directory; its files lie in one of their own below it.
 * @throws Error if OpenSSL is absent or refuses.
 */
export async function startTimestampAuthority(parent: string): Promise<TimestampAuthority> {
  const directory = join(parent, `timestamps-${crypto.randomUUID()}`)
  await mkdir(directory)
  const path = (name: string): string => join(directory, name)
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runProgram(component('openssl').path, args, { cwd: directory })
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
  }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc']
  const root = ['-x509', '-keyout', 'root.key', '-out', 'root.pem', '-subj', '/O=Acme/CN=Time root']
  await openssl('req', ...newKey, ...root, '-addext', 'keyUsage=critical,keyCertSign')
  const leaf = ['-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/O=Acme/CN=Time']
  await openssl('req', '-new', ...newKey, ...leaf)
  await writeFile(
    path('leaf.ext'),
    'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n' +
      'extendedKeyUsage=critical,timeStamping\n',
  )
  const by = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-extfile', 'leaf.ext']
  await openssl('x509', '-req', '-in', 'leaf.csr', ...by, '-out', 'leaf.pem')
  await writeFile(path('serial'), '01')
  await writeFile(
    path('openssl.cnf'),
    [
      '[tsa]',
      'default_tsa = own',
      '[own]',
      'serial = serial',
      'signer_cert = leaf.pem',
      'certs = leaf.pem',
      'signer_key = leaf.key',
      'signer_digest = sha256',
      'default_policy = 1.2.3.4',
      'digests = sha256, sha384, sha512',
      'ess_cert_id_alg = sha256',
    ].join('\n'),
  )
  const chain = path('chain.pem')
  await writeFile(
    chain,
    `${await readFile(path('leaf.pem'), 'utf8')}${await readFile(path('root.pem'), 'utf8')}`,
  )
  const answer = async (query: Uint8Array): Promise<Uint8Array> => {
    const name = crypto.randomUUID()
    await writeFile(path(`${name}.tsq`), query)
    const files = ['-queryfile', `${name}.tsq`, '-out', `${name}.tsr`]
    await openssl('ts', '-reply', '-config', 'openssl.cnf', ...files)
    return readFile(path(`${name}.tsr`))
  }
  const server = createServer((request, response) => {
    void (async () => {
      try {
        const pieces: Uint8Array[] = []
        for await (const piece of request) pieces.push(piece as Uint8Array)
        const reply = await answer(Buffer.concat(pieces))
        response.writeHead(201, { 'content-type': 'application/timestamp-reply' }).end(reply)
      } catch (error) {
        response.writeHead(500).end(String(error))
      }
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/api/v1/timestamp`,
    chain,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
