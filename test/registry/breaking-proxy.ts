import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunningRegistry } from '../support/registries.ts'
import type { SeenRequest } from './hostile-server.ts'

/** Where a connection breaks. */
export type Break = 'in the middle' | 'before the answer'

/** A registry behind a proxy that breaks connections. */
export interface BreakingProxy extends AsyncDisposable {
  readonly host: string
  readonly seen: readonly SeenRequest[]
}

/**
 * Puts a proxy before a registry, which ends with it.
 *
 * @param breaks Whether, and where, a request is broken off: `number` counts those of its method, from 0. In the middle,
 * half of its body has reached the registry.
 */
export async function startBreakingProxy(
  registry: RunningRegistry,
  breaks: (request: { readonly method: string; readonly number: number }) => Break | false,
): Promise<BreakingProxy> {
  const seen: SeenRequest[] = []
  const { hostname, port } = new URL(`http://${registry.host}`)
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const number = seen.filter((one) => one.method === method).length
    seen.push({ method, url, headers })
    const where = breaks({ method, number })
    const forwarded = request({ hostname, port, method, path: url, headers }, (answer) => {
      if (where === 'before the answer') {
        answer.resume()
        answer.once('end', () => outgoing.destroy())
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    if (where !== 'in the middle') {
      incoming.pipe(forwarded)
      return
    }
    let left = Number(headers['content-length'] ?? 0) / 2
    incoming.on('data', (piece: Uint8Array) => {
      forwarded.write(piece)
      left -= piece.length
      if (left <= 0) setTimeout(() => forwarded.destroy(), 50)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await registry[Symbol.asyncDispose]()
    },
  }
}
