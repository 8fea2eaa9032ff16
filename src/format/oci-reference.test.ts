import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normaliseRepository, parseReference, referenceContext } from './oci-reference.ts'

/** With a path of 255 characters and a tag of 3, a reference of 1,024. */
const LONG_HOST = `${'a.'.repeat(380)}test`
const DIGEST = `sha256:${'a1'.repeat(32)}`

describe('parseReference', () => {
  const rows: [text: string, context: string, tag?: string | undefined, digest?: string][] = [
    ['busybox', 'index.docker.io/library/busybox'],
    ['busybox:1.36', 'index.docker.io/library/busybox', '1.36'],
    ['team/app', 'index.docker.io/team/app'],
    ['docker.io/busybox', 'index.docker.io/library/busybox'],
    ['index.docker.io/busybox', 'index.docker.io/library/busybox'],
    ['index.docker.io/library/busybox:latest', 'index.docker.io/library/busybox', 'latest'],
    ['registry.acme.test/app', 'registry.acme.test/app'],
    ['registry.acme.test/team/app:v1.0_x-Y', 'registry.acme.test/team/app', 'v1.0_x-Y'],
    ['registry.acme.test:5000/app', 'registry.acme.test:5000/app'],
    ['registry.acme.test:5000/app:5000', 'registry.acme.test:5000/app', '5000'],
    ['registry.acme.test:1/app', 'registry.acme.test:1/app'],
    ['registry.acme.test:65535/app', 'registry.acme.test:65535/app'],
    [`${LONG_HOST}/${'a'.repeat(255)}:tag`, `${LONG_HOST}/${'a'.repeat(255)}`, 'tag'],
    ['localhost/app', 'localhost/app'],
    ['localhost:5000/a/b/c', 'localhost:5000/a/b/c'],
    ['localhost:5000', 'index.docker.io/library/localhost', '5000'],
    ['127.0.0.1:5000/app', '127.0.0.1:5000/app'],
    ['[::1]:5000/app:v1', '[::1]:5000/app', 'v1'],
    ['[2001:db8::1]/app', '[2001:db8::1]/app'],
    ['Registry.Acme.Test/app', 'Registry.Acme.Test/app'],
    ['registry-1.docker.io/library/x', 'registry-1.docker.io/library/x'],
    ['a/b__c/d--e/f.g/h_i', 'index.docker.io/a/b__c/d--e/f.g/h_i'],
    [`busybox@${DIGEST}`, 'index.docker.io/library/busybox', undefined, DIGEST],
    [`registry.acme.test:5000/app:v1@${DIGEST}`, 'registry.acme.test:5000/app', 'v1', DIGEST],
    [`registry.acme.test/${'a'.repeat(255)}`, `registry.acme.test/${'a'.repeat(255)}`],
    [`app:${'t'.repeat(128)}`, 'index.docker.io/library/app', 't'.repeat(128)],
  ]
  for (const [text, context, tag, digest] of rows) {
    it(text.slice(0, 60), () => {
      const reference = parseReference(text)
      assert.equal(referenceContext(reference), context)
      assert.equal(reference.tag, tag)
      assert.equal(reference.digest, digest)
    })
  }

  it('refuses what is no reference, and says which part', () => {
    const refused: Record<string, RegExp> = {
      '': /a repository of components/,
      ' busybox': /a repository of components/,
      'busybox\n': /a repository of components/,
      App: /in lower case/,
      'registry.acme.test/Team/app': /in lower case/,
      'registry.acme.test/': /a repository of components/,
      'registry.acme.test//app': /a repository of components/,
      'registry.acme.test/app/': /a repository of components/,
      'registry.acme.test/../app': /a repository of components/,
      'registry.acme.test/./app': /a repository of components/,
      'registry.acme.test/a___b': /a repository of components/,
      'registry.acme.test/-a': /a repository of components/,
      'registry.acme.test/a..b': /a repository of components/,
      'registry.acme.test/te%61m/app': /a repository of components/,
      'registry.acme.test/tеam/app': /a repository of components/,
      'registry.acme.test/team*': /a repository of components/,
      'http://registry.acme.test/app': /a repository of components/,
      [`registry.acme.test/${'a'.repeat(256)}`]: /at most 255/,
      ['a'.repeat(1025)]: /at most 1024/,
      'app:': /a tag of letters/,
      'app:.x': /a tag of letters/,
      'app:ü': /a tag of letters/,
      [`app:${'t'.repeat(129)}`]: /a tag of letters/,
      'app@': /after "@"/,
      'app@sha256:12': /after "@"/,
      [`app@${DIGEST.toUpperCase()}`]: /after "@"/,
      [`app@sha512:${'a1'.repeat(64)}`]: /after "@"/,
      [`app@${DIGEST}@${DIGEST}`]: /one "@" at most/,
      'registry_x.test/app': /a registry such as/,
      '-registry.test/app': /a registry such as/,
      'registry..test/app': /a registry such as/,
      'registry.test./app': /a registry such as/,
      '.test/app': /a registry such as/,
      'user:pass@registry.test/app': /after "@"/,
      'registry.test:/app': /a registry such as/,
      'registry.test:x/app': /a registry such as/,
      'registry.test:0/app': /a registry such as/,
      'registry.test:65536/app': /a registry such as/,
      'registry.test:80:80/app': /a registry such as/,
      '[::1/app': /a registry such as/,
      '[::g]/app': /a registry such as/,
      '[::1]x/app': /a registry such as/,
      'régistry.test/app': /a registry such as/,
    }
    for (const [text, message] of Object.entries(refused)) {
      assert.throws(() => parseReference(text), { code: 'ERR_FORMAT_REFERENCE', message }, text)
    }
  })

  it('takes linear time', () => {
    for (const text of ['a-'.repeat(500), 'a_'.repeat(500) + '!', `${'a.'.repeat(500)}/x`]) {
      assert.throws(() => parseReference(text), { code: 'ERR_FORMAT_REFERENCE' })
    }
  })
})

describe('normaliseRepository', () => {
  it('gives every name of a Docker Hub repository the same form', () => {
    for (const text of [
      'x',
      'library/x',
      'docker.io/x',
      'docker.io/library/x',
      'index.docker.io/x',
      'index.docker.io/library/x',
      'registry-1.docker.io/x',
      'registry-1.docker.io/library/x',
      'Docker.IO/x',
      'INDEX.docker.io/library/x',
    ]) {
      assert.equal(normaliseRepository(text), 'docker.io/library/x', text)
    }
    assert.equal(normaliseRepository('team/app'), 'docker.io/team/app')
  })

  it('lowers the host and keeps the rest', () => {
    assert.equal(
      normaliseRepository('Registry.ACME.test:5000/team/app'),
      'registry.acme.test:5000/team/app',
    )
    assert.equal(normaliseRepository('docker.io.evil.test/x'), 'docker.io.evil.test/x')
    assert.equal(normaliseRepository('docker.io:443/x'), 'docker.io:443/x')
  })

  it('refuses tags, digests and what is no repository', () => {
    for (const text of ['x:latest', `x@${DIGEST}`, 'registry.acme.test/Team', '', 'x y', 'x\n']) {
      assert.throws(() => normaliseRepository(text), { code: 'ERR_FORMAT_REFERENCE' }, text)
    }
  })
})
