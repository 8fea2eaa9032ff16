import { Type, type Static } from 'typebox'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import type { HashToSign } from '../signing/signing-service.ts'
import type { SignHash } from '../wire/signing-requests.ts'
import { present } from './submission-form.ts'

/** `payload.json` of a fast signing request: SignPath's *Hash signing data*. Source: SignPath crypto providers up to 5.x. */
export const HashSigningData = Type.Object({
  SignatureAlgorithm: Type.Union([
    Type.Literal('RsaPkcs1'),
    Type.Literal('RsaPss'),
    Type.Literal('Ecdsa'),
  ]),
  RsaHashAlgorithm: Type.Optional(Type.String({ maxLength: 40, description: 'an OID' })),
  EcdsaSignatureFormat: Type.Optional(Type.Union([Type.Literal('Ieee'), Type.Literal('Asn1')])),
  Base64EncodedHash: Type.String({ maxLength: 200, description: 'base64' }),
  Metadata: Type.Optional(Type.Unknown()),
})
export type HashSigningData = Static<typeof HashSigningData>

type HashAlgorithm = NonNullable<HashToSign['hashAlgorithm']>

const HASH_ALGORITHM_OIDS: ReadonlyMap<string, HashAlgorithm> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

/** What a fast signing request asks for. @throws ChanceryError ERR_HTTP_INVALID, ERR_FORMAT_BASE64 */
export function hashOfFastSigning(data: HashSigningData): HashToSign {
  const isRsa = data.SignatureAlgorithm !== 'Ecdsa'
  const oid = isRsa ? data.RsaHashAlgorithm : undefined
  return present({
    signatureAlgorithm: isRsa ? ('Rsa' as const) : ('Ecdsa' as const),
    hash: decodeHash(data.Base64EncodedHash, 'Base64EncodedHash'),
    hashAlgorithm: oid === undefined ? undefined : algorithmOf(oid, 'RsaHashAlgorithm'),
    rsaPadding: isRsa ? paddingOf(data.SignatureAlgorithm === 'RsaPss') : undefined,
    ecdsaFormat: isRsa ? undefined : formatOf(data.EcdsaSignatureFormat),
    metadata: data.Metadata,
  })
}

/** What `SignHash` asks for. @throws ChanceryError ERR_HTTP_INVALID, ERR_FORMAT_BASE64 */
export function hashOfSignHash({ hashSigningData: data }: SignHash): HashToSign {
  const isRsa = data.signatureAlgorithm === 'Rsa'
  return present({
    signatureAlgorithm: data.signatureAlgorithm,
    hash: decodeHash(data.hash, 'hashSigningData.hash'),
    hashAlgorithm: isRsa ? rsaHashAlgorithm(data.rsaOptions) : undefined,
    rsaPadding: isRsa ? paddingOf(data.rsaOptions?.paddingMode === 'Pss') : undefined,
    ecdsaFormat: isRsa ? undefined : formatOf(data.ecdsaOptions?.signatureFormat),
    metadata: data.metadata,
  })
}

function rsaHashAlgorithm(
  options: SignHash['hashSigningData']['rsaOptions'],
): HashAlgorithm | undefined {
  const field = 'hashSigningData.rsaOptions.hashAlgorithmOid'
  const { hashAlgorithmName: name, hashAlgorithmOid: oid } = options ?? {}
  const byName = name?.toLowerCase() as HashAlgorithm | undefined
  if (oid === undefined) return byName
  const byOid = algorithmOf(oid, field)
  if (byName === undefined || byName === byOid) return byOid
  throw new ChanceryError('ERR_HTTP_INVALID', 'expected the OID of hashAlgorithmName', { field })
}

function algorithmOf(oid: string, field: string): HashAlgorithm {
  const algorithm = HASH_ALGORITHM_OIDS.get(oid)
  if (algorithm !== undefined) return algorithm
  const known = Array.from(HASH_ALGORITHM_OIDS, ([key, name]) => `${key} (${name})`).join(', ')
  throw new ChanceryError('ERR_HTTP_INVALID', `expected one of ${known}`, { field })
}

function paddingOf(isPss: boolean): 'pss' | 'pkcs1' {
  return isPss ? 'pss' : 'pkcs1'
}

/** SignPath's default is the pair of integers. */
function formatOf(format: 'Ieee' | 'Asn1' | undefined): 'der' | 'ieee-p1363' {
  return format === 'Asn1' ? 'der' : 'ieee-p1363'
}

function decodeHash(text: string, field: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw new ChanceryError('ERR_FORMAT_BASE64', 'expected the hash as standard base64', {
      cause,
      field,
    })
  }
}
