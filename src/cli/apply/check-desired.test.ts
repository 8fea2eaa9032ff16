import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseChanceryYaml } from '../../config/chancery-yaml.ts'
import { checkDesired } from './check-desired.ts'

const check = (project: string): void => {
  checkDesired(parseChanceryYaml(`projects: [{ slug: app, ${project} }]`, 'chancery.yaml'))
}

describe('what chancery.yaml asks for, before anything is changed', () => {
  it('refuses an artifact configuration that is none, and says which', () => {
    assert.throws(() => check('artifactConfigurations: [{ slug: main, xml: "<a/>" }]'), {
      code: 'ERR_POLICY_CONFIGURATION',
      message: /^artifact configuration app\/main: /,
    })
  })

  it('refuses a template that there is not', () => {
    assert.throws(() => check('artifactConfigurations: [{ slug: main, template: nothing }]'), {
      code: 'ERR_POLICY_TEMPLATE',
    })
  })

  it('refuses an image pattern that is none, and says which policy has it', () => {
    const policy = '{ slug: release, certificate: release, allowedImages: ["**"] }'
    assert.throws(() => check(`signingPolicies: [${policy}]`), {
      code: 'ERR_POLICY_IMAGE_PATTERN',
      message: /^signing policy app\/release: /,
    })
  })

  it('takes what the server takes', () => {
    const policy = '{ slug: release, certificate: release, allowedImages: ["a.example/**"] }'
    check(
      `artifactConfigurations: [{ slug: main, template: detached-raw-signatures }], signingPolicies: [${policy}]`,
    )
  })
})
