import { ChanceryError } from '../errors/chancery-error.ts'
import { text, texts, toggle } from './flags.ts'

/** The flags of every command that verifies: whom to trust, and what to require. The names are Cosign's where it has them. */
export const TRUST_FLAGS = {
  key: text('Public key or certificate of the signer, PEM', 'FILE'),
  trustedRoot: text('Whom to trust: a trusted_root.json', 'FILE'),
  caRoots: text('Roots of an own authority, PEM', 'FILE'),
  caIntermediates: text('Certificates between them and the signers, PEM', 'FILE'),
  certificateChain: text('Both in one file, the root last, PEM', 'FILE'),
  certificate: text('The one certificate that may have signed, PEM', 'FILE'),
  timestampCertificateChain: text('A timestamp authority of an own authority, PEM', 'FILE'),
  certificateIdentity: text('Identity in the certificate, exactly'),
  certificateIdentityPattern: text('The same with * for any characters', 'PATTERN'),
  certificateOidcIssuer: text('Issuer of the identity, exactly'),
  certificateOidcIssuerPattern: text('The same with * for any characters', 'PATTERN'),
  certificateIdentityRegexp: replaced('certificate-identity-pattern'),
  certificateOidcIssuerRegexp: replaced('certificate-oidc-issuer-pattern'),
  certificateGithubWorkflowTrigger: text('Event of the GitHub workflow, exactly'),
  certificateGithubWorkflowSha: text('Commit of the GitHub workflow, exactly'),
  certificateGithubWorkflowName: text('Name of the GitHub workflow, exactly'),
  certificateGithubWorkflowRepository: text('Repository of the GitHub workflow, exactly'),
  certificateGithubWorkflowRef: text('Branch or tag of the GitHub workflow, exactly'),
  useSignedTimestamps: toggle('Require a timestamp of a trusted authority'),
  insecureIgnoreTlog: toggle('Require no entry of a trusted log'),
  insecureIgnoreSct: toggle('Require no timestamp (SCT) of a trusted CT log'),
} as const

/** The flags, besides those, of every command that judges what is attached to images. */
export const SIGNATURE_FLAGS = {
  allowIdentity: texts('Another repository that a signature may name', 'IMAGE'),
  requireIdentity: toggle('Accept nothing that does not name the repository'),
  localImage: toggle(
    'IMAGE is a directory or tar archive, as save writes it, PATH[:NAME|@DIGEST]; no connection',
  ),
} as const

/** The values of {@link TRUST_FLAGS}. */
export interface TrustFlags {
  readonly key?: string
  readonly trustedRoot?: string
  readonly caRoots?: string
  readonly caIntermediates?: string
  readonly certificateChain?: string
  readonly certificate?: string
  readonly timestampCertificateChain?: string
  readonly certificateIdentity?: string
  readonly certificateIdentityPattern?: string
  readonly certificateOidcIssuer?: string
  readonly certificateOidcIssuerPattern?: string
  readonly certificateIdentityRegexp?: string
  readonly certificateOidcIssuerRegexp?: string
  readonly certificateGithubWorkflowTrigger?: string
  readonly certificateGithubWorkflowSha?: string
  readonly certificateGithubWorkflowName?: string
  readonly certificateGithubWorkflowRepository?: string
  readonly certificateGithubWorkflowRef?: string
  readonly useSignedTimestamps?: boolean
  readonly insecureIgnoreTlog?: boolean
  readonly insecureIgnoreSct?: boolean
}

/** A flag of Cosign that is refused with what to say instead. */
function replaced(instead: string): {
  kind: 'parsed'
  parse: (input: string) => string
  optional: true
  hidden: true
  brief: string
  placeholder: string
} {
  return {
    kind: 'parsed',
    parse: () => {
      throw new ChanceryError(
        'ERR_CLI_USAGE',
        'regular expressions are not read: one that is not anchored also matches what it was not meant for',
        { hints: [`Say --${instead}, in which * stands for any characters, from end to end.`] },
      )
    },
    optional: true,
    hidden: true,
    brief: `Not here: see --${instead}`,
    placeholder: 'REGEXP',
  }
}
