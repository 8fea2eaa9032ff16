import { ChanceryError } from '../../errors/chancery-error.ts'
import type { TrustedAuthority, TrustedLog } from '../../format/trusted-root.ts'
import { encodeTrustedRoot } from '../../format/trusted-root-writer.ts'
import type { CertificatePurpose } from '../../verify/certificate-path.ts'
import { trustAuthority, trustLog } from '../../verify/new-trusted-root.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import { loadTrustedRoot } from '../../verify/trusted-root.ts'
import { extractCertificates, MAX_CERTIFICATE_FILE_BYTES } from '../../x509/certificate-file.ts'
import type { CliContext } from '../context.ts'
import {
  aboutFile,
  createUserFile,
  readUserFile,
  requireOtherFiles,
  writeUserFile,
} from '../local-files.ts'
import {
  parseServiceSpecification,
  requireUrl,
  type ServiceSpecification,
} from '../service-specification.ts'

/** The flags of `chancery trusted-root create`; those with services have the form that Cosign gives them. */
export interface TrustedRootFlags {
  readonly certificateChain?: string
  readonly caUri?: string
  readonly fulcio?: readonly string[]
  readonly rekor?: readonly string[]
  readonly ctfe?: readonly string[]
  readonly tsa?: readonly string[]
  readonly out?: string
  readonly yes?: boolean
}

/** `chancery trusted-root create`: the document on stdout, or in a new file. */
export async function createTrustedRoot(this: CliContext, flags: TrustedRootFlags): Promise<void> {
  const own = readOwn(flags)
  const fulcio = (flags.fulcio ?? []).map((one) =>
    parseServiceSpecification(one, 'certificate-chain'),
  )
  const tsa = (flags.tsa ?? []).map((one) => parseServiceSpecification(one, 'certificate-chain'))
  const rekor = (flags.rekor ?? []).map((one) => parseServiceSpecification(one, 'public-key'))
  const ctfe = (flags.ctfe ?? []).map((one) => parseServiceSpecification(one, 'public-key'))
  const services = [...own, ...fulcio, ...tsa, ...rekor, ...ctfe]
  if (services.length === 0) {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      'expected --certificate-chain, or a service with --fulcio, --rekor, --ctfe or --tsa',
    )
  }
  await requireOtherFiles(
    services.map(({ file }) => file),
    [flags.out],
  )
  const bytes = encodeTrustedRoot({
    certificateAuthorities: await readAuthorities([...own, ...fulcio], 'code signing'),
    timestampAuthorities: await readAuthorities(tsa, 'timestamping'),
    logs: await readLogs(rekor),
    certificateLogs: await readLogs(ctfe),
  })
  loadTrustedRoot(bytes)
  if (flags.out === undefined) {
    this.output.raw(bytes)
    return
  }
  await (flags.yes === true ? writeUserFile : createUserFile)(flags.out, bytes)
  this.output.progress(`wrote the trusted root to ${flags.out}`)
}

/** A service, or an authority that has no address. */
type NamedService = Omit<ServiceSpecification, 'url'> & { readonly url: string | undefined }

function readOwn({ certificateChain, caUri }: TrustedRootFlags): readonly NamedService[] {
  const url = caUri === undefined ? undefined : requireUrl(caUri)
  if (certificateChain !== undefined) {
    return [{ url, file: certificateChain, validFor: { start: undefined, end: undefined } }]
  }
  if (url === undefined) return []
  throw new ChanceryError('ERR_CLI_USAGE', 'expected --ca-uri with --certificate-chain')
}

async function readAuthorities(
  services: readonly NamedService[],
  purpose: CertificatePurpose,
): Promise<readonly TrustedAuthority[]> {
  const authorities: TrustedAuthority[] = []
  for (const { url, file, validFor } of services) {
    const bytes = await readUserFile(file, MAX_CERTIFICATE_FILE_BYTES)
    const authority = await aboutFile(file, () =>
      trustAuthority(extractCertificates(bytes), purpose, { uri: url, validFor }),
    )
    authorities.push(authority)
  }
  return authorities
}

async function readLogs(services: readonly ServiceSpecification[]): Promise<readonly TrustedLog[]> {
  const logs: TrustedLog[] = []
  for (const { url, file, validFor, origin } of services) {
    const bytes = await readUserFile(file, MAX_CERTIFICATE_FILE_BYTES)
    const publicKey = await aboutFile(file, () => readPublicKeyFile(bytes))
    logs.push(trustLog(publicKey, { baseUrl: url, validFor, origin }))
  }
  return logs
}
