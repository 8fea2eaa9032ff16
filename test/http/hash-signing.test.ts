import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { createApp } from '../../src/http/app.ts'
import type { HashToSign, SigningService } from '../../src/signing/signing-service.ts'
import { BEARER, ORGANIZATION, REQUEST, servicesOf, SUBMITTED } from './services.ts'

const BASE = `/Api/v1/${ORGANIZATION}`
const HASH = Buffer.alloc(32, 7).toString('base64')
const headers = { authorization: BEARER, host: 'h', 'content-type': 'application/json' }

function appThatSigns(
  hashes: HashToSign[],
  more: Partial<SigningService> = {},
): ReturnType<typeof createApp> {
  return createApp(
    servicesOf({
      signing: {
        signHash: async (_caller, _submission, hash) => {
          hashes.push(hash)
          return { signingRequestId: REQUEST, signature: Buffer.from('signature') }
        },
        ...more,
      },
    }),
  )
}

describe('SignHash', () => {
  const sign = async (hashSigningData: object, hashes: HashToSign[] = []) =>
    appThatSigns(hashes).inject({
      method: 'POST',
      url: `${BASE}/SigningRequests/SignHash`,
      headers,
      payload: {
        projectSlug: 'p',
        signingPolicySlug: 's',
        artifactConfigurationSlug: null,
        description: null,
        hashSigningData,
      },
    })

  it('answers with the signature and the request', async () => {
    const hashes: HashToSign[] = []
    const metadata = { sourceProcess: { commandLine: 'x' } }
    const answer = await sign(
      {
        signatureAlgorithm: 'Rsa',
        rsaOptions: { hashAlgorithmName: 'Sha256', paddingMode: 'Pkcs1' },
        hash: HASH,
        metadata,
      },
      hashes,
    )
    assert.equal(answer.statusCode, 200, answer.body)
    assert.deepEqual(answer.json(), {
      signingRequestId: REQUEST,
      webLink: `http://h/Web/${ORGANIZATION}/SigningRequests/${REQUEST}`,
      hashSigningData: { hash: HASH },
      hashSigningResult: { signature: Buffer.from('signature').toString('base64') },
    })
    const [{ hash, ...rest } = assert.fail()] = hashes
    assert.equal(Buffer.from(hash).toString('base64'), HASH)
    assert.deepEqual(rest, {
      signatureAlgorithm: 'Rsa',
      hashAlgorithm: 'sha256',
      rsaPadding: 'pkcs1',
      metadata,
    })
  })

  it('has the defaults of SignPath', async () => {
    const hashes: HashToSign[] = []
    await sign({ signatureAlgorithm: 'Rsa', hash: HASH }, hashes)
    await sign({ signatureAlgorithm: 'Ecdsa', hash: HASH, rsaOptions: null }, hashes)
    await sign(
      { signatureAlgorithm: 'Ecdsa', hash: HASH, ecdsaOptions: { signatureFormat: 'Asn1' } },
      hashes,
    )
    await sign(
      {
        signatureAlgorithm: 'Rsa',
        hash: HASH,
        rsaOptions: { hashAlgorithmOid: '2.16.840.1.101.3.4.2.3', paddingMode: 'Pss' },
      },
      hashes,
    )
    const options = hashes.map(({ hashAlgorithm, rsaPadding, ecdsaFormat }) => [
      hashAlgorithm,
      rsaPadding,
      ecdsaFormat,
    ])
    assert.deepEqual(options, [
      [undefined, 'pkcs1', undefined],
      [undefined, undefined, 'ieee-p1363'],
      [undefined, undefined, 'der'],
      ['sha512', 'pss', undefined],
    ])
  })

  it('refuses what it does not know, by field', async () => {
    const refusals: [object, string][] = [
      [{ signatureAlgorithm: 'Mldsa', hash: HASH }, 'HashSigningData.SignatureAlgorithm'],
      [{ signatureAlgorithm: 'Rsa', hash: 'no base64' }, 'HashSigningData.Hash'],
      [{ signatureAlgorithm: 'Rsa', hash: HASH.replace('=', '') }, 'HashSigningData.Hash'],
      [
        { signatureAlgorithm: 'Rsa', hash: HASH, rsaOptions: { hashAlgorithmName: 'Sha1' } },
        'HashSigningData.RsaOptions.HashAlgorithmName',
      ],
      [
        {
          signatureAlgorithm: 'Rsa',
          hash: HASH,
          rsaOptions: { hashAlgorithmOid: '1.3.14.3.2.26' },
        },
        'HashSigningData.RsaOptions.HashAlgorithmOid',
      ],
      [{ signatureAlgorithm: 'Rsa', hash: HASH, mldsaOptions: {} }, 'HashSigningData.mldsaOptions'],
    ]
    for (const [data, field] of refusals) {
      const answer = await sign(data)
      assert.equal(answer.statusCode, 400, answer.body)
      const shown = Object.keys(answer.json<{ errors: object }>().errors).map((name) =>
        name.toLowerCase(),
      )
      assert.deepEqual(shown, [field.toLowerCase()])
    }
  })
})

describe('fast signing requests', () => {
  const submit = async (path: string, data: string, hashes: HashToSign[] = [], isFast = 'true') => {
    const field = (name: string, value: string): string =>
      `--b\r\nContent-Disposition: form-data; name=${name}\r\n\r\n${value}\r\n`
    const payload =
      field('ProjectSlug', 'p') +
      field('SigningPolicySlug', 's') +
      field('IsFastSigningRequest', isFast) +
      `--b\r\nContent-Disposition: form-data; name=Artifact; filename=Artifact.data\r\n\r\n${data}\r\n--b--\r\n`
    return appThatSigns(hashes, { submitWithArtifact: async () => SUBMITTED }).inject({
      method: 'POST',
      url: `${BASE}/${path}`,
      headers: { ...headers, 'content-type': 'multipart/form-data; boundary=b' },
      payload,
    })
  }

  it('answer with the same JSON and the signature, on both routes', async () => {
    const data = {
      SignatureAlgorithm: 'RsaPkcs1',
      RsaHashAlgorithm: '2.16.840.1.101.3.4.2.1',
      Base64EncodedHash: HASH,
      Metadata: { CreatingProcess: { CommandLine: 'x', User: 'y' } },
    }
    for (const path of ['SigningRequests', 'SigningRequests/SubmitWithArtifact']) {
      const hashes: HashToSign[] = []
      const answer = await submit(path, JSON.stringify(data), hashes, 'True')
      assert.equal(answer.statusCode, 200, answer.body)
      assert.deepEqual(answer.json(), {
        ...data,
        Signature: Buffer.from('signature').toString('base64'),
        SigningRequestId: REQUEST,
        WebLink: `http://h/Web/${ORGANIZATION}/SigningRequests/${REQUEST}`,
      })
      assert.equal(answer.headers.location, `http://h${BASE}/SigningRequests/${REQUEST}`)
      assert.deepEqual(
        [hashes[0]?.signatureAlgorithm, hashes[0]?.hashAlgorithm, hashes[0]?.rsaPadding],
        ['Rsa', 'sha256', 'pkcs1'],
      )
    }
  })

  it('know the ECDSA formats', async () => {
    const hashes: HashToSign[] = []
    const data = { SignatureAlgorithm: 'Ecdsa', Base64EncodedHash: HASH }
    await submit('SigningRequests', JSON.stringify(data), hashes)
    await submit(
      'SigningRequests',
      JSON.stringify({ ...data, EcdsaSignatureFormat: 'Asn1' }),
      hashes,
    )
    assert.deepEqual(
      hashes.map(({ ecdsaFormat }) => ecdsaFormat),
      ['ieee-p1363', 'der'],
    )
  })

  it('are ordinary requests when not asked to be fast', async () => {
    assert.equal((await submit('SigningRequests', '{}', [], 'false')).statusCode, 201)
  })

  it('refuse other algorithms and what is no JSON', async () => {
    const md5 = {
      SignatureAlgorithm: 'RsaPss',
      RsaHashAlgorithm: '1.2.840.113549.2.5',
      Base64EncodedHash: HASH,
    }
    for (const data of [
      JSON.stringify(md5),
      '{',
      '{"SignatureAlgorithm":"Ecdsa","SignatureAlgorithm":"Ecdsa"}',
      '[]',
    ]) {
      const answer = await submit('SigningRequests', data)
      assert.equal(answer.statusCode, 400, answer.body)
    }
  })
})

describe('Cryptoki/MySigningPolicies', () => {
  it('shows RSA keys as PKCS#1, others as SubjectPublicKeyInfo', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    const policy = {
      projectSlug: 'p',
      signingPolicySlug: 's',
      signingPolicyId: REQUEST,
      certificate: Buffer.from('DER'),
    }
    const spki = (key: typeof rsa) => key.export({ type: 'spki', format: 'der' })
    let filter: object = {}
    const app = appThatSigns([], {
      listMySigningPolicies: (_caller, given) => {
        filter = given
        return [
          { ...policy, keyType: 'Rsa', keySizeInBits: 2048, publicKey: spki(rsa) },
          {
            ...policy,
            keyType: 'Ecdsa',
            keySizeInBits: 256,
            publicKey: spki(ec),
            certificate: null,
          },
        ]
      },
    })
    const answer = await app.inject({
      url: `${BASE}/Cryptoki/MySigningPolicies?ProjectSlug=p`,
      headers,
    })
    assert.equal(answer.statusCode, 200, answer.body)
    assert.deepEqual(filter, { projectSlug: 'p' })
    const { signingPolicies } = answer.json<{ signingPolicies: Record<string, unknown>[] }>()
    const jwk = createPublicKey(rsa.export({ type: 'spki', format: 'pem' })).export({
      format: 'jwk',
    })
    assert.deepEqual(signingPolicies, [
      {
        signingPolicySlug: 's',
        projectSlug: 'p',
        signingPolicyId: REQUEST,
        keyType: 'Rsa',
        keySizeInBits: 2048,
        certificateType: 'X509',
        certificateBytes: Buffer.from('DER').toString('base64'),
        rsaParameters: {
          publicExponent: 'AQAB',
          modulus: Buffer.from(jwk.n!, 'base64url').toString('base64'),
        },
        publicKeyBytes: rsa.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
      },
      {
        signingPolicySlug: 's',
        projectSlug: 'p',
        signingPolicyId: REQUEST,
        keyType: 'Ecdsa',
        keySizeInBits: 256,
        publicKeyBytes: spki(ec).toString('base64'),
      },
    ])
  })
})
