import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that reached the server. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/** A web server of a test that answers as its handler says. */
export interface HostileServer extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly seen: readonly SeenRequest[]
}

/** Starts a server on both loopback names; a request for `/v2/` itself gets 200. */
export async function startHostileServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HostileServer> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    seen.push({ method: request.method!, url: request.url!, headers: request.headers })
    response.on('error', () => undefined)
    request.resume()
    handle(request, response)
  })
  // A connection that rests for long is still there when the next request comes.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    host: `127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
