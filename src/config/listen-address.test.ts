import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { DEFAULT_LISTEN, parseListenAddress } from './listen-address.ts'

describe('listening address', () => {
  it('reads names, IPv4, IPv6 and a port alone', () => {
    assert.deepEqual(parseListenAddress(DEFAULT_LISTEN), { host: '127.0.0.1', port: 7080 })
    assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 })
    assert.deepEqual(parseListenAddress('localhost:65535'), { host: 'localhost', port: 65535 })
    assert.deepEqual(parseListenAddress(':80'), { host: '::', port: 80 })
  })

  for (const text of [
    '',
    '7080',
    'a',
    'a:',
    'a:65536',
    'a:-1',
    '::1:80',
    '[::1',
    'a b:1',
    'a:1 ',
  ]) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => parseListenAddress(text), { code: 'ERR_CONFIG_VALUE' })
    })
  }
})
