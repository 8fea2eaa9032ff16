import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Authenticator } from './authentication.ts'
import type { RegistryCredentials } from './credentials.ts'
import type { Answer, Exchange } from './http-transport.ts'

const REPOSITORY = { registry: 'registry.acme.test', repository: 'team/app' }
const PASSWORD: RegistryCredentials = { kind: 'password', username: 'me', password: 'pw' }

/** The request to the token service that this challenge of this registry leads to. */
async function tokenRequest(
  origin: string,
  realm: string,
  credentials: RegistryCredentials | undefined = PASSWORD,
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
  const refused = answerOf(url, { 'www-authenticate': `Bearer realm="${realm}",service="s"` })
  const refusal = { answer: refused, used: undefined }
  const header = await authenticator.answer(url, REPOSITORY, 'push', refusal, undefined)
  assert.equal(header, 'Bearer t')
  return sent[0]!
}

describe('a token service', () => {
  it('on another host gets the password by https, if the registry was asked by https', async () => {
    const { url, headers } = await tokenRequest(
      'https://index.docker.io',
      'https://auth.docker.io/token',
    )
    assert.equal(headers['authorization'], 'Basic bWU6cHc=')
    assert.equal(
      url.href,
      'https://auth.docker.io/token?service=s&scope=repository%3Ateam%2Fapp%3Apull%2Cpush',
    )
  })

  it('on another host gets no password where anyone on the way may have named it', async () => {
    const foreign = await tokenRequest('http://registry.acme.test:5000', 'https://auth.evil.test/t')
    assert.equal(foreign.headers['authorization'], undefined)
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
  })
})
