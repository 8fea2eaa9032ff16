import { buildCommand } from '@stricli/core'
import { argument, explain, JSON_FLAG, requiredText } from '../flags.ts'
import { TRUST_FLAGS } from '../trust-flags.ts'

const verifyBlob = buildCommand({
  loader: async () => (await import('../commands/verify-blob.ts')).verifyBlob,
  parameters: {
    flags: {
      ...JSON_FLAG,
      bundle: requiredText('The Sigstore bundle of the file', 'FILE'),
      ...TRUST_FLAGS,
    },
    positional: {
      kind: 'tuple',
      parameters: [argument('The file that was signed', 'FILE')],
    },
  },
  docs: explain(
    'Verify a file with its Sigstore bundle',
    'Opens no connection. Exit code 0 where the bundle proves that the key, or the identity, signed the file; 1 where it ' +
      'does not. With --trusted-root an entry of a trusted log is required, unless --insecure-ignore-tlog is given, and of the ' +
      'certificate a timestamp of one of the CT logs that it names (ctlogs), unless --insecure-ignore-sct is given.',
    'chancery verify-blob app.tar.gz --bundle app.sigstore.json --key cosign.pub',
    'chancery verify-blob app.tar.gz --bundle app.sigstore.json --trusted-root trusted_root.json ' +
      '--certificate-identity release@acme.example --certificate-oidc-issuer https://login.acme.example',
  ),
})

/** Files with their signatures. */
export const blobRoutes = { verifyBlob }
