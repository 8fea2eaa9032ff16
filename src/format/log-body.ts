import { decodeBase64 } from './base64.ts'
import { decodeHex } from './hex.ts'
import { parseJson } from './json.ts'
import { decodePem } from './pem.ts'
import { ProtoJsonObject } from './proto-json.ts'

/** What an entry of a transparency log says. Nothing in it is proven. */
export interface LogBody {
  /** What was hashed: the artifact (or what stands for it), or the payload of an envelope. */
  readonly hashed: 'message' | 'payload'
  readonly hashAlgorithm: 'sha256' | 'sha384' | 'sha512'
  readonly hash: Uint8Array
  readonly signature: Uint8Array
  readonly verifier: LogVerifier
  /** The payload type of the envelope; undefined where the entry does not say. */
  readonly payloadType: string | undefined
}

/** With what the log checked the signature. */
export interface LogVerifier {
  readonly kind: 'certificate' | 'publicKey'
  /** DER Certificate or SubjectPublicKeyInfo. */
  readonly der: Uint8Array
}

const CODE = 'ERR_FORMAT_LOG_BODY'
const MAX_SIGNATURE_BYTES = 16 * 1024
const MAX_VERIFIER_BYTES = 64 * 1024
const MAX_HASH_BYTES = 64
const MAX_SIGNATURES = 16

/**
 * Reads an entry's body: hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1 and 0.0.2, intoto 0.0.2, each with one signature.
 * intoto 0.0.1 is refused: it does not hold the signature, so it proves nothing about it.
 *
 * @param body JSON, the bytes of the leaf.
 * @param kind As the entry's `kindVersion` names it; the body has to say the same.
 * @throws ChanceryError ERR_FORMAT_LOG_BODY or ERR_FORMAT_JSON if it is anything else.
 * Source: sigstore/rekor, pkg/types; sigstore/rekor-tiles, api/proto/rekor/v2.
 */
export function parseLogBody(body: Uint8Array, kind: string, version: string): LogBody {
  const document = new ProtoJsonObject(parseJson(body), '$', CODE, ['apiVersion', 'kind', 'spec'])
  if (document.text('kind') !== kind) throw document.refuse('kind', 'the kind of kindVersion')
  if (document.text('apiVersion') !== version) {
    throw document.refuse('apiVersion', 'the version of kindVersion')
  }
  const read = READERS.get(`${kind} ${version}`)
  if (read === undefined) throw document.refuse('kind', [...READERS.keys()].join(', '))
  return read(document)
}

const READERS: ReadonlyMap<string, (document: ProtoJsonObject) => LogBody> = new Map([
  ['hashedrekord 0.0.1', readHashedRekord1],
  ['hashedrekord 0.0.2', readHashedRekord2],
  ['dsse 0.0.1', readDsse1],
  ['dsse 0.0.2', readDsse2],
  ['intoto 0.0.2', readInToto2],
])

function readHashedRekord1(document: ProtoJsonObject): LogBody {
  const spec = document.object('spec', 'data', 'signature')
  const data = spec.object('data', 'hash')
  const signature = spec.object('signature', 'content', 'publicKey')
  return {
    hashed: 'message',
    ...readHexHash(data.object('hash', 'algorithm', 'value')),
    signature: signature.bytes('content', MAX_SIGNATURE_BYTES),
    verifier: readPem(signature.object('publicKey', 'content'), 'content'),
    payloadType: undefined,
  }
}

function readHashedRekord2(document: ProtoJsonObject): LogBody {
  const spec = document.object('spec', 'hashedRekordV002')
  const record = spec.object('hashedRekordV002', 'data', 'signature')
  return {
    hashed: 'message',
    ...readHash(record.object('data', 'algorithm', 'digest')),
    ...readSignature2(record.object('signature', 'content', 'verifier')),
    payloadType: undefined,
  }
}

function readDsse1(document: ProtoJsonObject): LogBody {
  const spec = document.object('spec', 'envelopeHash', 'payloadHash', 'signatures')
  readHexHash(spec.object('envelopeHash', 'algorithm', 'value'))
  const signature = only(spec, 'signatures', 'signature', 'verifier')
  return {
    hashed: 'payload',
    ...readHexHash(spec.object('payloadHash', 'algorithm', 'value')),
    signature: signature.bytes('signature', MAX_SIGNATURE_BYTES),
    verifier: readPem(signature, 'verifier'),
    payloadType: undefined,
  }
}

function readDsse2(document: ProtoJsonObject): LogBody {
  const spec = document.object('spec', 'dsseV002').object('dsseV002', 'payloadHash', 'signatures')
  return {
    hashed: 'payload',
    ...readHash(spec.object('payloadHash', 'algorithm', 'digest')),
    ...readSignature2(only(spec, 'signatures', 'content', 'verifier')),
    payloadType: undefined,
  }
}

/** The signature is base64 twice: the schema wraps what the envelope has in base64 already. */
function readInToto2(document: ProtoJsonObject): LogBody {
  const content = document
    .object('spec', 'content')
    .object('content', 'envelope', 'hash', 'payloadHash')
  // Some writers leave the payload in; its hash is what counts.
  const envelope = content.object('envelope', 'payloadType', 'signatures', 'payload')
  const signature = only(envelope, 'signatures', 'sig', 'publicKey', 'keyid')
  if (signature.has('keyid')) throw signature.refuse('keyid', 'no key id, or an empty one,')
  readHexHash(content.object('hash', 'algorithm', 'value'))
  const inner = Buffer.from(signature.bytes('sig', MAX_SIGNATURE_BYTES)).toString('latin1')
  return {
    hashed: 'payload',
    ...readHexHash(content.object('payloadHash', 'algorithm', 'value')),
    signature: decodeOr(() => decodeBase64(inner), signature, 'sig', 'base64 in base64'),
    verifier: readPem(signature, 'publicKey'),
    payloadType: envelope.text('payloadType'),
  }
}

function only(parent: ProtoJsonObject, name: string, ...members: string[]): ProtoJsonObject {
  const [signature, another] = parent.objects(name, MAX_SIGNATURES, ...members)
  if (signature === undefined || another !== undefined) {
    throw parent.refuse(name, 'exactly one signature')
  }
  return signature
}

function readSignature2(signature: ProtoJsonObject): Pick<LogBody, 'signature' | 'verifier'> {
  const verifier = signature.object('verifier', 'keyDetails', 'x509Certificate', 'publicKey')
  verifier.text('keyDetails')
  const kind = verifier.oneOf('x509Certificate', 'publicKey')
  return {
    signature: signature.bytes('content', MAX_SIGNATURE_BYTES),
    verifier: {
      kind: kind === 'publicKey' ? kind : 'certificate',
      der: verifier.object(kind, 'rawBytes').bytes('rawBytes', MAX_VERIFIER_BYTES),
    },
  }
}

function readHash(hash: ProtoJsonObject): Pick<LogBody, 'hashAlgorithm' | 'hash'> {
  const name = hash.text('algorithm')
  const hashAlgorithm = ALGORITHM_NAMES.get(name)
  if (hashAlgorithm === undefined || !name.startsWith('SHA2_')) {
    throw hash.refuse('algorithm', 'SHA2_256, SHA2_384 or SHA2_512')
  }
  return { hashAlgorithm, hash: hash.bytes('digest', MAX_HASH_BYTES) }
}

function readHexHash(hash: ProtoJsonObject): Pick<LogBody, 'hashAlgorithm' | 'hash'> {
  const name = hash.text('algorithm')
  const hashAlgorithm = ALGORITHM_NAMES.get(name)
  if (hashAlgorithm === undefined || !name.startsWith('sha')) {
    throw hash.refuse('algorithm', 'sha256, sha384 or sha512')
  }
  const value = hash.text('value', MAX_HASH_BYTES * 2)
  const bytes = decodeOr(() => decodeHex(value), hash, 'value', 'lower-case hexadecimal')
  return { hashAlgorithm, hash: bytes }
}

const ALGORITHM_NAMES: ReadonlyMap<string, LogBody['hashAlgorithm']> = new Map([
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
  ['SHA2_256', 'sha256'],
  ['SHA2_384', 'sha384'],
  ['SHA2_512', 'sha512'],
] as const)

/** One PEM block, in base64 again. */
function readPem(parent: ProtoJsonObject, name: string): LogVerifier {
  const text = Buffer.from(parent.bytes(name, MAX_VERIFIER_BYTES)).toString('latin1')
  const expected = 'one certificate or public key in PEM'
  const [block, another] = decodeOr(() => decodePem(text), parent, name, expected)
  const kind = { CERTIFICATE: 'certificate', 'PUBLIC KEY': 'publicKey' } as const
  if (block === undefined || another !== undefined) throw parent.refuse(name, expected)
  if (block.label !== 'CERTIFICATE' && block.label !== 'PUBLIC KEY') {
    throw parent.refuse(name, expected)
  }
  return { kind: kind[block.label], der: block.bytes }
}

function decodeOr<Value>(
  decode: () => Value,
  parent: ProtoJsonObject,
  name: string,
  expected: string,
): Value {
  try {
    return decode()
  } catch {
    throw parent.refuse(name, expected)
  }
}
