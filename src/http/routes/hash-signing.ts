import { Type } from 'typebox'
import { encodeBase64 } from '../../format/base64.ts'
import { DerReader, DER_TAG } from '../../format/der-reader.ts'
import type { MySigningPolicy } from '../../signing/signing-service.ts'
import { Guid, Slug } from '../../wire/shapes.ts'
import { SignedHash, SignHash } from '../../wire/signing-requests.ts'
import { json } from '../answer.ts'
import { jsonBody, NO_BODY } from '../body.ts'
import { hashOfSignHash } from '../hash-signing-data.ts'
import { route, type Route } from '../route.ts'
import { present } from '../submission-form.ts'

const tag = 'Hash signing'

const CryptokiSigningPolicy = Type.Object({
  signingPolicySlug: Slug,
  projectSlug: Slug,
  signingPolicyId: Guid,
  keyType: Type.Union([Type.Literal('Rsa'), Type.Literal('Ecdsa'), Type.Literal('EdDsa')]),
  keySizeInBits: Type.Integer(),
  certificateType: Type.Optional(Type.Literal('X509')),
  rsaParameters: Type.Optional(
    Type.Object({
      publicExponent: Type.String({ description: 'base64, big-endian' }),
      modulus: Type.String({ description: 'base64, big-endian, without a leading zero' }),
    }),
  ),
  certificateBytes: Type.Optional(Type.String({ description: 'base64 DER X.509' })),
  publicKeyBytes: Type.String({
    description: 'base64 DER: PKCS#1 RSAPublicKey for RSA, SubjectPublicKeyInfo for others',
  }),
})

/** What signs digests that were computed elsewhere: PKCS#11 modules, KMS plugins, Jsign. */
export const HASH_SIGNING_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: 'SigningRequests/SignHash',
    operationId: 'SignHash',
    tag,
    summary: 'Signs a hash, where the signing policy allows what cannot be examined',
    permission: 'submitters of the signing policy',
    body: jsonBody(SignHash),
    answer: json(SignedHash),
    handle: async ({ services, metrics }, { caller, body, links, idempotencyKey }) => {
      const { signingRequestId, signature } = await services.signing.signHash(
        caller,
        present({
          projectSlug: body.projectSlug,
          signingPolicySlug: body.signingPolicySlug,
          artifactConfigurationSlug: body.artifactConfigurationSlug ?? undefined,
          description: body.description ?? undefined,
          parameters: {},
          idempotencyKey,
        }),
        hashOfSignHash(body),
      )
      metrics.countSubmission('Completed', 1)
      return {
        signingRequestId,
        webLink: links.web(signingRequestId),
        hashSigningData: { hash: body.hashSigningData.hash },
        hashSigningResult: { signature: encodeBase64(signature) },
      }
    },
  }),
  route({
    method: 'GET',
    path: 'Cryptoki/MySigningPolicies',
    operationId: 'ListMySigningPolicies',
    tag,
    summary: 'The signing policies the caller may submit to, with their public keys',
    permission: 'every user',
    query: Type.Object({
      projectSlug: Type.Optional(Slug),
      signingPolicySlug: Type.Optional(Slug),
    }),
    body: NO_BODY,
    answer: json(Type.Object({ signingPolicies: Type.Array(CryptokiSigningPolicy) })),
    handle: ({ services }, { caller, query }) => ({
      signingPolicies: services.signing.listMySigningPolicies(caller, query).map(describePolicy),
    }),
  }),
]

function describePolicy(policy: MySigningPolicy): Type.Static<typeof CryptokiSigningPolicy> {
  const { signingPolicySlug, projectSlug, signingPolicyId, keyType, keySizeInBits } = policy
  const named = { signingPolicySlug, projectSlug, signingPolicyId, keyType, keySizeInBits }
  const certificate =
    policy.certificate === null
      ? {}
      : { certificateType: 'X509' as const, certificateBytes: encodeBase64(policy.certificate) }
  if (keyType !== 'Rsa') {
    return { ...named, ...certificate, publicKeyBytes: encodeBase64(policy.publicKey) }
  }
  return { ...named, ...certificate, ...describeRsaKey(policy.publicKey) }
}

/** @param publicKey DER SubjectPublicKeyInfo. Source: RFC 8017, appendix A.1.1. */
function describeRsaKey(publicKey: Uint8Array): {
  readonly rsaParameters: { readonly publicExponent: string; readonly modulus: string }
  readonly publicKeyBytes: string
} {
  const info = new DerReader(publicKey).enter()
  info.read(DER_TAG.sequence)
  // The first octet of a BIT STRING counts unused bits: none in a key.
  const rsaPublicKey = info.read(DER_TAG.bitString).subarray(1)
  const key = new DerReader(rsaPublicKey).enter()
  const modulus = withoutSign(key.read(DER_TAG.integer))
  const publicExponent = withoutSign(key.read(DER_TAG.integer))
  return {
    rsaParameters: { publicExponent: encodeBase64(publicExponent), modulus: encodeBase64(modulus) },
    publicKeyBytes: encodeBase64(rsaPublicKey),
  }
}

function withoutSign(integer: Uint8Array): Uint8Array {
  return integer[0] === 0 ? integer.subarray(1) : integer
}
