import { encodeBase64 } from '../../format/base64.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { attachSignature } from '../../registry/attach-signature.ts'
import { resolveImage } from '../../registry/resolve-image.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import { decodeSignature } from '../../verify/simple-signing-signature.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { readUserFile } from '../local-files.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery attach signature`. */
export interface AttachSignatureFlags extends RegistryFlags, JsonFlag {
  readonly payload: string
  readonly signature: string
  readonly certificate?: string
  readonly certificateChain?: string
  readonly key?: string
}

const MAX_FILE_BYTES = 1024 * 1024

/** `chancery attach signature`: says on stderr what became of it. */
export async function attach(
  this: CliContext,
  flags: AttachSignatureFlags,
  image: string,
): Promise<void> {
  const reference = parseReference(image)
  const payload = await readUserFile(flags.payload, MAX_FILE_BYTES)
  const signature = readSignature(await readUserFile(flags.signature, MAX_FILE_BYTES))
  const certificate = await readText(flags.certificate)
  const certificateChain = await readText(flags.certificateChain)
  const publicKey =
    flags.key === undefined
      ? undefined
      : readPublicKeyFile(await readUserFile(flags.key, MAX_FILE_BYTES))
  const signal = AbortSignal.timeout(flags.timeout)
  using client = await openRegistryClient(this, flags)
  const resolved = await resolveImage(client, reference, signal)
  const { tag, outcome, signatures } = await attachSignature(
    client,
    resolved,
    { payload, signature, certificate, certificateChain },
    { signal, ...(publicKey === undefined ? {} : { publicKey }) },
  )
  const name = referenceContext(reference)
  this.output.progress(
    outcome === 'attached'
      ? `Attached the signature to ${name}@${resolved.digest}; it has ${signatures} now.`
      : `${name}@${resolved.digest} has this signature already.`,
  )
  const document = {
    image: `${name}@${resolved.digest}`,
    tag: `${name}:${tag}`,
    outcome,
    signatures,
  }
  this.output.result(flags.json, document, () => '')
}

/**
 * The signature in base64 on one line, from a file with base64 text, wrapped or not, or with the signature itself, as it
 * comes out of the signed ZIP.
 */
function readSignature(file: Uint8Array): string {
  const text = Buffer.from(file).toString('latin1')
  const isBase64Text = /^[A-Za-z0-9+/=\s]+$/.test(text)
  return encodeBase64(isBase64Text ? decodeSignature(text) : file)
}

async function readText(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  return Buffer.from(await readUserFile(path, MAX_FILE_BYTES)).toString('utf8')
}
