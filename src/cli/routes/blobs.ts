import { buildCommand } from '@stricli/core'
import { argument, explain, JSON_FLAG, requiredText, text, toggle } from '../flags.ts'

const verifyBlob = buildCommand({
  loader: async () => (await import('../commands/verify-blob.ts')).verifyBlob,
  parameters: {
    flags: {
      ...JSON_FLAG,
      bundle: requiredText('The Sigstore bundle of the file', 'FILE'),
      key: text('Public key, PEM', 'FILE'),
      trustedRoot: text('Whom to trust: a trusted_root.json', 'FILE'),
      certificateIdentity: text('Identity in the certificate, exactly'),
      certificateIdentityPattern: text('The same with * for any characters', 'PATTERN'),
      certificateOidcIssuer: text('Issuer of the identity, exactly'),
      certificateOidcIssuerPattern: text('The same with * for any characters', 'PATTERN'),
      useSignedTimestamps: toggle('Require a timestamp of a trusted authority'),
      insecureIgnoreTlog: toggle('Require no entry of a trusted log'),
      insecureIgnoreSct: toggle('Accept that certificate transparency is not checked'),
    },
    positional: {
      kind: 'tuple',
      parameters: [argument('The file that was signed', 'FILE')],
    },
  },
  docs: explain(
    'Verify a file with its Sigstore bundle',
    'Opens no connection. Exit code 0 where the bundle proves that the key, or the identity, signed the file; 1 where it ' +
      'does not. With --trusted-root an entry of a trusted log is required, unless --insecure-ignore-tlog is given.',
    'chancery verify-blob app.tar.gz --bundle app.sigstore.json --key cosign.pub',
    'chancery verify-blob app.tar.gz --bundle app.sigstore.json --trusted-root trusted_root.json ' +
      '--certificate-identity release@acme.example --certificate-oidc-issuer https://login.acme.example',
  ),
})

/** Files with their signatures. */
export const blobRoutes = { verifyBlob }
