import { ALGORITHMS, type SignatureAlgorithm } from '../../src/crypto/algorithms.ts'
import { LocalSigner } from '../../src/crypto/local-signer.ts'
import { generatePrivateKey, type PrivateKey } from '../../src/crypto/private-key.ts'
import { contextTag } from '../../src/format/der-reader.ts'
import {
  encodeDer,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeSmallInteger,
  encodeTime,
  encodeTrue,
} from '../../src/format/der-writer.ts'
import { encodeSubjectName } from '../../src/x509/distinguished-name.ts'
import { OID } from '../../src/x509/oids.ts'
import { encodeAlgorithmIdentifier, signStructure } from '../../src/x509/signed-structure.ts'

/** A key with a name and a certificate, which may sign other certificates whether it is allowed to or not. */
export interface TestAuthority {
  readonly name: string
  readonly privateKey: PrivateKey
  readonly signer: LocalSigner
  /** DER. */
  readonly certificate: Uint8Array
}

/** How a certificate of {@link issue} differs from an ordinary one. */
export interface IssueOptions {
  readonly issuer?: TestAuthority
  readonly isAuthority?: boolean
  readonly algorithm?: SignatureAlgorithm
  /** Certifies this key instead of a new one. */
  readonly privateKey?: PrivateKey
}

/** Makes a certificate as an outside authority would; self-signed without an issuer. */
export async function issue(name: string, options: IssueOptions = {}): Promise<TestAuthority> {
  const privateKey =
    options.privateKey ?? (await generatePrivateKey(options.algorithm ?? 'ecdsa-p256'))
  const own = new LocalSigner('test', privateKey)
  const signer = options.issuer?.signer ?? own
  const constraints = encodeSequence(...(options.isAuthority === true ? [encodeTrue()] : []))
  const extension = encodeSequence(encodeOid(OID.basicConstraints), encodeOctetString(constraints))
  const body = encodeSequence(
    encodeDer(contextTag(0, 'constructed'), encodeSmallInteger(2)),
    encodeSmallInteger(7),
    encodeAlgorithmIdentifier(ALGORITHMS[signer.algorithm].certificateSignatureIdentifier),
    encodeSubjectName({ commonName: options.issuer?.name ?? name }),
    encodeSequence(encodeTime(Date.UTC(2020, 0)), encodeTime(Date.UTC(2060, 0))),
    encodeSubjectName({ commonName: name }),
    privateKey.publicKey,
    encodeDer(contextTag(3, 'constructed'), encodeSequence(extension)),
  )
  return { name, privateKey, signer: own, certificate: await signStructure(body, signer) }
}

/** PKCS#7 with certificates only, DER. */
export function encodePkcs7(
  certificates: readonly Uint8Array[],
  signerInfos: Uint8Array = encodeSetOf(),
): Uint8Array {
  const signedData = encodeSequence(
    encodeSmallInteger(1),
    encodeSetOf(),
    encodeSequence(encodeOid(OID.data)),
    encodeDer(contextTag(0, 'constructed'), ...certificates),
    signerInfos,
  )
  return encodeSequence(
    encodeOid(OID.signedData),
    encodeDer(contextTag(0, 'constructed'), signedData),
  )
}

/** A SET with something in it, where a signature would be. */
export const someSignerInfos = encodeSetOf(encodeNull())
