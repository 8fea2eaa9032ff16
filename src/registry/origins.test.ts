import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isLoopbackHost, registryUrl, resolveForeignUrl } from './origins.ts'

const REMOTE = new URL('https://registry.acme.test/')
const REMOTE_PLAIN = new URL('http://registry.acme.test:5000/')
const LOCAL_PLAIN = new URL('http://127.0.0.1:5000/')

function resolve(origin: URL, address: string): string {
  return resolveForeignUrl(origin, new URL('v2/a/b', origin), address, 'it').href
}

function refuses(origin: URL, address: string): void {
  assert.throws(() => resolve(origin, address), { code: 'ERR_REGISTRY_REDIRECT' }, address)
}

describe('resolveForeignUrl', () => {
  it('goes by https to any host, and wherever a path leads', () => {
    assert.equal(resolve(REMOTE, 'https://cdn.test/x?y'), 'https://cdn.test/x?y')
    assert.equal(resolve(REMOTE, 'https://10.1.2.3/x'), 'https://10.1.2.3/x')
    assert.equal(resolve(REMOTE, '/x'), 'https://registry.acme.test/x')
    assert.equal(resolve(REMOTE, 'c'), 'https://registry.acme.test/v2/a/c')
    assert.equal(resolve(REMOTE_PLAIN, 'https://cdn.test/'), 'https://cdn.test/')
  })

  it('never goes from https to plain http', () => {
    refuses(REMOTE, 'http://registry.acme.test/')
    refuses(REMOTE, 'http://cdn.test/')
    refuses(REMOTE, 'http://127.0.0.1/')
  })

  it('goes by plain http only to the host itself, or within this machine', () => {
    assert.equal(
      resolve(REMOTE_PLAIN, 'http://registry.acme.test:6000/x'),
      'http://registry.acme.test:6000/x',
    )
    assert.equal(resolve(LOCAL_PLAIN, 'http://localhost:6000/x'), 'http://localhost:6000/x')
    refuses(REMOTE_PLAIN, 'http://registry.acme.test.evil/')
    refuses(REMOTE_PLAIN, 'http://cdn.test/')
    refuses(REMOTE_PLAIN, 'http://localhost/')
    refuses(REMOTE_PLAIN, 'ftp://registry.acme.test/')
    refuses(LOCAL_PLAIN, 'http://registry.acme.test/')
  })

  it('is told with a way out where a proxy may have hidden TLS, and only there', () => {
    assert.throws(
      () => resolve(REMOTE, 'http://registry.acme.test/'),
      ({ hints }: { hints: readonly string[] }) =>
        hints.length === 1 && hints[0]!.includes('X-Forwarded-Proto'),
    )
    assert.throws(() => resolve(REMOTE, 'https://user@cdn.test/'), { hints: [] })
  })

  it('does not lead to this machine or the metadata of its cloud', () => {
    for (const host of [
      'localhost',
      'x.localhost',
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '0.0.0.0',
      '169.254.169.254',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:169.254.169.254]',
      '[fe80::1]',
      '[fd00:ec2::254]',
    ]) {
      refuses(REMOTE, `https://${host}/`)
    }
    const metadata = new URL('https://169.254.169.254/')
    assert.equal(resolve(metadata, 'https://169.254.169.254/x'), 'https://169.254.169.254/x')
    assert.equal(resolve(LOCAL_PLAIN, 'https://169.254.169.254/x'), 'https://169.254.169.254/x')
    for (const host of ['fe80.test', 'fd00.test', '169.254.test', '[2001:db8::1]', '8.8.8.8']) {
      assert.equal(resolve(REMOTE, `https://${host}/`), `https://${host}/`)
    }
  })

  it('takes no user, no other scheme and no nonsense', () => {
    for (const address of [
      'https://user@cdn.test/',
      'https://:pw@cdn.test/',
      'file:///etc/passwd',
      'javascript:0',
      'https://',
      'https://[::1',
    ]) {
      refuses(REMOTE, address)
    }
  })
})

describe('the name of a registry', () => {
  it('is a host with an optional port, nothing else', () => {
    assert.equal(registryUrl('https', 'registry.acme.test:5000').host, 'registry.acme.test:5000')
    for (const registry of ['a/b', 'u@a', 'a?b', 'a#b', '', 'a:99999', 'a b']) {
      assert.throws(() => registryUrl('https', registry), { code: 'ERR_REGISTRY_NOT_FOUND' })
    }
  })

  it('is of this machine only if it says so itself', () => {
    for (const host of ['localhost', '127.0.0.1', '127.255.0.1', '[::1]', '::1', 'a.localhost']) {
      assert.equal(isLoopbackHost(host), true, host)
    }
    for (const host of [
      '127.evil.test',
      'localhost.evil',
      '128.0.0.1',
      '127.0.0.1.evil',
      '[::2]',
    ]) {
      assert.equal(isLoopbackHost(host), false, host)
    }
  })
})
