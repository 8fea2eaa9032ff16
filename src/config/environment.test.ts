import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import {
  readEnvironment,
  readHelperEnvironment,
  readKeyPassword,
  readSecrets,
} from './environment.ts'

describe('environment', () => {
  it('keeps secrets out of what may be printed', () => {
    const variables = {
      CHANCERY_URL: 'https://a.example',
      CHANCERY_TOKEN: 'secret-1',
      CHANCERY_MASTER_KEY: 'secret-2',
      CHANCERY_MASTER_PASSPHRASE: 'secret-3',
    }
    const printed = JSON.stringify(readEnvironment(variables))
    assert.match(printed, /a\.example/)
    assert.doesNotMatch(printed, /secret/)
    assert.deepEqual(readSecrets(variables), {
      token: 'secret-1',
      masterKey: 'secret-2',
      masterPassphrase: 'secret-3',
    })
  })

  it('keeps what is Chancery’s own from the programs that give credentials', () => {
    const theirs = { PATH: '/bin', AWS_PROFILE: 'x', COSIGN_EXPERIMENTAL: '1' }
    const own = { CHANCERY_TOKEN: 'secret-1', COSIGN_PASSWORD: 'secret-2' }
    assert.deepEqual(readHelperEnvironment({ ...theirs, ...own }), theirs)
  })

  it('takes an empty variable as absent', () => {
    assert.equal(readEnvironment({ CHANCERY_URL: '' }).url, undefined)
    assert.equal(readSecrets({ CHANCERY_TOKEN: '' }).token, undefined)
  })

  it('takes an empty password of keys for a password, as cosign does', () => {
    assert.equal(readKeyPassword({ COSIGN_PASSWORD: '' }), '')
    assert.equal(readKeyPassword({ COSIGN_PASSWORD: ' a b ' }), ' a b ')
    assert.equal(readKeyPassword({}), undefined)
  })

  it('warns of a variable that nothing reads, and of no other', () => {
    const { warnings } = readEnvironment({ CHANCERY_ULR: 'x', CHANCERY_URL: 'y', PATH: 'z' })
    assert.deepEqual(warnings, ['the environment variable CHANCERY_ULR is not one Chancery reads'])
  })

  it('prefers the lower-case proxy variables', () => {
    const { proxy } = readEnvironment({ https_proxy: 'a', HTTPS_PROXY: 'b', HTTP_PROXY: 'c' })
    assert.deepEqual(proxy, { http: 'c', https: 'a', noProxy: undefined })
  })

  it('looks for per-user files where XDG says, else in the home directory', () => {
    assert.equal(readEnvironment({ XDG_CONFIG_HOME: '/x', HOME: '/h' }).configHome, '/x')
    assert.equal(readEnvironment({ HOME: '/h' }).configHome, '/h/.config')
    assert.equal(readEnvironment({}).configHome, undefined)
  })
})
