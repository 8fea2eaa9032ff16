import { ChanceryError } from '../../errors/chancery-error.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { Deadline } from '../deadline.ts'
import { parseAssignments, type ServerFlags } from '../flags.ts'
import { openKeyFile } from '../key-passwords.ts'
import { createKeySigner, type CertificateFiles } from './key-signer.ts'
import type { MessageSigner } from './message-signer.ts'
import { createServerSigner } from './server-signer.ts'

/** The flags that say who signs, and how long to wait for it. */
export interface SignerFlags extends ServerFlags, CertificateFiles {
  readonly project?: string
  readonly signingPolicy?: string
  readonly key?: string
  readonly artifactConfiguration?: string
  readonly description?: string
  readonly parameter?: readonly string[]
  readonly attachCertificate?: boolean
  readonly force?: boolean
  readonly wait: boolean
  /** Milliseconds. */
  readonly timeout: number
  /** Cosign's flag: nothing is asked here. */
  readonly yes?: boolean
  /** Cosign's flag; only `false` is possible. */
  readonly tlogUpload?: boolean
  /** Cosign's flag; only `false` is possible. */
  readonly useSigningConfig?: boolean
}

/**
 * Opens the key of a file, or a signing policy of a server.
 *
 * @param command What is run again to go on with a request, for messages: `sign`.
 * @param deadline Until when the server is waited for.
 * @throws ChanceryError ERR_CLI_USAGE if neither is named.
 */
export async function openSigner(
  context: CliContext,
  flags: SignerFlags,
  command: string,
  deadline: Deadline,
): Promise<MessageSigner> {
  const { key, project, signingPolicy } = flags
  if (key !== undefined)
    return createKeySigner(context, await openKeyFile(context, key), key, flags)
  if (project === undefined || signingPolicy === undefined) {
    throw usage('expected --project and --signing-policy, or --key')
  }
  const client = await connect(context, flags, { signal: deadline.signal })
  return createServerSigner(context, client, {
    project,
    signingPolicy,
    artifactConfiguration: flags.artifactConfiguration,
    description: flags.description,
    parameters: parseAssignments(flags.parameter ?? []),
    wait: flags.wait,
    deadline,
    command,
    force: flags.force ?? false,
  })
}

/** @throws ChanceryError ERR_CLI_USAGE if flags for a key and for a server are mixed. */
export function requireOneSigner(flags: SignerFlags): void {
  if (flags.tlogUpload === true) {
    throw usage('there is no transparency log to upload to', 'Leave out --tlog-upload.')
  }
  if (flags.useSigningConfig === true) {
    throw usage('no services of Sigstore are used', 'Leave out --use-signing-config.')
  }
  const { certificate, certificateChain, attachCertificate } = flags
  if (flags.key === undefined) {
    if (certificate === undefined && certificateChain === undefined) return
    throw usage(
      'expected --certificate and --certificate-chain with --key only',
      'The certificate of the signing policy is attached with --attach-certificate.',
    )
  }
  const forServer = [flags.project, flags.signingPolicy, flags.artifactConfiguration]
  const others = [flags.description, flags.parameter, attachCertificate]
  if ([...forServer, ...others].some((value) => value !== undefined)) {
    throw usage(
      'expected --key alone, or what the server needs',
      'A key in a file needs no server.',
    )
  }
  if (certificateChain !== undefined && certificate === undefined) {
    throw usage('expected --certificate with --certificate-chain')
  }
}

function usage(message: string, ...hints: readonly string[]): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}
