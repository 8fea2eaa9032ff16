import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { parseServerUrl } from './base-url.ts'

describe('server URL', () => {
  it('drops what the routes add', () => {
    for (const text of ['https://a.example', 'https://a.example/', 'https://a.example/Api/']) {
      assert.equal(parseServerUrl(text, false), 'https://a.example')
    }
    assert.equal(parseServerUrl('https://A.example:444/x/api', false), 'https://a.example:444/x')
  })

  it('allows plain http to this machine, and elsewhere only when told', () => {
    for (const host of ['localhost:1', '127.0.0.1', '127.1.2.3:7080', '[::1]:7080']) {
      assert.equal(parseServerUrl(`http://${host}`, false), `http://${host}`)
    }
    for (const host of [
      'a.example',
      '10.0.0.1',
      '127.0.0.1.example.com',
      'localhost.example.com',
    ]) {
      assert.throws(() => parseServerUrl(`http://${host}`, false), { code: 'ERR_CLIENT_URL' })
      assert.equal(parseServerUrl(`http://${host}`, true), `http://${host}`)
    }
  })

  for (const text of [
    '',
    'a.example',
    'ftp://a',
    'https://u:p@a',
    'https://a/?x=1',
    'https://a/#x',
  ]) {
    it(`refuses "${text}" and does not repeat it`, () => {
      assert.throws(
        () => parseServerUrl(text, true),
        (error: Error & { code?: string }) =>
          error.code === 'ERR_CLIENT_URL' && (text === '' || !error.message.includes(text)),
      )
    })
  }
})
