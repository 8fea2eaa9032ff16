import type { IncomingMessage } from 'node:http'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { startHostileServer, type SeenRequest } from './hostile-server.ts'

/** What is answered instead of what the registry would. */
export interface InsteadAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A registry that is an ordinary one, but for some of its answers. */
export interface ChangedRegistry extends AsyncDisposable {
  readonly host: string
  readonly seen: readonly SeenRequest[]
}

/** Decides about a request; undefined lets it through. `origin` is where the registry behind can be asked itself. */
export type Intercept = (
  request: IncomingMessage,
  body: Buffer,
  origin: string,
) => InsteadAnswer | undefined | Promise<InsteadAnswer | undefined>

/** Starts the embedded registry behind a server that answers what `intercept` says. */
export async function startChangedRegistry(intercept: Intercept): Promise<ChangedRegistry> {
  const registry = await startEmbeddedRegistry()
  const origin = `http://${registry.host}`
  const server = await startHostileServer((request, response) => {
    void (async () => {
      const pieces: Uint8Array[] = []
      for await (const piece of request as AsyncIterable<Uint8Array>) pieces.push(piece)
      const content = Buffer.concat(pieces)
      const instead = await intercept(request, content, origin)
      if (instead !== undefined) {
        return response.writeHead(instead.status, instead.headers).end(instead.body)
      }
      const headers = { ...(request.headers as Record<string, string>), connection: 'keep-alive' }
      Reflect.deleteProperty(headers, 'host')
      const answer = await fetch(`${origin}${request.url ?? ''}`, {
        method: request.method!,
        headers,
        ...(['GET', 'HEAD'].includes(request.method!) ? {} : { body: content }),
      }).catch(() => undefined)
      if (answer === undefined) return response.writeHead(502).end()
      const body = Buffer.from(await answer.arrayBuffer())
      return response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(body)
    })()
  })
  return {
    host: server.host,
    seen: server.seen,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}
