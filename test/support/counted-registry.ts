import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunningRegistry } from './registries.ts'

/** A registry behind a proxy that counts. */
export interface CountedRegistry extends AsyncDisposable {
  readonly host: string
  /** How many requests there were since the last call. */
  take(): number
}

/** Puts a proxy that counts before a registry, which ends with it. */
export async function countRequests(
  registry: Pick<RunningRegistry, 'host'> & AsyncDisposable,
): Promise<CountedRegistry> {
  let count = 0
  const { hostname, port } = new URL(`http://${registry.host}`)
  const server = createServer((incoming, outgoing) => {
    count += 1
    const { method, url, headers } = incoming
    const forwarded = request({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = count
      count = 0
      return taken
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await registry[Symbol.asyncDispose]()
    },
  }
}
