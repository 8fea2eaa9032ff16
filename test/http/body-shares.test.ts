import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { createApp } from '../../src/http/app.ts'
import { startAuthority, type TestUser } from '../support/authority.ts'

const LARGEST = 200_000

describe('large bodies of two organizations', () => {
  it('have room each, however much one of them sends', async () => {
    await using authority = await startAuthority()
    const acme = { id: authority.organizationId, user: authority.admin }
    const globexUser = await authority.addOrganization('Globex')
    const { organizationId } = authority.services.authenticate(globexUser.authorization)
    const globex = { id: organizationId, user: globexUser }
    const app = createApp(authority.services, {
      maxBodyBytes: LARGEST,
      maxBodiesBytes: 4 * LARGEST,
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const sockets: Socket[] = []

    /** Announces a body, and returns the socket once the server has decided whether to read it. */
    const announce = async ({ id, user }: { id: string; user: TestUser }): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1')
      sockets.push(socket)
      socket.write(
        `POST /Api/v1/${id}/SigningRequests/SubmitWithPayload HTTP/1.1\r\nHost: localhost\r\n` +
          `Authorization: ${user.authorization}\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${LARGEST}\r\nExpect: 100-continue\r\n\r\n`,
      )
      await once(socket, 'readable')
      return socket
    }
    /** The status of the answer, behind the interim one. */
    const statusOf = async (socket: Socket): Promise<string> => {
      let text = ''
      for await (const piece of socket) {
        text += String(piece)
        const [, status] = /^HTTP\/1\.1 100 .*?\r\n\r\nHTTP\/1\.1 (\d+)/s.exec(text) ?? []
        if (status !== undefined) return status
      }
      return text
    }

    const held = [await announce(acme), await announce(acme), await announce(acme)]
    assert.equal(await statusOf(await announce(acme)), '503')
    const others = await announce(globex)
    others.write('x'.repeat(LARGEST))
    assert.equal(await statusOf(others), '400')
    held[0]!.write('x'.repeat(LARGEST))
    assert.equal(await statusOf(held[0]!), '400')
    for (const socket of sockets) socket.destroy()
    await app.close()
  })
})
