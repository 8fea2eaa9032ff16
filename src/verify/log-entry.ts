import { ALGORITHMS } from '../crypto/algorithms.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeBase64 } from '../format/base64.ts'
import type { BundleInclusionProof, BundleLogEntry } from '../format/bundle.ts'
import { parseCheckpoint, type Checkpoint } from '../format/checkpoint.ts'
import { encodeHex } from '../format/hex.ts'
import { parseLogBody, type LogBody } from '../format/log-body.ts'
import { isWithin } from '../format/trusted-root.ts'
import { computeRoot, hashLeaf } from '../merkle/inclusion.ts'
import type { SignedMessage } from './signed-message.ts'
import type { Log } from './trusted-root.ts'

/** What an entry proves. */
export interface VerifiedLogEntry {
  readonly log: Log
  /** The index that the log gave the entry, over all of its shards. */
  readonly logIndex: number
  /** When the log took the entry, as its promise says; undefined where it made none. */
  readonly integratedAt: Date | undefined
}

/**
 * Checks one entry of a log that is trusted; returns only if all of it holds: it is about this artifact, this signature
 * and this key or certificate; the log's promise, if there is one; the proof that the entry is in the tree of a
 * checkpoint that the log signed. An entry without a proof needs a promise, and the reverse.
 *
 * @param now The present: what the log says of later is refused.
 * @throws ChanceryError ERR_VERIFY_LOG_ENTRY if any of it does not hold; the message says which check.
 * @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if the log's key cannot be used.
 */
export function verifyLogEntry(
  entry: BundleLogEntry,
  log: Log,
  signed: SignedMessage,
  now: Date,
): VerifiedLogEntry {
  const at = `log entry ${entry.logIndex} of ${log.baseUrl}`
  try {
    requireBinding(parseLogBody(entry.body, entry.kind, entry.version), signed)
    const integratedAt = verifyPromise(entry, log, now)
    if (entry.inclusionProof?.checkpoint !== undefined) {
      verifyInclusion(entry.body, entry.inclusionProof, entry.inclusionProof.checkpoint, log)
    } else if (integratedAt === undefined) {
      throw refused('expected a promise of the log or a proof, found neither')
    }
    return { log, logIndex: entry.logIndex, integratedAt }
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code === 'ERR_VERIFY_TRUSTED_ROOT') throw cause
    throw new ChanceryError('ERR_VERIFY_LOG_ENTRY', `${at}: ${cause.message}`, { cause })
  }
}

/** The entry is about what was signed, with this signature, by this signer. */
function requireBinding(body: LogBody, signed: SignedMessage): void {
  requireHash(body, signed)
  if (Buffer.compare(body.signature, signed.signature) !== 0) {
    throw refused('expected the signature of the bundle, found another one')
  }
  const { certificate, key } = signed
  const expected = certificate?.der ?? key.publicKey
  const kind = certificate === undefined ? 'publicKey' : 'certificate'
  if (body.verifier.kind !== kind || Buffer.compare(body.verifier.der, expected) !== 0) {
    const what = certificate === undefined ? 'key given' : 'certificate of the bundle'
    throw refused(`expected the ${what}, found another signer`)
  }
}

function requireHash(body: LogBody, signed: SignedMessage): void {
  if (body.hashed === 'payload' && signed.payload === undefined) {
    throw refused('expected an entry for an artifact, found one for an envelope')
  }
  const hash =
    body.hashed === 'payload'
      ? signed.payloadHash(body.hashAlgorithm)
      : signed.hash(body.hashAlgorithm)
  if (Buffer.compare(body.hash, hash) !== 0) {
    throw refused(
      `expected an entry for ${body.hashAlgorithm}:${encodeHex(hash)}, found one for ${encodeHex(body.hash)}`,
    )
  }
  if (body.payloadType !== undefined && body.payloadType !== signed.payloadType) {
    throw refused('expected the payload type of the envelope, found another one')
  }
}

/**
 * Checks the signed entry timestamp, where there is one. The time counts only with it: nothing else covers it.
 *
 * Source: sigstore/rekor, openapi.yaml, "signedEntryTimestamp".
 */
function verifyPromise(entry: BundleLogEntry, log: Log, now: Date): Date | undefined {
  if (entry.inclusionPromise === undefined) return undefined
  verifyByLog(log, encodePromise(entry), entry.inclusionPromise, 'promise')
  const integratedAt = new Date(entry.integratedTime * 1000)
  if (Number.isNaN(integratedAt.getTime()) || integratedAt > now) {
    throw refused(`expected an entry of before ${now.toISOString()}, found a later one`)
  }
  if (!isWithin(log.validFor, integratedAt)) {
    throw refused(`the log is not trusted for ${integratedAt.toISOString()}`)
  }
  return integratedAt
}

/**
 * What a promise is signed over: canonical JSON (RFC 8785), ASCII. Nothing in base64, hexadecimal or an integer needs an
 * escape.
 */
function encodePromise({ body, integratedTime, logId, logIndex }: BundleLogEntry): Uint8Array {
  const start = `{"body":"${encodeBase64(body)}","integratedTime":${integratedTime}`
  return Buffer.from(`${start},"logID":"${encodeHex(logId)}","logIndex":${logIndex}}`, 'latin1')
}

function verifyInclusion(
  body: Uint8Array,
  proof: BundleInclusionProof,
  note: string,
  log: Log,
): void {
  const checkpoint = parseCheckpoint(note)
  verifyCheckpoint(checkpoint, log)
  const { logIndex: leafIndex, treeSize, hashes } = proof
  const root = computeRoot(hashLeaf(body), { leafIndex, treeSize, hashes })
  const isRoot = Buffer.compare(root, checkpoint.rootHash) === 0
  if (!isRoot || treeSize !== checkpoint.treeSize) {
    throw refused('expected a proof for the tree of the checkpoint, found one for another tree')
  }
  if (Buffer.compare(proof.rootHash, root) !== 0) {
    throw refused('expected the root hash of the checkpoint, found another one')
  }
}

/** One signature is the log's own; those of witnesses and unknown keys say nothing here. */
function verifyCheckpoint(checkpoint: Checkpoint, log: Log): void {
  const own = checkpoint.signatures.filter(
    ({ keyName, keyId }) =>
      Buffer.compare(keyId, log.checkpointKeyId.subarray(0, keyId.length)) === 0 &&
      isKeyOfOrigin(keyName, checkpoint.origin),
  )
  let failure: ChanceryError | undefined
  for (const { signature } of own) {
    try {
      verifyByLog(log, checkpoint.signedBytes, signature, 'checkpoint')
      return
    } catch (cause) {
      if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_VERIFY_LOG_ENTRY') throw cause
      failure = cause
    }
  }
  throw failure ?? refused('expected a checkpoint signed by the log, found none')
}

/** The origin is the key's name; Rekor v1 adds the number of the tree. Source: sigstore/rekor, pkg/util/checkpoint.go. */
function isKeyOfOrigin(keyName: string, origin: string): boolean {
  const rest = origin.startsWith(keyName) ? origin.slice(keyName.length) : undefined
  return rest === '' || (rest !== undefined && /^ - \d+$/.test(rest))
}

function verifyByLog(log: Log, message: Uint8Array, signature: Uint8Array, what: string): void {
  const { key } = log
  try {
    key.verify(message, signature, {
      hash: ALGORITHMS[key.algorithm].certificateHash,
      rsaPadding: 'pkcs1',
    })
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_CRYPTO_SIGNATURE') throw cause
    throw refused(`expected a ${what} signed by the log's key, found another signature`)
  }
}

function refused(message: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_LOG_ENTRY', message)
}
