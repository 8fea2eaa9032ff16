import { createServer, request as sendRequest, type IncomingHttpHeaders } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

/** What a proxy was asked for. */
export interface SeenByProxy {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** A proxy with a user and a password; {@link startProxy} makes it. */
export interface RunningProxy extends AsyncDisposable {
  /** With user and password. */
  readonly url: string
  readonly seen: readonly SeenByProxy[]
  openTunnels(): number
}

/** A proxy that leads every name to a port of this machine, or answers with a status, or not at all. */
export async function startProxy(
  behaviour: number | 'silent' | { readonly port: number },
): Promise<RunningProxy> {
  const seen: SeenByProxy[] = []
  const tunnels = new Set<Duplex>()
  const server = createServer((incoming, outgoing) => {
    seen.push({ method: incoming.method!, url: incoming.url!, headers: incoming.headers })
    if (typeof behaviour !== 'object') {
      if (behaviour !== 'silent') outgoing.writeHead(behaviour).end()
      return
    }
    const { pathname } = new URL(incoming.url!)
    const { method, headers } = incoming
    const options = { hostname: '127.0.0.1', port: behaviour.port, path: pathname, method, headers }
    const forwarded = sendRequest(options, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  })
  server.on('connect', (incoming, socket, head) => {
    seen.push({ method: 'CONNECT', url: incoming.url!, headers: incoming.headers })
    socket.on('error', () => undefined)
    tunnels.add(socket)
    socket.on('close', () => tunnels.delete(socket))
    if (behaviour === 'silent') {
      socket.resume()
      socket.on('end', () => socket.destroy())
      return
    }
    if (typeof behaviour === 'number') {
      socket.end(`HTTP/1.1 ${behaviour} No\r\n\r\n`)
      return
    }
    const target = connect(behaviour.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      target.write(head)
      target.pipe(socket).pipe(target)
    })
    target.on('error', () => socket.destroy())
    socket.on('close', () => target.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://us%40er:proxy-secret@127.0.0.1:${port}`,
    seen,
    openTunnels: () => tunnels.size,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      for (const tunnel of tunnels) tunnel.destroy()
      await closed
    },
  }
}
