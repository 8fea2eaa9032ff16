import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseChanceryYaml } from './chancery-yaml.ts'

function failure(text: string): ChanceryError {
  try {
    parseChanceryYaml(text, 'f.yaml')
  } catch (thrown) {
    assert.ok(thrown instanceof ChanceryError)
    assert.equal(thrown.code, 'ERR_CONFIG_YAML')
    return thrown
  }
  return assert.fail('it was accepted')
}

describe('chancery.yaml', () => {
  it('reads the example', () => {
    const path = new URL('../../examples/chancery.yaml', import.meta.url)
    const state = parseChanceryYaml(readFileSync(path, 'utf8'), 'chancery.yaml')
    assert.deepEqual(
      state.users.map(({ name, userType }) => [name, userType]),
      [
        ['ci', 'ci'],
        ['approver', 'interactive'],
      ],
    )
    const [project] = state.projects
    assert.equal(project?.slug, 'demo-app')
    assert.deepEqual(project.artifactConfigurations[0]?.content, {
      kind: 'template',
      template: 'detached-raw-signatures',
    })
    assert.deepEqual(project.signingPolicies[1]?.approvers, {
      users: [],
      groups: ['release-approvers'],
    })
  })

  it('asks for nothing where the file is empty', () => {
    const state = parseChanceryYaml('# nothing\n', 'f.yaml')
    assert.deepEqual(state, {
      organization: undefined,
      users: [],
      groups: [],
      certificates: [],
      projects: [],
    })
  })

  it('leaves fields undefined that the file does not name', () => {
    const { users } = parseChanceryYaml('users: [{name: ci, type: ci}]', 'f.yaml')
    assert.deepEqual(users, [
      { name: 'ci', userType: 'ci', emailAddress: undefined, roles: undefined },
    ])
  })

  const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    [
      'an unknown key',
      'users:\n  - name: a\n    type: ci\n    role: []\n',
      /^f\.yaml:4:5: .*"role"/,
    ],
    ['a duplicate key', 'users: []\nusers: []\n', /^f\.yaml:2:1: expected each key once/],
    ['a duplicate key in a place nobody reads', 'x: {a: 1, a: 2}', /f\.yaml/],
    ['an alias', 'users: &a []\ngroups: *a\n', /no (alias|anchor)/],
    ['a tag', 'users: !!js/function []', /f\.yaml:1:/],
    ['two documents', 'users: []\n---\nusers: []\n', /f\.yaml/],
    ['a list at the root', '- a', /expected the document to be a mapping/],
    ['a merge key', 'organization: {<<: {name: a}}', /"<<"/],
    ['a user without a type', 'users:\n  - name: a\n', /^f\.yaml:2:5: expected "type"/],
    [
      'a number for a name',
      'users: [{name: 12, type: ci}]',
      /^f\.yaml:1:16: expected "name" to be a text/,
    ],
    [
      'a role that is none',
      'users: [{name: a, type: ci, roles: [GlobalAdmin]}]',
      /expected "roles" to be one of/,
    ],
    ['a slug with capitals', 'projects: [{slug: Demo}]', /expected "slug" to be a slug/],
    [
      'a second project',
      'projects: [{slug: a}, {slug: a}]',
      /^f\.yaml:1:30: expected each slug once/,
    ],
    ['a second user in another case', 'users: [{name: a, type: ci}, {name: A, type: ci}]', /once/],
    ['a key without a value', 'users:\n', /expected "users" to be a value/],
    [
      'approvals beyond 100',
      'projects: [{slug: a, signingPolicies: [{slug: b, certificate: c, requiredApprovals: 101}]}]',
      /from 0 to 100/,
    ],
    [
      'approvals in quotes',
      "projects: [{slug: a, signingPolicies: [{slug: b, certificate: c, requiredApprovals: '1'}]}]",
      /whole number/,
    ],
    [
      'xml and a file',
      'projects: [{slug: a, artifactConfigurations: [{slug: b, xml: c, file: d}]}]',
      /one of "xml"/,
    ],
    [
      'a policy without a certificate',
      'projects: [{slug: a, signingPolicies: [{slug: b}]}]',
      /expected "certificate"/,
    ],
    ['an unknown algorithm', 'certificates: [{slug: a, algorithm: rsa}]', /ecdsa-p256/],
    [
      'yes for true',
      'projects: [{slug: a, signingPolicies: [{slug: b, certificate: c, allowHashSigning: yes}]}]',
      /true or false/,
    ],
    [
      'an unknown signature format',
      'projects: [{slug: a, signingPolicies: [{slug: b, certificate: c, signatureFormats: [sig]}]}]',
      /one of legacy, bundle/,
    ],
    ['a mapping for a list', 'users: {name: a}', /expected "users" to be a list/],
    ['text that is no YAML', 'users: [', /^f\.yaml:1:/],
    ['1 MiB and more', `# ${'x'.repeat(1024 * 1024)}`, /at most 1048576 bytes/],
  ]
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.match(failure(text).message, message)
    })
  }

  it('suggests the key, role or algorithm that was meant', () => {
    assert.deepEqual(failure('usres: []').hints, ['Did you mean "users"?'])
    assert.deepEqual(failure('users: [{name: a, type: ci, roles: [GlobalReaders]}]').hints, [
      'Did you mean "GlobalReader"?',
    ])
    assert.match(failure('zzzzzz: []').hints[0] ?? '', /^Known here: organization, users/)
  })

  it('ends at nesting that no configuration has', () => {
    assert.match(failure('- '.repeat(20_000)).message, /nesting|mapping/)
    assert.match(failure('['.repeat(20_000)).message, /f\.yaml/)
  })
})
