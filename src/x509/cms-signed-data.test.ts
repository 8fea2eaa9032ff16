import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { contextTag, DER_TAG, readDerSequence } from '../format/der-reader.ts'
import {
  encodeDer,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSmallInteger,
} from '../format/der-writer.ts'
import { parseCmsSignedData } from './cms-signed-data.ts'
import { encodeSubjectName } from './distinguished-name.ts'
import { OID } from './oids.ts'

const CONTENT = Uint8Array.of(1, 2, 3)
const SERIAL = Uint8Array.of(0x40, 7)
const SIGNATURE = Uint8Array.of(9, 9)
const SHA256 = '2.16.840.1.101.3.4.2.1'
const ALGORITHM = encodeSequence(encodeOid('1.2.840.10045.4.3.2'))
const ISSUER = encodeSubjectName({ commonName: 'Authority' })
const wrap = (number: number, ...inside: readonly Uint8Array[]) =>
  encodeDer(contextTag(number, 'constructed'), ...inside)

/** How signed data differs from sound ones: what stands last in each of its parts, and what is in some of them. */
interface Variation {
  readonly behind?: Readonly<Record<string, Uint8Array>>
  readonly type?: string
  readonly version?: number
  readonly signerVersion?: number
  readonly certificates?: number
  /** OIDs. */
  readonly attributes?: readonly string[]
  readonly attributesTag?: number
  /** Where the revocation lists may be. */
  readonly lists?: Uint8Array
  /** Where the attributes that are not signed may be. */
  readonly unsigned?: Uint8Array
}

function encodeSignedData(variation: Variation = {}): Uint8Array {
  const behind = (place: string) => variation.behind?.[place] ?? new Uint8Array()
  const attribute = (oid: string) =>
    encodeSequence(
      encodeOid(oid),
      encodeDer(DER_TAG.set, encodeNull(), behind('value')),
      behind('attribute'),
    )
  const attributes = (variation.attributes ?? [OID.contentType]).map(attribute)
  const signer = encodeSequence(
    encodeSmallInteger(variation.signerVersion ?? 1),
    encodeSequence(ISSUER, encodeDer(DER_TAG.integer, SERIAL), behind('issuer')),
    encodeSequence(encodeOid(SHA256), encodeNull()),
    encodeDer(variation.attributesTag ?? contextTag(0, 'constructed'), ...attributes),
    ALGORITHM,
    encodeOctetString(SIGNATURE),
    variation.unsigned ?? new Uint8Array(),
    behind('signer'),
  )
  const signedData = encodeSequence(
    encodeSmallInteger(variation.version ?? 3),
    encodeDer(DER_TAG.set),
    encodeSequence(
      encodeOid(OID.timestampInfo),
      wrap(0, encodeOctetString(CONTENT), behind('content')),
      behind('encapsulated'),
    ),
    wrap(0, ...Array.from({ length: variation.certificates ?? 1 }, () => encodeSequence())),
    variation.lists ?? new Uint8Array(),
    encodeDer(DER_TAG.set, signer, behind('signers')),
    behind('signedData'),
  )
  return encodeSequence(
    encodeOid(variation.type ?? OID.signedData),
    wrap(0, signedData, behind('wrapped')),
    behind('contentInfo'),
  )
}

function parse(variation: Variation = {}) {
  return parseCmsSignedData(readDerSequence(encodeSignedData(variation)))
}

function refuses(variation: Variation, what: string): void {
  assert.throws(
    () => parse(variation),
    { code: 'ERR_X509_CMS', message: /^expected CMS signed data: / },
    what,
  )
}

describe('parseCmsSignedData', () => {
  it('reads what one signer signed', () => {
    const bytes = encodeSignedData()
    const untouched = Uint8Array.from(bytes)
    const found = parseCmsSignedData(readDerSequence(bytes))
    assert.deepEqual(bytes, untouched)
    assert.equal(found.contentType, OID.timestampInfo)
    assert.deepEqual(Buffer.from(found.content), Buffer.from(CONTENT))
    assert.deepEqual(Buffer.from(found.signer.issuerName), Buffer.from(ISSUER))
    assert.deepEqual(Buffer.from(found.signer.serialNumber), Buffer.from(SERIAL))
    assert.equal(found.digestAlgorithm, SHA256)
    assert.deepEqual(Buffer.from(found.signatureAlgorithm), Buffer.from(ALGORITHM))
    assert.deepEqual(Buffer.from(found.signature), Buffer.from(SIGNATURE))
    assert.deepEqual([...found.signedAttributes.keys()], [OID.contentType])
    // RFC 5652, 5.4: the attributes are signed as a SET.
    const set = encodeDer(
      DER_TAG.set,
      encodeSequence(encodeOid(OID.contentType), encodeDer(DER_TAG.set, encodeNull())),
    )
    assert.deepEqual(Buffer.from(found.signedBytes), Buffer.from(set))
  })

  it('refuses whatever stands behind the last thing that a part may have', () => {
    for (const place of [
      'contentInfo',
      'wrapped',
      'signedData',
      'encapsulated',
      'content',
      'signers',
      'signer',
      'issuer',
      'attribute',
      'value',
    ]) {
      refuses({ behind: { [place]: encodeNull() } }, place)
    }
    refuses({ type: OID.timestampInfo }, 'another type')
  })

  it('passes over revocation lists and attributes that are not signed, and nothing else', () => {
    for (const found of [parse({ lists: wrap(1) }), parse({ unsigned: wrap(1) })]) {
      assert.deepEqual(Buffer.from(found.signature), Buffer.from(SIGNATURE))
    }
    for (const number of [0, 2]) {
      refuses({ lists: wrap(number) }, `lists in [${number}]`)
      refuses({ unsigned: wrap(number) }, `unsigned in [${number}]`)
    }
    for (const attributesTag of [
      DER_TAG.set,
      contextTag(0, 'primitive'),
      contextTag(1, 'constructed'),
    ]) {
      refuses({ attributesTag }, `attributes in ${attributesTag}`)
    }
  })

  it('reads up to 20 certificates and 32 attributes, each of them once', () => {
    const oids = (length: number) => Array.from({ length }, (_, index) => `1.2.3.${index}`)
    assert.equal(parse({ certificates: 0 }).certificates.length, 0)
    assert.equal(parse({ certificates: 20 }).certificates.length, 20)
    refuses({ certificates: 21 }, '21 certificates')
    assert.equal(parse({ attributes: oids(32) }).signedAttributes.size, 32)
    refuses({ attributes: oids(33) }, '33 attributes')
    refuses({ attributes: [OID.contentType, OID.messageDigest, OID.contentType] }, 'one twice')
  })

  it('knows versions up to 5, and signers that are named by their issuer', () => {
    for (const version of [0, 1, 3, 5]) parse({ version })
    refuses({ version: 6 }, 'version 6')
    for (const signerVersion of [2, 3]) refuses({ signerVersion }, `signer of ${signerVersion}`)
  })
})
