import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Proxies } from './proxies.ts'

const PROXY = 'http://proxy.acme.test:3128'

function isProxied(url: string, noProxy: string): boolean {
  const proxies = new Proxies({ http: PROXY, https: PROXY, noProxy })
  return proxies.find(new URL(url)) !== undefined
}

describe('proxies', () => {
  it('are chosen by the scheme of what is fetched', () => {
    const proxies = new Proxies({ http: 'one.test:1', https: 'https://two.test:2' })
    assert.equal(proxies.find(new URL('http://r.test/v2/'))?.href, 'http://one.test:1/')
    assert.equal(proxies.find(new URL('https://r.test/v2/'))?.href, 'https://two.test:2/')
    assert.equal(new Proxies({ http: PROXY }).find(new URL('https://r.test/')), undefined)
    assert.equal(new Proxies({ https: PROXY }).find(new URL('http://r.test/')), undefined)
    assert.equal(new Proxies({ http: '', https: '' }).find(new URL('http://r.test/')), undefined)
  })

  it('are never used for what is on this machine', () => {
    for (const host of [
      'localhost',
      'localhost:5000',
      '127.0.0.1',
      '127.1.2.3:5000',
      '[::1]:5000',
    ]) {
      assert.equal(isProxied(`http://${host}/v2/`, ''), false, host)
    }
  })

  // Source of the cases: golang.org/x/net/http/httpproxy, documentation of Config.NoProxy.
  for (const [noProxy, url, expected] of [
    ['', 'https://r.acme.test/', true],
    ['*', 'https://r.acme.test/', false],
    ['other.test, *', 'https://r.acme.test/', false],
    ['acme.test', 'https://acme.test/', false],
    ['acme.test', 'https://r.acme.test/', false],
    ['acme.test', 'https://notacme.test/', true],
    ['.acme.test', 'https://r.acme.test/', false],
    ['.acme.test', 'https://acme.test/', true],
    ['*.acme.test', 'https://r.acme.test/', false],
    ['*.acme.test', 'https://acme.test/', true],
    ['ACME.test', 'https://R.acme.TEST/', false],
    ['acme.test:443', 'https://r.acme.test/', false],
    ['acme.test:443', 'https://r.acme.test:5000/', true],
    ['acme.test:80', 'http://r.acme.test/', false],
    ['10.0.0.0/8', 'https://10.1.2.3:5000/', false],
    ['10.0.0.0/8', 'https://11.1.2.3/', true],
    ['10.0.0.0/8', 'https://ten.acme.test/', true],
    ['10.1.2.3', 'https://10.1.2.3/', false],
    ['10.1.2.3:5000', 'https://10.1.2.3:5000/', false],
    ['10.1.2.3:5000', 'https://10.1.2.3/', true],
    ['10.1.2.3', 'https://10.1.2.30/', true],
    ['fd00::/8', 'https://[fd00::1]:5000/', false],
    ['fd00::1', 'https://[fd00:0::1]/', false],
    ['fd00:0:0::1', 'https://[fd00::1]/', false],
    ['[fd00::1]:443', 'https://[fd00::1]/', false],
    ['[fd00::1]:443', 'https://[fd00::1]:5000/', true],
    ['10.0.0.0/99,10.0.0.0/x', 'https://10.0.0.1/', true],
    ['10.0.0.0/33,10.0.0.0/-1,10.0.0.0/x8,10.0.0.0/8x', 'https://10.0.0.0/', true],
    ['fd00::/129', 'https://[fd00::]/', true],
    ['10.0.0.1/32', 'https://10.0.0.1/', false],
    ['10.0.0.1/32', 'https://10.0.0.2/', true],
    ['0.0.0.0/0', 'https://10.0.0.1/', false],
    ['0.0.0.0/0', 'https://[fd00::1]/', true],
    ['::/0', 'https://[fd00::1]/', false],
    ['fd00::1/128', 'https://[fd00::1]/', false],
    ['fd00::1/128', 'https://[fd00::2]/', true],
    ['fd00::/33', 'https://[fd00::1]/', false],
    ['10.0.0.0/8:5000', 'https://10.0.0.0:5000/', true],
    ['acme.test/8', 'https://acme.test/', true],
    ['10.1.2.3', 'https://r.10.1.2.3.acme.test/', true],
    ['1.2.3', 'https://acme.1.2.3.test/', true],
    ['acme.test', 'https://acme.test./', false],
    ['r*.acme.test', 'https://r.acme.test/', true],
    [',', 'https://r.acme.test/', true],
    [',', 'https://r./', true],
    ['[fd00::1', 'https://[fd00::1]/', true],
    ['x[fd00::1]', 'https://[fd00::1]/', true],
    [' r.acme.test ,, x', 'https://r.acme.test/', false],
  ] as const) {
    it(`with NO_PROXY=${noProxy} ${expected ? 'lead' : 'do not lead'} to ${url}`, () => {
      assert.equal(isProxied(url, noProxy), expected)
    })
  }

  it('that cannot be read are refused without their password', () => {
    for (const https of ['http://me:s3cret@:bad', 'socks5://me:s3cret@p.test:1', 'http://', ':']) {
      assert.throws(
        () => new Proxies({ https }),
        (error: Error & { code?: string }) =>
          error.code === 'ERR_REGISTRY_PROXY' &&
          !JSON.stringify(error).includes('s3cret') &&
          !error.message.includes('s3cret'),
      )
    }
  })
})
