import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Authenticator, type RepositoryAction } from './authentication.ts'
import type { RegistryCredentials } from './credentials.ts'
import type { Answer, Exchange } from './http-transport.ts'

const REPOSITORY = { registry: 'registry.acme.test', repository: 'team/app' }
const PASSWORD: RegistryCredentials = { kind: 'password', username: 'me', password: 'pw' }

/** The request to the token service that this challenge of this registry leads to. */
async function tokenRequest(
  origin: string,
  realm: string,
  credentials: RegistryCredentials | undefined = PASSWORD,
  service = ',service="s"',
): Promise<Exchange> {
  const sent: Exchange[] = []
  const answerOf = (url: URL, headers: object, body = ''): Answer => ({
    url,
    status: 200,
    headers: { ...headers },
    body: new TextEncoder().encode(body),
  })
  const authenticator = new Authenticator(
    async (exchange) => {
      sent.push(exchange)
      return answerOf(exchange.url, {}, '{"token":"t"}')
    },
    () => credentials,
  )
  const url = new URL(origin)
  const refused = answerOf(url, { 'www-authenticate': `Bearer realm="${realm}"${service}` })
  const refusal = { answer: refused, used: undefined }
  const header = await authenticator.answer(url, REPOSITORY, 'push', refusal, undefined)
  assert.equal(header, 'Bearer t')
  return sent[0]!
}

describe('a token service', () => {
  it('on another host gets the password by https, if the registry was asked by https', async () => {
    const { url, headers, isOwnHost, maxBodyBytes } = await tokenRequest(
      'https://index.docker.io',
      'https://auth.docker.io/token',
    )
    assert.deepEqual([isOwnHost, maxBodyBytes], [false, 65_536])
    assert.equal(headers['authorization'], 'Basic bWU6cHc=')
    assert.equal(
      url.href,
      'https://auth.docker.io/token?service=s&scope=repository%3Ateam%2Fapp%3Apull%2Cpush',
    )
  })

  it('on another host gets no password where anyone on the way may have named it', async () => {
    const foreign = await tokenRequest('http://registry.acme.test:5000', 'https://auth.evil.test/t')
    assert.equal(foreign.headers['authorization'], undefined)
    const secure = await tokenRequest(
      'http://registry.acme.test:5000',
      'https://registry.acme.test/t',
    )
    assert.equal(secure.headers['authorization'], 'Basic bWU6cHc=')
    const own = await tokenRequest('http://registry.acme.test:5000', 'http://registry.acme.test/t')
    assert.equal(own.headers['authorization'], 'Basic bWU6cHc=')
    const fromLocal = await tokenRequest('http://127.0.0.1:5000', 'https://auth.evil.test/t')
    assert.equal(fromLocal.headers['authorization'], undefined)
  })

  it('gets nothing by plain http, and is not looked for inside this machine', async () => {
    for (const realm of [
      'http://registry.acme.test/t',
      'http://auth.evil.test/t',
      'https://169.254.169.254/t',
      'https://localhost/t',
    ]) {
      await assert.rejects(tokenRequest('https://registry.acme.test', realm), {
        code: 'ERR_REGISTRY_REDIRECT',
      })
    }
    await assert.rejects(tokenRequest('https://registry.acme.test', 'not a URL'), {
      code: 'ERR_REGISTRY_BAD_ANSWER',
    })
  })

  it('gets an identity token in the body of a POST, and nothing from the anonymous', async () => {
    const identity = { kind: 'identity-token', token: 'it' } as const
    const posted = await tokenRequest(
      'https://registry.acme.test',
      'https://auth.acme.test/t',
      identity,
    )
    assert.equal(posted.method, 'POST')
    assert.equal(posted.url.search, '')
    const form = new URLSearchParams(new TextDecoder().decode(posted.body as Uint8Array))
    assert.equal(form.get('refresh_token'), 'it')
    assert.equal(form.get('grant_type'), 'refresh_token')
    assert.equal(form.get('scope'), 'repository:team/app:pull,push')
    assert.equal(form.get('service'), 's')
  })

  it('is told the name of the service only where the challenge has one', async () => {
    const realm = 'https://registry.acme.test/t'
    const { url, isOwnHost } = await tokenRequest(
      'https://registry.acme.test',
      realm,
      undefined,
      '',
    )
    assert.equal(url.href, `${realm}?scope=repository%3Ateam%2Fapp%3Apull%2Cpush`)
    assert.equal(isOwnHost, true)
    const identity = { kind: 'identity-token', token: 'it' } as const
    const { body } = await tokenRequest('https://registry.acme.test', realm, identity, '')
    const form = new URLSearchParams(new TextDecoder().decode(body as Uint8Array))
    assert.equal(form.get('service'), null)
  })
})

const ORIGIN = new URL('https://registry.acme.test')
const BEARER = 'Bearer realm="https://auth.acme.test/t",service="s"'
const OTHER = { registry: 'registry.acme.test', repository: 'team/other' }

interface Asked {
  /** Whose tokens are t1, t2 and so on, unless this says otherwise. */
  readonly tokenAnswer?: { readonly status?: number; readonly body?: string }
  readonly lifetime?: number | string | undefined
  readonly find?: (() => RegistryCredentials | undefined) | undefined
}

/** An authenticator with a token service, and what both were asked. */
function authenticating({ tokenAnswer = {}, lifetime, find = () => PASSWORD }: Asked = {}) {
  const scopes: (string | null)[] = []
  let lookUps = 0
  const authenticator = new Authenticator(
    async ({ url }) => {
      scopes.push(url.searchParams.get('scope'))
      const { status = 200, body } = tokenAnswer
      const token = { token: `t${scopes.length}`, expires_in: lifetime }
      const bytes = new TextEncoder().encode(body ?? JSON.stringify(token))
      return { url, status, headers: {}, body: bytes }
    },
    () => {
      lookUps++
      return find()
    },
  )
  return {
    scopes,
    lookUps: () => lookUps,
    authorize: (action: RepositoryAction, repository = REPOSITORY, origin = ORIGIN) =>
      authenticator.authorize(origin, repository, action, undefined),
    /** Answers a 401 with this challenge. */
    answer: (action: RepositoryAction, used?: string, challenge = BEARER) => {
      const headers = { 'www-authenticate': challenge }
      const answer = { url: ORIGIN, status: 401, headers, body: new Uint8Array() }
      return authenticator.answer(ORIGIN, REPOSITORY, action, { answer, used }, undefined)
    },
  }
}

describe('a token', () => {
  it('is used again for what it is good for, and nothing else', async () => {
    const { authorize, answer, scopes, lookUps } = authenticating()
    assert.equal(await authorize('pull'), undefined)
    assert.equal(await answer('pull'), 'Bearer t1')
    assert.equal(await authorize('pull'), 'Bearer t1')
    assert.equal(await authorize('push'), 'Bearer t2')
    assert.equal(await authorize('delete'), 'Bearer t3')
    assert.equal(await authorize('pull', OTHER), 'Bearer t4')
    assert.equal(await authorize('pull', OTHER), 'Bearer t4')
    assert.equal(await authorize('pull', REPOSITORY, new URL('https://other.test')), undefined)
    assert.deepEqual(scopes, [
      'repository:team/app:pull',
      'repository:team/app:pull,push',
      'repository:team/app:pull,delete',
      'repository:team/other:pull',
    ])
    assert.equal(lookUps(), 2)
  })

  it('for pushing is good for pulling', async () => {
    const { authorize, answer } = authenticating()
    assert.equal(await answer('push'), 'Bearer t1')
    assert.equal(await authorize('pull'), 'Bearer t1')
  })

  it('that was refused is not used again, and neither are the credentials it was for', async () => {
    const { authorize, answer, lookUps } = authenticating()
    const pushing = await answer('push')
    assert.equal(await answer('pull', pushing), 'Bearer t2')
    assert.equal(await authorize('pull'), 'Bearer t2')
    assert.equal(await authorize('push'), 'Bearer t3')
    assert.equal(await answer('push', 'Bearer t3'), 'Bearer t4')
    assert.equal(await authorize('push'), 'Bearer t4')
    assert.equal(lookUps(), 3)
  })

  it('that was refused is not used again where there is no other', async () => {
    const tokenAnswer: { status?: number } = {}
    const { authorize, answer } = authenticating({ tokenAnswer })
    assert.equal(await answer('pull'), 'Bearer t1')
    tokenAnswer.status = 500
    const unavailable = { code: 'ERR_REGISTRY_BAD_ANSWER' }
    await assert.rejects(answer('pull', 'Bearer t1'), unavailable)
    await assert.rejects(authorize('pull'), unavailable)
  })

  for (const [claimed, seconds] of [
    [undefined, 50],
    [-1, 50],
    [0, 50],
    ['300', 50],
    [300, 290],
    [1e12, 3590],
    [10, 0],
    [1, 0],
  ] as const) {
    it(`of ${claimed ?? 'no stated'} seconds is used for ${seconds}`, async (test) => {
      test.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
      const { authorize, answer } = authenticating({ lifetime: claimed })
      await answer('pull')
      test.mock.timers.tick(Math.max(0, seconds * 1000 - 1))
      assert.equal(await authorize('pull'), seconds === 0 ? 'Bearer t2' : 'Bearer t1')
      test.mock.timers.tick(1)
      assert.equal(await authorize('pull'), seconds === 0 ? 'Bearer t3' : 'Bearer t2')
    })
  }
})

describe('credentials', () => {
  it('that could not be found are looked for again', async () => {
    let isLocked = true
    const { answer, lookUps } = authenticating({
      find: () => {
        if (isLocked) throw new Error('the keychain is locked')
        return PASSWORD
      },
    })
    await assert.rejects(answer('pull'), /the keychain is locked/)
    isLocked = false
    assert.equal(await answer('pull'), 'Bearer t1')
    assert.equal(await answer('pull'), 'Bearer t2')
    assert.equal(lookUps(), 2)
  })

  it('that are a token of the registry go to it as they are', async () => {
    const { answer, scopes } = authenticating({
      find: () => ({ kind: 'bearer-token', token: 'rt' }),
    })
    assert.equal(await answer('pull'), 'Bearer rt')
    assert.deepEqual(scopes, [])
  })

  it('go to a registry that offers a token service and Basic by way of the service', async () => {
    assert.equal(await authenticating().answer('pull', undefined, `Basic, ${BEARER}`), 'Bearer t1')
    const header = await authenticating().answer('pull', undefined, 'Negotiate, Basic realm="x"')
    assert.equal(header, 'Basic bWU6cHc=')
  })

  /** the challenge, the header that was refused, the credentials there are, what the message says */
  const refusals: readonly (readonly [string, string | undefined, Asked['find'], RegExp])[] = [
    ['Negotiate', undefined, undefined, /names no way to authenticate that is known here/],
    ['', undefined, undefined, /names no way to authenticate that is known here/],
    ['Basic', undefined, () => undefined, /wants credentials, and there are none for it$/],
    [
      'Basic',
      undefined,
      () => ({ kind: 'identity-token', token: 'it' }),
      /wants credentials, and there are none for it$/,
    ],
    ['Basic', 'Basic bWU6cHc=', undefined, /wants credentials, and does not accept these$/],
  ]
  for (const [challenge, used, find, message] of refusals) {
    it(`are missing or wrong: ${challenge || 'no challenge'} after ${used ?? 'nothing'}`, async () => {
      const { answer } = authenticating({ find })
      await assert.rejects(answer('pull', used, challenge), {
        code: 'ERR_REGISTRY_UNAUTHORIZED',
        message,
        hints: [
          'Log in with docker login registry.acme.test, or give --registry-username and --registry-password.',
        ],
      })
    })
  }
})

describe('a token service that gives no token', () => {
  const noToken = /^the token service auth.acme.test of registry.acme.test gave no token: expected /
  const refused = /and its token service auth.acme.test does not accept them \(40[13]\)$/
  for (const [status, body, code, message] of [
    [401, '', 'ERR_REGISTRY_UNAUTHORIZED', refused],
    [403, '', 'ERR_REGISTRY_UNAUTHORIZED', refused],
    [300, '', 'ERR_REGISTRY_REDIRECT', /redirects, which is not followed with credentials$/],
    [307, '', 'ERR_REGISTRY_REDIRECT', /redirects, which is not followed with credentials$/],
    [299, '', 'ERR_REGISTRY_BAD_ANSWER', /gave no token: expected status 200, found 299$/],
    [399, '', 'ERR_REGISTRY_REDIRECT', /redirects, which is not followed with credentials$/],
    [204, '', 'ERR_REGISTRY_BAD_ANSWER', /gave no token: expected status 200, found 204$/],
    [400, '', 'ERR_REGISTRY_BAD_ANSWER', /gave no token: expected status 200, found 400$/],
    [200, '<html>', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, 'null', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, '{}', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, '{"token":7}', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, '{"token":""}', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, '{"token":"a\\r\\nX: y"}', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, '{"token":"a b"}', 'ERR_REGISTRY_BAD_ANSWER', noToken],
    [200, '{"token":"ü"}', 'ERR_REGISTRY_BAD_ANSWER', noToken],
  ] as const) {
    it(`is an error: ${status} ${body}`, async () => {
      const { answer, authorize } = authenticating({ tokenAnswer: { status, body } })
      await assert.rejects(answer('pull'), { code, message })
      await assert.rejects(authorize('pull'), { code, message })
    })
  }

  it('has to be named as a URL', async () => {
    for (const challenge of ['Bearer service="s"', 'Bearer realm="token"']) {
      await assert.rejects(authenticating().answer('pull', undefined, challenge), {
        code: 'ERR_REGISTRY_BAD_ANSWER',
        message: /expected the Bearer challenge to name its token service \(realm\) as a URL$/,
      })
    }
  })

  it('may call it an access token', async () => {
    const tokenAnswer = { body: '{"access_token":"at"}' }
    assert.equal(await authenticating({ tokenAnswer }).answer('pull'), 'Bearer at')
  })
})
