import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseTrustedProxies } from './trusted-proxies.ts'

describe('trusted proxies', () => {
  it('are addresses and networks', () => {
    const proxies = parseTrustedProxies(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', 'fd00::7'])
    for (const address of ['192.0.2.7', '10.255.0.1']) assert.ok(proxies.check(address), address)
    for (const address of ['192.0.2.8', '11.0.0.1']) assert.ok(!proxies.check(address), address)
    for (const address of ['2001:db8:ffff::1', 'fd00::7']) {
      assert.ok(proxies.check(address, 'ipv6'), address)
    }
    for (const address of ['2001:db9::1', 'fd00::8']) {
      assert.ok(!proxies.check(address, 'ipv6'), address)
    }
  })

  for (const text of [
    '',
    'proxy.example.com',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0',
    'fe80::1%eth0',
    ' 10.0.0.1',
    '10.0.0.1:80',
  ]) {
    it(`are not "${text}"`, () => {
      assert.throws(() => parseTrustedProxies([text]), { code: 'ERR_CONFIG_VALUE' })
    })
  }
})
