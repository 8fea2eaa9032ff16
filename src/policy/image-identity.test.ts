import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { evaluateImageIdentity, parseImagePattern } from './image-identity.ts'

function isAllowed(rule: string, repository: string): boolean {
  return evaluateImageIdentity([parseImagePattern(rule)], repository).allowed
}

describe('a rule', () => {
  const rows: [pattern: string, matching: string[], other: string[]][] = [
    [
      'registry.acme.test/team/app',
      ['registry.acme.test/team/app', 'REGISTRY.acme.TEST/team/app'],
      [
        'registry.acme.test/team/app2',
        'registry.acme.test/team/ap',
        'registry.acme.test/team/app/x',
        'registry.acme.test/xteam/app',
        'registry.acme.test/team/App',
        'registry.acme.test:5000/team/app',
        'xregistry.acme.test/team/app',
        'registry.acme.test.evil.test/team/app',
        'evil.test/registry.acme.test/team/app',
        'team/app',
        'registry.acme.test',
        '',
      ],
    ],
    [
      'registry.acme.test/team/*',
      ['registry.acme.test/team/app', 'registry.acme.test/team/a'],
      [
        'registry.acme.test.evil.test/team/app',
        'registry.acme.test/team/app/x',
        'registry.acme.test/team',
        'registry.acme.test/team/',
        'registry.acme.test/other/app',
        'registryxacme.test/team/app',
        'registry.acme.test/team/app\n',
        '\nregistry.acme.test/team/app',
        'registry.acme.test/team/app\u0000',
        'registry.acme.test/team/app:latest',
        `registry.acme.test/team/app@sha256:${'a'.repeat(64)}`,
        'registry.acme.test/team/%2e%2e/other',
        'registry.acme.test/team/../other',
        'registry.acme.test/team/..',
        'registry.acme.test//team/app',
        'registry.acme.test/team\\app',
        'registry.acme.test/t\u0435am/app',
        'registry.acme.test/team/\uff41pp',
        'registry.acme.test\u3002evil/team/app',
        'https://registry.acme.test/team/app',
        'user@registry.acme.test/team/app',
        'registry.acme.test/team/app?x=registry.acme.test/team/app',
        'registry.acme.test/team/*',
      ],
    ],
    [
      'registry.acme.test/team-*/app',
      ['registry.acme.test/team-a/app', 'registry.acme.test/team-a-b/app'],
      [
        'registry.acme.test/team-/app',
        'registry.acme.test/team/app',
        'registry.acme.test/team-a/b/app',
      ],
    ],
    [
      'registry.acme.test/*-app*',
      ['registry.acme.test/x-app', 'registry.acme.test/a-b-app2'],
      ['registry.acme.test/app', 'registry.acme.test/x/y-app'],
    ],
    [
      'registry.acme.test/**',
      ['registry.acme.test/a', 'registry.acme.test/a/b/c'],
      [
        'registry.acme.test',
        'registry.acme.test.evil.test/a',
        'a',
        'evil.test/registry.acme.test/a',
      ],
    ],
    [
      'registry.acme.test/team/**/app',
      [
        'registry.acme.test/team/x/app',
        'registry.acme.test/team/x/y/app',
        'registry.acme.test/team/app/app',
      ],
      ['registry.acme.test/team/app', 'registry.acme.test/team/x', 'registry.acme.test/app'],
    ],
    [
      '*.acme.test/app',
      ['registry.acme.test/app'],
      [
        'a.b.acme.test/app',
        'acme.test/app',
        'x.evil.test/acme.test/app',
        'registry.acme.test:5000/app',
      ],
    ],
    [
      'registry.acme.test*/app',
      ['registry.acme.test/app', 'registry.acme.tests/app'],
      ['registry.acme.test.evil.test/app', 'registry.acme.test:5000/app'],
    ],
    [
      'localhost:*/app',
      ['localhost:5000/app', 'LOCALHOST:1/app'],
      ['localhost/app', 'localhost.evil.test:5000/app'],
    ],
    ['[::1]:5000/app', ['[::1]:5000/app'], ['[::2]:5000/app']],
    [
      '*/**',
      ['registry.acme.test/a/b', 'busybox', 'localhost:5000/x'],
      ['', 'x y', 'http://evil.test/x'],
    ],
    [
      '*/team/app',
      ['registry.acme.test/team/app', 'team/app'],
      ['registry.acme.test/x/team/app', 'x/team/app'],
    ],
    [
      'busybox',
      [
        'busybox',
        'library/busybox',
        'docker.io/busybox',
        'index.docker.io/library/busybox',
        'registry-1.docker.io/busybox',
        'Docker.io/busybox',
      ],
      [
        'team/busybox',
        'busybox2',
        'registry.acme.test/busybox',
        'registry.acme.test/library/busybox',
        'docker.io.evil.test/library/busybox',
      ],
    ],
    [
      'index.docker.io/library/*',
      ['busybox', 'docker.io/alpine'],
      ['team/busybox', 'docker.io/library/a/b'],
    ],
    ['docker.io/*', ['busybox'], ['team/app']],
    ['docker.io/**', ['busybox', 'team/app'], ['registry.acme.test/app']],
    ['team/app-*', ['docker.io/team/app-x', 'team/app-1'], ['registry.acme.test/team/app-x']],
    ['app-*', ['app-x', 'index.docker.io/library/app-x'], ['team/app-x']],
    ['Registry.ACME.test/app', ['registry.acme.test/app'], []],
  ]
  for (const [text, matching, other] of rows) {
    it(text, () => {
      for (const repository of matching) {
        assert.equal(isAllowed(text, repository), true, JSON.stringify(repository))
      }
      for (const repository of other) {
        assert.equal(isAllowed(text, repository), false, JSON.stringify(repository))
      }
    })
  }

  it('takes no more than quadratic time, however hostile', () => {
    const hostile = `registry.acme.test/${'*a'.repeat(120)}b`
    assert.equal(isAllowed(hostile, `registry.acme.test/${'a'.repeat(255)}`), false)
    const deep = `registry.acme.test/${'**/a/'.repeat(60)}b`
    assert.equal(isAllowed(deep, `registry.acme.test/${'a/'.repeat(120)}a`), false)
    assert.equal(isAllowed('registry.acme.test/*a*a*a*a*b', 'registry.acme.test/aaab'), false)
    assert.equal(isAllowed('registry.acme.test/*a*a*a*b', 'registry.acme.test/aaab'), true)
  })
})

describe('parseImagePattern', () => {
  it('refuses what is no rule, and says what it expected', () => {
    const refused: Record<string, RegExp> = {
      '': /segments of lower-case letters/,
      '*': /the registry at its start/,
      '**': /the registry at its start/,
      '**/app': /the registry at its start/,
      'team-*/app': /the registry at its start/,
      'registry.acme.test': /registry\/repository without a tag/,
      'localhost:5000': /registry\/repository without a tag/,
      'busybox:latest': /registry\/repository without a tag/,
      'registry.acme.test/': /segments/,
      'registry.acme.test//app': /segments/,
      'registry.acme.test/./app': /segments/,
      'registry.acme.test/../app': /segments/,
      'registry.acme.test/app:latest': /segments/,
      'registry.acme.test/app@sha256:x': /segments/,
      'registry.acme.test/[ab]': /segments/,
      'registry.acme.test/a?c': /segments/,
      'registry.acme.test/a b': /segments/,
      'registry.acme.test/a\n': /segments/,
      'registry.acme.test/\u0435': /segments/,
      'registry.acme.test/Team/app': /lower case/,
      'registry.acme.test/team**': /"\*\*" to be a whole segment/,
      'registry.acme.test/***': /"\*\*" to be a whole segment/,
      'https://registry.acme.test/app': /a registry such as/,
      'registry_x.test/app': /a registry such as/,
      'registry.test:x/app': /a registry such as/,
      '**.test/app': /a registry such as/,
      [`registry.acme.test/${'a'.repeat(482)}`]: /at most 500/,
    }
    assert.ok(parseImagePattern(`registry.acme.test/${'a'.repeat(481)}`))
    for (const [text, message] of Object.entries(refused)) {
      const expected = { code: 'ERR_POLICY_IMAGE_PATTERN', field: 'allowedImages', message }
      assert.throws(() => parseImagePattern(text), expected, JSON.stringify(text))
    }
  })
})

describe('evaluateImageIdentity', () => {
  const patterns = ['registry.acme.test/team/*', 'busybox'].map(parseImagePattern)

  it('names the rule that allows', () => {
    assert.deepEqual(evaluateImageIdentity(patterns, 'index.docker.io/library/busybox'), {
      allowed: true,
      rule: 'busybox',
      reason: 'the rule "busybox" allows "docker.io/library/busybox"',
      fix: null,
    })
  })

  it('names the image, the rules and the fix when it denies', () => {
    assert.deepEqual(evaluateImageIdentity(patterns, 'registry.acme.test.evil.test/team/app'), {
      allowed: false,
      rule: null,
      reason:
        'the metadata file names "registry.acme.test.evil.test/team/app", which no rule of the signing policy ' +
        'allows: "registry.acme.test/team/*", "busybox"',
      fix:
        'Submit it under a signing policy that allows "registry.acme.test.evil.test/team/app", or have a rule for ' +
        "it added to this policy's allowed images.",
    })
  })

  it('allows nothing without rules', () => {
    const decision = evaluateImageIdentity([], 'busybox')
    assert.equal(decision.allowed, false)
    assert.match(decision.reason, /it allows no images/)
  })

  it('denies what is no repository, and shows it without what could hide in it', () => {
    const decision = evaluateImageIdentity(
      [parseImagePattern('*/**')],
      'evil\u202e"\n\u0435'.padEnd(900, 'x'),
    )
    assert.equal(decision.allowed, false)
    assert.match(
      decision.reason,
      /names "evil\\u202e\\"\\n\\u0435x{192}\.\.\.", which is not a repository/,
    )
    assert.match(decision.fix ?? '', /^Make the metadata file with "chancery generate" or "cosign/)
    const statement = evaluateImageIdentity([], 'a b', 'statement')
    assert.match(statement.reason, /^the statement names "a b", which is not a repository/)
    assert.match(statement.fix ?? '', /^Make the statement with "chancery generate --pae", and/)
  })

  it('shows 200 characters of what is no repository', () => {
    const shown = (name: string): string => evaluateImageIdentity([], name).reason
    assert.ok(shown('A'.repeat(200)).includes(` "${'A'.repeat(200)}", `))
    assert.ok(shown('A'.repeat(201)).includes(` "${'A'.repeat(200)}...", `))
  })

  it('lists ten rules at most', () => {
    const many = Array.from({ length: 25 }, (_, at) =>
      parseImagePattern(`registry.acme.test/a${at}`),
    )
    assert.match(evaluateImageIdentity(many, 'x').reason, /"registry.acme.test\/a9" and 15 more$/)
  })
})
