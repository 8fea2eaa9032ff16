import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { ChanceryClient } from '../../src/client/chancery-client.ts'

const ORGANIZATION = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'
const TOKEN = 'a-token-that-must-not-be-seen'
const ME = { id: 'x', name: 'ci', userType: 'ci', roles: [] }
const SUBMITTED = { signingRequestId: 'x', status: 'Completed', isFinalStatus: true, webLink: '' }

type Handler = (request: IncomingMessage, response: ServerResponse, attempt: number) => void

interface Peer extends AsyncDisposable {
  readonly client: ChanceryClient
  readonly seen: readonly { readonly url: string; readonly headers: IncomingMessage['headers'] }[]
}

/** An HTTP server on loopback that answers as `handle` says, and a client for it. */
async function startPeer(
  handle: Handler,
  options: { timeoutMs?: number; maxResponseBytes?: number; maxRetries?: number } = {},
): Promise<Peer> {
  const seen: { url: string; headers: IncomingMessage['headers'] }[] = []
  const server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers })
    request.resume().on('end', () => {
      handle(request, response, seen.length)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    client: new ChanceryClient({ url, organizationId: ORGANIZATION, token: TOKEN, ...options }),
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

const submission = {
  projectSlug: 'p',
  signingPolicySlug: 's',
  artifact: { fileName: 'a.zip', bytes: new Uint8Array([1]) },
}

describe('client transport', () => {
  it('sends the token, its name, and asks for JSON', async () => {
    await using peer = await startPeer((_, response) => {
      json(response, 200, ME)
    })
    assert.deepEqual(await peer.client.administration.getMe(), ME)
    const [call] = peer.seen
    assert.equal(call?.url, `/Api/v1/${ORGANIZATION}/InteractiveUsers/Me`)
    assert.equal(call.headers.authorization, `Bearer ${TOKEN}`)
    assert.equal(call.headers.accept, 'application/json')
  })

  for (const status of [429, 502, 503, 504]) {
    it(`repeats a GET that ends in ${status}`, async () => {
      await using peer = await startPeer((_, response, attempt) => {
        if (attempt < 3) json(response, status, {}, { 'retry-after': '0' })
        else json(response, 200, ME)
      })
      await peer.client.administration.getMe()
      assert.equal(peer.seen.length, 3)
    })
  }

  it('gives up after its retries, with the last error', async () => {
    await using peer = await startPeer(
      (_, response) => {
        json(
          response,
          503,
          { type: 'urn:chancery:error:ERR_X', detail: 'full' },
          { 'retry-after': '0' },
        )
      },
      { maxRetries: 2 },
    )
    await assert.rejects(peer.client.administration.getMe(), {
      code: 'ERR_CLIENT_UNAVAILABLE',
      message: 'full',
    })
    assert.equal(peer.seen.length, 3)
  })

  for (const status of [400, 401, 403, 404, 409, 422, 500]) {
    it(`repeats nothing that ends in ${status}`, async () => {
      await using peer = await startPeer((_, response) => {
        json(response, status, {})
      })
      await assert.rejects(peer.client.administration.getMe())
      assert.equal(peer.seen.length, 1)
    })
  }

  it('repeats a submission under one idempotency key', async () => {
    await using peer = await startPeer((_, response, attempt) => {
      if (attempt === 1) response.destroy()
      else if (attempt === 2) json(response, 503, {}, { 'retry-after': '0' })
      else json(response, 201, SUBMITTED)
    })
    await peer.client.submitWithArtifact(submission)
    const keys = new Set(peer.seen.map(({ headers }) => headers['idempotency-key']))
    assert.equal(peer.seen.length, 3)
    assert.equal(keys.size, 1)
    await peer.client.submitWithArtifact(submission)
    assert.notEqual(peer.seen[3]?.headers['idempotency-key'], [...keys][0])
  })

  it('does not repeat another POST that may have been done, but one that was turned away', async () => {
    for (const [status, calls] of [
      [503, 1],
      [429, 2],
    ] as const) {
      await using peer = await startPeer((_, response, attempt) => {
        if (attempt === 1) json(response, status, {}, { 'retry-after': '0' })
        else json(response, 201, { id: 'x' })
      })
      await peer.client.administration
        .createProject({ slug: 'a', name: 'a' })
        .catch(() => undefined)
      assert.equal(peer.seen.length, calls, String(status))
    }
    await using broken = await startPeer((_, response) => {
      response.destroy()
    })
    const call = broken.client.administration.createProject({ slug: 'a', name: 'a' })
    await assert.rejects(call, { code: 'ERR_CLIENT_UNREACHABLE' })
    assert.equal(broken.seen.length, 1)
  })

  it('follows no redirect: the token is for this server', async () => {
    await using other = await startPeer((_, response) => {
      json(response, 200, ME)
    })
    await using peer = await startPeer((_, response) => {
      response.writeHead(307, { location: `${other.client.serverUrl}/x` }).end()
    })
    await assert.rejects(peer.client.administration.getMe(), { code: 'ERR_CLIENT_RESPONSE' })
    assert.equal(other.seen.length, 0)
  })

  it('ends a call that takes too long, and an answer that never ends', async () => {
    await using silent = await startPeer(() => undefined, { timeoutMs: 100, maxRetries: 0 })
    await assert.rejects(silent.client.administration.getMe(), { code: 'ERR_CLIENT_TIMEOUT' })
    await using slow = await startPeer(
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{')
      },
      { timeoutMs: 100, maxRetries: 0 },
    )
    await assert.rejects(slow.client.administration.getMe(), { code: 'ERR_CLIENT_TIMEOUT' })
  })

  it('reads no more than it may', async () => {
    await using peer = await startPeer(
      (_, response) => {
        json(response, 200, { ...ME, x: 'x'.repeat(10_000) })
      },
      { maxResponseBytes: 5000 },
    )
    await assert.rejects(peer.client.administration.getMe(), { code: 'ERR_CLIENT_TOO_LARGE' })
  })

  it('takes garbage for garbage', async () => {
    await using peer = await startPeer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    })
    await assert.rejects(peer.client.administration.getMe(), { code: 'ERR_CLIENT_RESPONSE' })
  })

  it('takes only the last segment of the name of a download', async () => {
    const names: readonly (readonly [header: string, name: string | undefined])[] = [
      ['attachment; filename="a.zip"', 'a.zip'],
      ['attachment; filename="../../etc/passwd"', 'passwd'],
      ['attachment; filename="x"; filename*=UTF-8\'\'%C3%A4.zip', 'ä.zip'],
      ["attachment; filename*=UTF-8''..%2F..%2Fx", 'x'],
      ['attachment; filename=".bashrc"', undefined],
      ['attachment', undefined],
    ]
    for (const [header, name] of names) {
      await using peer = await startPeer((_, response) => {
        response.writeHead(200, { 'content-disposition': header }).end('x')
      })
      const { fileName } = await peer.client.downloadSignedArtifact('x')
      assert.equal(fileName, name, header)
    }
  })

  it('shows the token in no error', async () => {
    await using peer = await startPeer((_, response, attempt) => {
      if (attempt === 1) json(response, 401, {})
      else response.destroy()
    })
    for (let attempt = 1; attempt <= 2; attempt++) {
      const error: unknown = await peer.client.administration
        .createProject({ slug: 'a', name: 'a' })
        .then(
          () => assert.fail('it was answered'),
          (thrown: unknown) => thrown,
        )
      assert.doesNotMatch(
        JSON.stringify([error, String(error), (error as Error).stack]),
        /must-not-be-seen/,
      )
    }
    const url = 'https://a.example'
    for (const token of ['', 'a b', 'a\nb', 'ä']) {
      assert.throws(() => new ChanceryClient({ url, organizationId: ORGANIZATION, token }), {
        code: 'ERR_CLIENT_TOKEN',
      })
    }
  })
})
