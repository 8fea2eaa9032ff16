import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { BlockList, Socket } from 'node:net'
import { describe, it } from 'node:test'
import { callerAddress } from './caller-address.ts'

const trusted = new BlockList()
trusted.addSubnet('10.0.0.0', 8)
trusted.addAddress('2001:db8::7', 'ipv6')

/** A request over a connection from an address, with headers. */
function from(remoteAddress: string | undefined, forwardedFor?: string): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress })
  const request = new IncomingMessage(socket)
  if (forwardedFor !== undefined) request.headers['x-forwarded-for'] = forwardedFor
  return request
}

describe('the address of a caller', () => {
  it('is that of the connection where no proxy is trusted, whatever the call says', () => {
    assert.equal(callerAddress(from('10.0.0.1', '203.0.113.5'), undefined), '10.0.0.1')
    assert.equal(callerAddress(from(undefined), undefined), null)
    assert.equal(callerAddress(from(undefined, '203.0.113.5'), trusted), null)
  })

  for (const [what, connection, header, expected] of [
    ['of somebody else than a proxy', '192.0.2.1', '203.0.113.5', '192.0.2.1'],
    ['of a proxy that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['that a proxy names', '10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['that the last of several proxies names', '10.0.0.1', '203.0.113.5, 10.2.0.1', '203.0.113.5'],
    ['that is next to the proxies', '10.0.0.1', '10.9.9.9, 203.0.113.5', '203.0.113.5'],
    ['of the outermost proxy, if it calls itself', '10.0.0.1', '10.2.0.1', '10.2.0.1'],
    ['of a proxy behind which is no address', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['of a proxy behind which is a text', '10.0.0.1', '1.2.3.4, "\n", 10.3.0.1', '10.3.0.1'],
    ['of a proxy behind which is nothing', '10.0.0.1', '1.2.3.4,,', '10.0.0.1'],
    ['of an interface', '10.0.0.1', 'fe80::1%<script>', '10.0.0.1'],
    ['that a proxy names with its port', '10.0.0.1', '203.0.113.5:4711', '203.0.113.5'],
    ['in version 6', '2001:db8::7', '2001:db8::9', '2001:db8::9'],
    ['in version 6 with its port', '2001:db8::7', '[2001:db8::9]:80', '2001:db8::9'],
    ['in version 4, mapped', '::ffff:10.0.0.1', '::ffff:203.0.113.5', '203.0.113.5'],
    ['of no more than 32 proxies', '10.0.0.1', `1.1.1.1${',10.0.0.2'.repeat(40)}`, '10.0.0.2'],
  ] as const) {
    it(`is the one ${what}`, () => {
      assert.equal(callerAddress(from(connection, header), trusted), expected)
    })
  }
})
