import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from './base64.ts'

/** A signed statement of a log about its tree. Nothing in it is proven. */
export interface Checkpoint {
  /** The first line: which log it is, and for Rekor v1 which tree. */
  readonly origin: string
  readonly treeSize: number
  /** 32 bytes. */
  readonly rootHash: Uint8Array
  /** The bytes that the signatures cover: everything before the blank line, the last line break included. */
  readonly signedBytes: Uint8Array
  /** 1 to 32. */
  readonly signatures: readonly NoteSignature[]
}

/** One signature line of a note. Source: C2SP signed-note, "Signatures". */
export interface NoteSignature {
  readonly keyName: string
  /** Four bytes. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

const MAX_SIGNATURES = 32
const HASH_BYTES = 32
const KEY_ID_BYTES = 4
const SEPARATOR = '\n\n'

/** A signature line: em dash, blank, name without blanks or plus, blank, base64. */
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u

/**
 * Reads a checkpoint: a note whose first three lines are an origin, a size in decimal and a root hash in base64.
 *
 * @throws ChanceryError ERR_FORMAT_CHECKPOINT if it is anything else.
 * Source: C2SP tlog-checkpoint, "Note text"; C2SP signed-note, "Format".
 */
export function parseCheckpoint(note: string): Checkpoint {
  const end = note.lastIndexOf(SEPARATOR)
  if (end < 0 || !note.endsWith('\n') || /[^\n\P{Cc}]/u.test(note)) {
    throw checkpointError('expected a text, a blank line and signatures')
  }
  const text = note.slice(0, end + 1)
  const [origin = '', size = '', root = '', ...others] = text.slice(0, -1).split('\n')
  if (origin === '' || others.includes('')) throw checkpointError('expected one blank line')
  const treeSize = /^(?:0|[1-9]\d{0,15})$/.test(size) ? Number(size) : NaN
  if (!Number.isSafeInteger(treeSize)) throw checkpointError('expected the size on the second line')
  const lines = note.slice(end + SEPARATOR.length, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) {
    throw checkpointError(`expected at most ${MAX_SIGNATURES} signatures`)
  }
  return {
    origin,
    treeSize,
    rootHash: readRoot(root),
    signedBytes: Buffer.from(text, 'utf8'),
    signatures: lines.map(readSignature),
  }
}

function readRoot(text: string): Uint8Array {
  const hash = readBase64(text)
  if (hash.length !== HASH_BYTES) throw checkpointError('expected a root hash of 32 bytes')
  return hash
}

function readSignature(line: string): NoteSignature {
  const [, keyName, base64] = SIGNATURE_LINE.exec(line) ?? []
  if (keyName === undefined || base64 === undefined) {
    throw checkpointError('expected signature lines such as "\u2014 name base64"')
  }
  const bytes = readBase64(base64)
  if (bytes.length <= KEY_ID_BYTES) throw checkpointError('expected a key id and a signature')
  return {
    keyName,
    keyId: bytes.subarray(0, KEY_ID_BYTES),
    signature: bytes.subarray(KEY_ID_BYTES),
  }
}

function readBase64(text: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw checkpointError('expected standard base64', cause)
  }
}

function checkpointError(message: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_FORMAT_CHECKPOINT', `checkpoint: ${message}`, { cause })
}
