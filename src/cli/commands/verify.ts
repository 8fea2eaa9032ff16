import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { SIMPLE_SIGNING_TYPE, type SimpleSigningPayload } from '../../format/simple-signing.ts'
import { verifyImage, type ImageVerification } from '../../registry/verify-image.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { readUserFile } from '../local-files.ts'
import type { Output } from '../output.ts'
import { openRegistryClient, type RegistryFlags } from '../registry-access.ts'

/** The flags of `chancery verify`. */
export interface VerifyFlags extends RegistryFlags, JsonFlag {
  readonly key: string
  readonly annotations?: readonly string[]
  readonly allowIdentity?: readonly string[]
  readonly output?: 'json' | 'text'
  /** Cosign's flag; verification with a key looks nothing up in a log here, whether it is given or not. */
  readonly insecureIgnoreTlog?: boolean
}

const MAX_KEY_BYTES = 256 * 1024

/**
 * `chancery verify`: for each image, what was accepted and why the rest was not on stderr; with `--json` or
 * `--output json` the accepted payloads as an array on stdout, as Cosign prints them.
 *
 * All images are tried; if one fails, its error is the outcome.
 */
export async function verify(
  this: CliContext,
  flags: VerifyFlags,
  ...images: readonly string[]
): Promise<void> {
  const publicKey = readPublicKeyFile(await readUserFile(flags.key, MAX_KEY_BYTES))
  const annotations = parseAnnotations(flags.annotations ?? [])
  const allowedIdentities = flags.allowIdentity ?? []
  for (const identity of allowedIdentities) parseReference(identity)
  const references = images.map(parseReference)
  const signal = AbortSignal.timeout(flags.timeout)
  using client = await openRegistryClient(flags)
  const payloads: object[] = []
  const failures: ChanceryError[] = []
  for (const [index, reference] of references.entries()) {
    try {
      const requirements = { publicKey, annotations, allowedIdentities, signal }
      const verification = await verifyImage(client, reference, requirements)
      report(this.output, verification, flags.key)
      payloads.push(...verification.verified.map(({ payload }) => printPayload(payload)))
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error
      failures.push(error)
      if (references.length > 1)
        this.output.progress(`FAILED ${images[index] ?? ''}: ${error.message}`)
    }
  }
  const [failure] = failures
  if (failure !== undefined) throw failure
  const isJson = flags.json === true || flags.output === 'json'
  this.output.result(isJson, payloads, () => '')
}

function report(
  output: Output,
  { image, verified, refused }: ImageVerification,
  key: string,
): void {
  output.progress(`Verified ${referenceContext(image.repository)}@${image.digest}`)
  const signatures = verified.length === 1 ? '1 signature' : `${verified.length} signatures`
  output.progress(`  ${signatures} made with ${key}, over this digest and this repository`)
  for (const { payload } of verified) {
    for (const [name, value] of Object.entries(payload.annotations ?? {})) {
      output.progress(`  annotation ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    }
  }
  for (const { index, error } of refused) {
    output.progress(`  not accepted, signature ${index + 1}: ${error.message} (${error.code})`)
  }
}

function printPayload({
  dockerReference,
  manifestDigest,
  annotations,
}: SimpleSigningPayload): object {
  return {
    critical: {
      identity: { 'docker-reference': dockerReference },
      image: { 'docker-manifest-digest': manifestDigest },
      type: SIMPLE_SIGNING_TYPE,
    },
    optional: annotations,
  }
}
