import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from '../format/base64.ts'
import type { Caller } from '../policy/caller.ts'
import { commitOrFindEarlier, findEarlier, idempotencyOf, rememberKey } from './idempotency.ts'
import { requestEvent, signedEvent, submittedEvent } from './request-events.ts'
import { newRequest, signedRequest } from './request-states.ts'
import { insertRequest } from './request-store.ts'
import { requireSubmissionTarget } from './refusals.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'
import type { HashToSign, Submission } from './signing-service.ts'
import { isStillTarget, presentCaller, type SubmissionTarget } from './submission-target.ts'

const HASH_BY_LENGTH = new Map([
  [32, 'sha256'],
  [48, 'sha384'],
  [64, 'sha512'],
] as const)

/** The file name that SignPath gives to what a hash request signs. */
const FILE_NAME = 'HashSigningData.json'

const MAX_METADATA_CHARACTERS = 16_384

/**
 * Signs a hash. It cannot be examined, so the policy has to allow it, and approval has nothing to look at.
 *
 * @throws ChanceryError ERR_SIGNING_HASH_NOT_ALLOWED if the policy does not allow it; the attempt is audited.
 * @throws ChanceryError ERR_SIGNING_INPUT if the hash, its length or the algorithm do not fit each other and the key.
 */
export async function signHash(
  context: SigningContext,
  caller: Caller,
  submission: Submission,
  hash: HashToSign,
): Promise<{ readonly signingRequestId: string; readonly signature: Uint8Array }> {
  const target = await requireSubmissionTarget(context, caller, submission, 'sign-hash')
  await requireHashesAllowed(context, caller, target)
  const scheme = schemeOf(hash, target.certificate.algorithm)
  requireSmallMetadata(hash.metadata)
  const schemeText = JSON.stringify(scheme)
  const key = idempotencyOf(caller, submission, 'hash', hash.hash, schemeText, null)
  const known = findEarlier(context, caller, key)
  if (known !== undefined) return answerOf(known)

  const signer = context.signers.openSigner(target.certificate.keyId)
  const received = newRequest(context, caller, submission, target, {
    fileName: FILE_NAME,
    sha256: null,
    isEntry: false,
    predecessor: null,
  })
  const signature = await signer.signHash(hash.hash, scheme)
  if (!isStillTarget(context, caller, target))
    return signHash(context, presentCaller(context, caller), submission, hash)
  const value = encodeBase64(hash.hash)
  const described: SigningRequest = {
    ...received,
    kind: 'hash',
    body: { ...received.body, hash: { value, scheme, metadata: hash.metadata ?? null } },
  }
  const signatures = [
    {
      path: FILE_NAME,
      outputPath: FILE_NAME,
      sha256: sha256Hex(hash.hash),
      signature: encodeBase64(signature),
    },
  ]
  const request = signedRequest(described, signatures, context.now())
  const earlier = await commitOrFindEarlier(
    context,
    caller,
    key,
    [...insertRequest(request), ...rememberKey(caller, key, request)],
    [
      submittedEvent(request, caller, target, null, submission),
      signedEvent(request, caller, target, signer.keyId),
    ],
  )
  return answerOf(earlier ?? request)
}

async function requireHashesAllowed(
  context: SigningContext,
  caller: Caller,
  { policy }: SubmissionTarget,
): Promise<void> {
  if (policy.requiredApprovals > 0) {
    throw new ChanceryError(
      'ERR_SIGNING_INPUT',
      'The selected signing policy has an approval process. Hash signing does not support approvals.',
      { field: 'SigningPolicyId' },
    )
  }
  if (policy.allowHashSigning) return
  const subject = { id: policy.id, organizationId: policy.organizationId }
  await context.ledger.commit({
    statements: [],
    events: [
      requestEvent('HashRefused', context.now(), subject, caller, { signingPolicy: policy.slug }),
    ],
  })
  throw new ChanceryError(
    'ERR_SIGNING_HASH_NOT_ALLOWED',
    `the signing policy '${policy.slug}' signs what it can examine; a bare hash cannot be examined`,
    {
      field: 'SigningPolicySlug',
      hints: ['submit the whole file, or have `allowHashSigning` set for this policy'],
    },
  )
}

function schemeOf(hash: HashToSign, algorithm: SignatureAlgorithm): SignatureScheme {
  const byLength = HASH_BY_LENGTH.get(hash.hash.length as 32 | 48 | 64)
  const name = hash.hashAlgorithm ?? byLength
  if (name === undefined || name !== byLength) {
    throw new ChanceryError(
      'ERR_SIGNING_INPUT',
      'The hash algorithm does not match the given hash.',
    )
  }
  if (hash.signatureAlgorithm === 'Rsa' && algorithm.startsWith('rsa-')) {
    return { hash: name, rsaPadding: hash.rsaPadding ?? 'pkcs1' }
  }
  if (hash.signatureAlgorithm === 'Ecdsa' && algorithm.startsWith('ecdsa-')) {
    return { hash: name, ecdsaFormat: hash.ecdsaFormat ?? 'ieee-p1363' }
  }
  throw new ChanceryError(
    'ERR_SIGNING_INPUT',
    `expected the signature algorithm of a key of type ${algorithm}, found ${hash.signatureAlgorithm}`,
    { field: 'HashSigningData.SignatureAlgorithm' },
  )
}

function requireSmallMetadata(metadata: unknown): void {
  if (metadata === undefined || JSON.stringify(metadata).length <= MAX_METADATA_CHARACTERS) return
  throw new ChanceryError('ERR_SIGNING_INPUT', 'expected metadata of at most 16 KiB', {
    field: 'HashSigningData.Metadata',
  })
}

function answerOf(request: SigningRequest): { signingRequestId: string; signature: Uint8Array } {
  const [made] = request.body.signatures
  if (made === undefined) throw new Error(`the hash request ${request.id} has no signature`)
  return { signingRequestId: request.id, signature: decodeBase64(made.signature) }
}
