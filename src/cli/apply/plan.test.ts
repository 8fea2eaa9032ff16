import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { parseChanceryYaml } from '../../config/chancery-yaml.ts'
import type { Change } from './plan.ts'
import { planChanges } from './plan.ts'
import type { ActualState } from './state.ts'

const base = { version: 1, isActive: true }
const ADA = {
  ...base,
  id: 'u1',
  userType: 'interactive' as const,
  name: 'Ada',
  emailAddress: null,
  roles: [],
}
const CI = { ...base, id: 'u2', userType: 'ci' as const, name: 'ci', emailAddress: null, roles: [] }
const TEAM = { ...base, id: 'g1', name: 'team', roles: [], members: ['u1'] }
const RELEASE = {
  ...base,
  id: 'c1',
  slug: 'release',
  name: 'Release',
  type: 'X509' as const,
  algorithm: 'ecdsa-p256' as const,
  keyStore: 'software' as const,
  keyId: 'k1',
  publicKeyFingerprint: '',
  x509CertificateData: null,
  warnings: [],
}
const PROJECT = {
  ...base,
  id: 'p1',
  slug: 'app',
  name: 'App',
  description: '',
  repositoryUrls: [],
  readers: { users: [], groups: [] },
  configurators: { users: [], groups: [] },
  defaultArtifactConfigurationId: 'a1',
  defaultArtifactConfigurationSlug: 'initial',
}
const INITIAL = {
  ...base,
  id: 'a1',
  projectSlug: 'app',
  slug: 'initial',
  name: 'Initial',
  isDefault: true,
  xml: '<a/>',
}
const POLICY = {
  ...base,
  id: 's1',
  projectSlug: 'app',
  slug: 'rel',
  name: 'Rel',
  certificateId: 'c1',
  certificateSlug: 'release',
  submitters: { users: ['u2'], groups: [] },
  approvers: { users: [], groups: ['g1'] },
  requiredApprovals: 1,
  allowedImages: ['b.example/**', 'a.example/**'],
  signatureFormats: ['legacy' as const, 'bundle' as const],
  allowedPredicateTypes: [],
  allowOtherFiles: false,
  allowHashSigning: false,
}
const ACTUAL: ActualState = {
  organization: { ...base, id: 'o1', name: 'Acme', artifactRetentionDays: 0 },
  users: [ADA, CI],
  groups: [TEAM],
  certificates: [RELEASE],
  projects: [{ project: PROJECT, artifactConfigurations: [INITIAL], signingPolicies: [POLICY] }],
}
const EMPTY: ActualState = { ...ACTUAL, users: [], groups: [], certificates: [], projects: [] }

function plan(yaml: string, actual: ActualState = ACTUAL): readonly Change[] {
  return planChanges(parseChanceryYaml(yaml, 'f.yaml'), actual).changes
}

const steps = (changes: readonly Change[]): readonly string[] =>
  changes.map(({ action, object, name }) => `${action} ${object} ${name}`)

const WHOLE = `
organization: { name: Acme, artifactRetentionDays: 0 }
users: [{ name: Ada, type: interactive }, { name: ci, type: ci, roles: [] }]
groups: [{ name: team, members: [ada] }]
certificates: [{ slug: release, name: Release, algorithm: ecdsa-p256 }]
projects:
  - slug: app
    name: App
    artifactConfigurations: [{ slug: initial, name: Initial, xml: <a/> }]
    defaultArtifactConfiguration: initial
    signingPolicies:
      - slug: rel
        certificate: release
        submitters: { users: [CI] }
        approvers: { groups: [Team] }
        requiredApprovals: 1
        allowedImages: ['a.example/**', 'b.example/**']
`

describe('plan', () => {
  it('is empty where the server matches, whatever the order and case of names', () => {
    assert.deepEqual(plan(WHOLE), [])
  })

  it('creates everything in an order in which each step finds what it needs', () => {
    assert.deepEqual(steps(plan(WHOLE, EMPTY)), [
      'create user Ada',
      'create user ci',
      'create group team',
      'create certificate release',
      'create project app',
      'change artifact configuration app/initial',
      'create signing policy app/rel',
    ])
  })

  it('knows that a new project has its initial configuration', () => {
    const yaml = `projects: [{slug: new, artifactConfigurations: [{slug: initial, template: detached-raw-signatures}], defaultArtifactConfiguration: initial}]`
    assert.deepEqual(steps(plan(yaml)), ['create project new'])
    const other = `projects: [{slug: new, artifactConfigurations: [{slug: x, xml: <b/>}], defaultArtifactConfiguration: x}]`
    assert.deepEqual(steps(plan(other)), [
      'create project new',
      'create artifact configuration new/x',
      'change default artifact configuration new',
    ])
  })

  it('names each field that changes, with the old and the new value', () => {
    const yaml = `projects: [{slug: app, signingPolicies: [{slug: rel, certificate: release, requiredApprovals: 2, approvers: {users: [Ada]}, signatureFormats: [bundle], allowedPredicateTypes: ['b:1', 'a:1'], allowHashSigning: true}]}]`
    assert.deepEqual(plan(yaml)[0]?.fields, [
      { field: 'approvers', from: ['group team'], to: ['Ada'] },
      { field: 'requiredApprovals', from: 1, to: 2 },
      { field: 'signatureFormats', from: ['bundle', 'legacy'], to: ['bundle'] },
      { field: 'allowedPredicateTypes', from: [], to: ['a:1', 'b:1'] },
      { field: 'allowHashSigning', from: false, to: true },
    ])
  })

  it('changes one thing at a time', () => {
    const cases: readonly (readonly [yaml: string, step: string])[] = [
      ['organization: {artifactRetentionDays: 9}', 'change organization Acme'],
      ['users: [{name: ada, type: interactive}]', 'change user ada'],
      ['users: [{name: ci, type: ci, roles: [GlobalReader]}]', 'change user ci'],
      ['groups: [{name: team, members: []}]', 'change group team'],
      ['groups: [{name: team, members: [ci, Ada]}]', 'change group team'],
      ['certificates: [{slug: release, name: Other}]', 'change certificate release'],
      ['projects: [{slug: app, readers: {groups: [team]}}]', 'change project app'],
      [
        'projects: [{slug: app, artifactConfigurations: [{slug: initial, xml: <b/>}]}]',
        'change artifact configuration app/initial',
      ],
      [
        'projects: [{slug: app, signingPolicies: [{slug: rel, certificate: other}]}]',
        'change signing policy app/rel',
      ],
      [
        'projects: [{slug: app, signingPolicies: [{slug: rel, certificate: release, allowedImages: []}]}]',
        'change signing policy app/rel',
      ],
    ]
    for (const [yaml, step] of cases) assert.deepEqual(steps(plan(yaml)), [step], yaml)
  })

  it('leaves alone what the file does not name', () => {
    assert.deepEqual(plan('projects: [{slug: app}]'), [])
    assert.deepEqual(plan('users: []'), [])
    assert.deepEqual(
      plan('projects: [{slug: app, signingPolicies: [{slug: rel, certificate: release}]}]'),
      [],
    )
  })

  it('refuses what an existing object cannot become', () => {
    const code = 'ERR_CLI_APPLY_FIXED'
    assert.throws(() => plan('users: [{name: ci, type: interactive}]'), { code })
    assert.throws(() => plan('certificates: [{slug: release, algorithm: rsa-3072}]'), { code })
  })

  it('refuses names that neither the file nor the server has', () => {
    const code = 'ERR_CLI_NOT_FOUND'
    assert.throws(() => plan('groups: [{name: team, members: [bob]}]'), { code })
    assert.throws(() => plan('projects: [{slug: app, readers: {users: [team]}}]'), { code })
  })

  it('warns of what is deactivated, and does not activate it', () => {
    const actual = { ...ACTUAL, users: [ADA, { ...CI, isActive: false }] }
    const { changes, warnings } = planChanges(parseChanceryYaml(WHOLE, 'f.yaml'), actual)
    assert.deepEqual(changes, [])
    assert.deepEqual(warnings, ['user "ci" is deactivated on the server, and stays so'])
  })
})
