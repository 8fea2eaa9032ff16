import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { ProtoJsonObject } from './proto-json.ts'

/** A DSSE envelope with one signature. Source: DSSE envelope.md, "Standard JSON envelope". */
export interface DsseEnvelope {
  /** What was signed, not the text of it in base64. */
  readonly payload: Uint8Array
  /** Media type, 1 to 256 characters. */
  readonly payloadType: string
  /** ECDSA: DER `Ecdsa-Sig-Value`. RSA and Ed25519: raw bytes. */
  readonly signature: Uint8Array
}

/** The payload type of in-toto statements. Source: in-toto attestation, spec/v1/envelope.md. */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** The most bytes the payload of an envelope may have: 16 MiB. */
export const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

/** The most bytes one signature may have. */
export const MAX_SIGNATURE_BYTES = 16 * 1024

const MAX_TYPE_CHARACTERS = 256
const ASCII = new TextEncoder()

/**
 * The pre-authentication encoding: the bytes a DSSE signature covers.
 *
 *     "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload
 *
 * LEN is the length in bytes (not characters), ASCII decimal without leading zeros.
 * Source: DSSE protocol.md, "Signature Definition".
 *
 * @param payloadType Media type, e.g. `application/vnd.in-toto+json`; not empty (our rule, not DSSE's).
 * @throws ChanceryError ERR_FORMAT_DSSE if `payloadType` is empty.
 */
export function encodePae(payloadType: string, payload: Uint8Array): Uint8Array {
  if (payloadType === '') throw new ChanceryError('ERR_FORMAT_DSSE', 'expected a payload type')
  const typeBytes = Buffer.byteLength(payloadType)
  const head = ASCII.encode(`DSSEv1 ${typeBytes} ${payloadType} ${payload.length} `)
  const encoded = new Uint8Array(head.length + payload.length)
  encoded.set(head)
  encoded.set(payload, head.length)
  return encoded
}

/** What a pre-authentication encoding holds. */
export interface PaeContent {
  /** Media type, 1 to 256 visible ASCII characters. */
  readonly payloadType: string
  /** Shares its memory with the encoding. */
  readonly payload: Uint8Array
}

const PAE_MARK = ASCII.encode('DSSEv')
const PAE = /^DSSEv1 ([1-9][0-9]{0,2}) ([!-~]{1,256}) (0|[1-9][0-9]{0,9}) /
/** Of everything before the payload. */
const MAX_HEAD_BYTES = 300

/** True for all that any version of DSSE could take for a pre-authentication encoding, malformed ones included. */
export function resemblesPae(bytes: Uint8Array): boolean {
  return PAE_MARK.every((byte, at) => bytes[at] === byte)
}

/**
 * Reads a pre-authentication encoding: exactly the bytes that {@link encodePae} makes, so that one signature covers one
 * payload of one type. Time and memory do not depend on the payload.
 *
 * @throws ChanceryError ERR_FORMAT_DSSE if the bytes are anything else.
 * Source: DSSE protocol.md, "Signature Definition".
 */
export function decodePae(bytes: Uint8Array): PaeContent {
  const head = Buffer.from(bytes.subarray(0, MAX_HEAD_BYTES)).toString('latin1')
  const [start, typeLength, payloadType, payloadLength] = PAE.exec(head) ?? []
  if (start === undefined || payloadType === undefined) {
    throw malformedPae(
      '"DSSEv1 <length> <type> <length> <payload>", with lengths without leading zeros',
    )
  }
  if (Number(typeLength) !== payloadType.length) {
    throw malformedPae(`a payload type of ${typeLength ?? ''} bytes, found ${payloadType.length}`)
  }
  const payload = bytes.subarray(start.length)
  if (Number(payloadLength) !== payload.length) {
    throw malformedPae(
      `a payload of ${payloadLength ?? ''} bytes and nothing behind, found ${payload.length}`,
    )
  }
  return { payloadType, payload }
}

function malformedPae(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_DSSE', `pre-authentication encoding: expected ${expected}`)
}

/**
 * Reads an envelope: no members but the three, exactly one signature, `keyid` absent or empty (Cosign verifies no other),
 * payload and signature in padded base64 of either alphabet, as DSSE asks of readers.
 *
 * @param value What `parseJson` returned, or a part of it.
 * @param path Where in a larger document the envelope stands; for messages.
 * @throws ChanceryError ERR_FORMAT_DSSE if it is anything else.
 * Source: DSSE envelope.md, "Standard JSON envelope"; protocol.md, "Protocol".
 */
export function parseEnvelope(value: unknown, path = '$'): DsseEnvelope {
  const names = ['payload', 'payloadType', 'signatures']
  const envelope = new ProtoJsonObject(value, path, 'ERR_FORMAT_DSSE', names)
  const payloadType = envelope.text('payloadType', MAX_TYPE_CHARACTERS)
  const [signature, another] = envelope.objects('signatures', 16, 'sig', 'keyid')
  if (signature === undefined || another !== undefined) {
    throw envelope.refuse('signatures', 'exactly one signature')
  }
  if (signature.has('keyid')) throw signature.refuse('keyid', 'no key id, or an empty one,')
  return {
    payload: decode(envelope, 'payload', MAX_PAYLOAD_BYTES),
    payloadType,
    signature: decode(signature, 'sig', MAX_SIGNATURE_BYTES),
  }
}

/**
 * Prints an envelope as Cosign 2 does under the tag of attestations: members in its order, an empty `keyid`, no white
 * space. Equal contents give equal bytes.
 */
export function encodeEnvelope({ payload, payloadType, signature }: DsseEnvelope): Uint8Array {
  const signatures = [{ keyid: '', sig: encodeBase64(signature) }]
  return ASCII.encode(JSON.stringify({ payloadType, payload: encodeBase64(payload), signatures }))
}

function decode(object: ProtoJsonObject, name: string, maximum: number): Uint8Array {
  const text = object.text(name, Math.ceil(maximum / 3) * 4)
  const isUrlSafe = text.includes('-') || text.includes('_')
  if (isUrlSafe && /[+/]/.test(text)) throw object.refuse(name, 'base64 of one alphabet')
  const standard = isUrlSafe ? text.replaceAll('-', '+').replaceAll('_', '/') : text
  try {
    return decodeBase64(standard)
  } catch {
    throw object.refuse(name, 'base64, padded and without line breaks,')
  }
}
