import { equalBytes } from '../crypto/constant-time.ts'
import { sha256, sha256Hex } from '../crypto/digest.ts'
import type { AuditEvent, Statement } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeHex } from '../format/hex.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import type { Caller } from '../policy/caller.ts'
import type { Predecessor } from './request-states.ts'
import { insertIdempotencyKey } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'
import type { Submission } from './signing-service.ts'

/** A key that makes repeating a submission harmless, with what it stands for. */
export interface IdempotencyKey {
  readonly text: string
  readonly fingerprint: Uint8Array
}

/**
 * The key of a submission, if it has one; the fingerprint covers all that decides what is signed.
 *
 * @param kind What was called: one key is good for one way of submitting.
 */
export function idempotencyOf(
  caller: Caller,
  submission: Submission,
  kind: 'artifact' | 'entry' | 'announced' | 'hash',
  hash: Uint8Array,
  fileName: string | null,
  predecessor: Predecessor | null,
): IdempotencyKey | undefined {
  const { idempotencyKey, origin, ...rest } = submission
  if (idempotencyKey === undefined) return undefined
  const { buildSettingsFile, ...statedOrigin } = origin ?? {}
  const text = canonicalJson({
    organizationId: caller.principal.organizationId,
    kind,
    submission: rest,
    origin: statedOrigin,
    buildSettings: buildSettingsFile === undefined ? null : sha256Hex(buildSettingsFile.bytes),
    fileName,
    sha256: encodeHex(hash),
    original: predecessor?.id ?? null,
  })
  return { text: idempotencyKey, fingerprint: sha256(new TextEncoder().encode(text)) }
}

/**
 * The request that a key made before.
 *
 * @throws ChanceryError ERR_SIGNING_IDEMPOTENCY if the key belongs to other content.
 */
export function findEarlier(
  context: SigningContext,
  caller: Caller,
  key: IdempotencyKey | undefined,
): SigningRequest | undefined {
  if (key === undefined) return undefined
  const remembered = context.requests.findIdempotencyKey(caller.principal.userId, key.text)
  if (remembered === undefined) return undefined
  if (!equalBytes(remembered.fingerprint, key.fingerprint)) {
    throw new ChanceryError(
      'ERR_SIGNING_IDEMPOTENCY',
      'this idempotency key belongs to a submission with other content',
      { hints: ['use a new key for every submission, and the same key only to repeat one'] },
    )
  }
  return context.requests.find(remembered.signingRequestId)
}

/** The statement that remembers which request a key made; none without a key. */
export function rememberKey(
  caller: Caller,
  key: IdempotencyKey | undefined,
  request: SigningRequest,
): readonly Statement[] {
  if (key === undefined) return []
  const { userId } = caller.principal
  return [insertIdempotencyKey(userId, key.text, key.fingerprint, request.id, request.submittedAt)]
}

/** Commits; if the same submission was committed meanwhile, answers with that one instead. */
export async function commitOrFindEarlier(
  context: SigningContext,
  caller: Caller,
  key: IdempotencyKey | undefined,
  statements: readonly Statement[],
  events: readonly AuditEvent[],
): Promise<SigningRequest | undefined> {
  try {
    await context.ledger.commit({ statements, events })
    return undefined
  } catch (thrown) {
    const isTaken = thrown instanceof ChanceryError && thrown.code === 'ERR_DB_DUPLICATE'
    const earlier = isTaken ? findEarlier(context, caller, key) : undefined
    if (earlier === undefined) throw thrown
    return earlier
  }
}
