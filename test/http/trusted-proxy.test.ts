import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, it } from 'node:test'
import { createApp } from '../../src/http/app.ts'
import { BEARER, ORGANIZATION, REQUEST, servicesOf, SUBMITTED } from './services.ts'

const trustedProxies = new BlockList()
trustedProxies.addAddress('10.0.0.1')

/** The addresses that one call leaves behind: the caller's, the refused login's, the log's. */
async function addressesOf(remoteAddress: string, authorization: string) {
  const seen: (string | null)[] = []
  const services = servicesOf({
    signing: {
      cancel: ({ address }) => {
        seen.push(address)
        return Promise.resolve(SUBMITTED)
      },
    },
    recordLoginFailure: ({ address }) => void seen.push(address),
  })
  let log = ''
  const app = createApp(services, { trustedProxies, writeLog: (lines) => (log += lines) })
  await app.inject({
    method: 'POST',
    url: `/Api/v1/${ORGANIZATION}/SigningRequests/${REQUEST}/Cancel`,
    headers: { authorization, 'x-forwarded-for': '198.51.100.1, 203.0.113.5' },
    remoteAddress,
  })
  await app.close()
  return [...seen, (JSON.parse(log) as { address: string }).address]
}

describe('behind a trusted proxy', () => {
  it('the audit log, refused logins and the log have the address that it names', async () => {
    for (const authorization of [BEARER, 'Bearer wrong']) {
      const named = '203.0.113.5'
      assert.deepEqual(await addressesOf('10.0.0.1', authorization), [named, named])
      assert.deepEqual(await addressesOf('10.0.0.2', authorization), ['10.0.0.2', '10.0.0.2'])
    }
  })
})
