import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { runChancery, startServer } from './chancery-process.ts'

async function listRequests(server: {
  readonly url: string
  readonly organizationId: string
  readonly adminToken: string
}): Promise<number> {
  const response = await fetch(`${server.url}/Api/v1/${server.organizationId}/SigningRequests`, {
    headers: { authorization: `Bearer ${server.adminToken}` },
  })
  await response.arrayBuffer()
  return response.status
}

describe('the program as a process', () => {
  it('makes an authority, serves it, survives a kill and leaves nothing behind', async () => {
    let dataDir = ''
    let pid = 0
    {
      await using server = await startServer()
      dataDir = server.dataDir
      assert.match(server.organizationId, /^[0-9a-f-]{36}$/)
      assert.equal(await listRequests(server), 200)
      const first = server.pid
      await server.kill('SIGKILL')
      await assert.rejects(listRequests(server))
      await server.restart()
      pid = server.pid
      assert.notEqual(pid, first)
      assert.equal(await listRequests(server), 200)
    }
    assert.equal(existsSync(dataDir), false)
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  it('gives exit status, output and errors of one command', async () => {
    const version = await runChancery(['--version'])
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
    const wrong = await runChancery(['no-such-command'])
    assert.deepEqual([wrong.code, wrong.stdout], [2, ''])
    assert.notEqual(wrong.stderr, '')
  })
})
