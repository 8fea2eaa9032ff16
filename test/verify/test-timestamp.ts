import { createHash, sign } from 'node:crypto'
import { contextTag, DER_TAG } from '../../src/format/der-reader.ts'
import {
  encodeDer,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeSmallInteger,
  encodeUnsigned,
} from '../../src/format/der-writer.ts'
import { encodeSubjectName } from '../../src/x509/distinguished-name.ts'
import { OID } from '../../src/x509/oids.ts'
import { type Party, utf8 } from './test-certificates.ts'

/** How a timestamp differs from a sound one. */
export interface TimestampOptions {
  /** The name in the issuer of the signer's certificate. */
  readonly issuerName: string
  /** Certificates that are sent along. */
  readonly certificates?: readonly Uint8Array[]
  /** Whose hash stands in the signed attributes; the signer's own unless said. */
  readonly namedCertificate?: Uint8Array | null
  /** What is hashed into messageDigest; the content unless said. */
  readonly digested?: Uint8Array
  readonly contentType?: string
  /** The type in the signed attributes; that of a timestamp unless said. */
  readonly signedType?: string
  /** In the place of the time. */
  readonly genTime?: string
  /** DER that stands behind all that a timestamp has. */
  readonly trailing?: Uint8Array
  readonly status?: number
}

const SHA256 = encodeSequence(encodeOid('2.16.840.1.101.3.4.2.1'), encodeNull())
const ECDSA_SHA256 = encodeSequence(encodeOid('1.2.840.10045.4.3.2'))

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

/** A DER TimeStampResp as an authority makes it: one signer, attributes with the hash of the certificate. */
export function makeTimestamp(
  authority: Party,
  signature: Uint8Array,
  time: Date,
  options: TimestampOptions,
): Uint8Array {
  const genTime = options.genTime ?? `${time.toISOString().replaceAll(/[-:T]|\.\d+Z$/g, '')}Z`
  const info = encodeSequence(
    encodeSmallInteger(1),
    encodeOid('1.3.6.1.4.1.57264.2'),
    encodeSequence(SHA256, encodeOctetString(sha256(signature))),
    encodeSmallInteger(5),
    encodeDer(DER_TAG.generalizedTime, utf8(genTime)),
    encodeSequence(encodeSmallInteger(1)),
    options.trailing ?? new Uint8Array(),
  )
  const attributes = encodeAttributes(authority, info, options)
  const signerInfo = encodeSequence(
    encodeSmallInteger(1),
    encodeSequence(
      encodeSubjectName({ commonName: options.issuerName }),
      encodeUnsigned(authority.serialNumber),
    ),
    SHA256,
    Uint8Array.from([contextTag(0, 'constructed'), ...attributes.subarray(1)]),
    ECDSA_SHA256,
    encodeOctetString(sign('sha256', attributes, authority.privateKey)),
  )
  const signedData = encodeSequence(
    encodeSmallInteger(3),
    encodeSetOf(SHA256),
    encodeSequence(
      encodeOid(options.contentType ?? OID.timestampInfo),
      encodeDer(contextTag(0, 'constructed'), encodeOctetString(info)),
    ),
    encodeDer(contextTag(0, 'constructed'), ...(options.certificates ?? [])),
    encodeSetOf(signerInfo),
  )
  return encodeSequence(
    encodeSequence(encodeSmallInteger(options.status ?? 0)),
    encodeSequence(encodeOid(OID.signedData), encodeDer(contextTag(0, 'constructed'), signedData)),
  )
}

function encodeAttributes(
  authority: Party,
  info: Uint8Array,
  options: TimestampOptions,
): Uint8Array {
  const named =
    options.namedCertificate === undefined ? authority.certificate : options.namedCertificate
  const attribute = (oid: string, value: Uint8Array): Uint8Array =>
    encodeSequence(encodeOid(oid), encodeSetOf(value))
  return encodeSetOf(
    attribute(OID.contentType, encodeOid(options.signedType ?? OID.timestampInfo)),
    attribute(OID.messageDigest, encodeOctetString(sha256(options.digested ?? info))),
    ...(named === null
      ? []
      : [
          attribute(
            OID.signingCertificateV2,
            encodeSequence(encodeSequence(encodeSequence(encodeOctetString(sha256(named))))),
          ),
        ]),
  )
}
