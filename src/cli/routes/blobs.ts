import { buildCommand } from '@stricli/core'
import { argument, explain, JSON_FLAG, text, toggle } from '../flags.ts'
import { SIGNER_FLAGS } from '../sign/signer-flags.ts'
import { TRUST_FLAGS } from '../trust-flags.ts'

const verifyBlob = buildCommand({
  loader: async () => (await import('../commands/verify-blob.ts')).verifyBlob,
  parameters: {
    flags: {
      ...JSON_FLAG,
      bundle: text('The Sigstore bundle of the file', 'FILE'),
      signature: text('Its signature alone instead, in base64 or as it is; with --key', 'FILE'),
      ...TRUST_FLAGS,
    },
    positional: {
      kind: 'tuple',
      parameters: [argument('The file that was signed; - is standard input', 'FILE')],
    },
  },
  docs: explain(
    'Verify a file with its Sigstore bundle or its signature',
    'Opens no connection. Exit code 0 where it is proven that the key, or the identity, signed the file; 1 where it is ' +
      'not. With --trusted-root an entry of a trusted log is required, unless --insecure-ignore-tlog is given, and of the ' +
      'certificate a timestamp of one of the CT logs that it names (ctlogs), unless --insecure-ignore-sct is given.',
    'chancery verify-blob app.tar.gz --bundle app.sigstore.json --key cosign.pub',
    'chancery verify-blob app.tar.gz --signature app.tar.gz.sig --key cosign.pub',
    'chancery verify-blob app.tar.gz --bundle app.sigstore.json --trusted-root trusted_root.json ' +
      '--certificate-identity release@acme.example --certificate-oidc-issuer https://login.acme.example',
  ),
})

const signBlob = buildCommand({
  loader: async () => (await import('../commands/sign-blob.ts')).signBlob,
  parameters: {
    flags: {
      ...SIGNER_FLAGS,
      bundle: text('Write a Sigstore bundle to a file', 'FILE'),
      outputSignature: text('Write the signature to a file, in base64', 'FILE'),
      outputCertificate: text("Write the certificate of the server's key to a file, PEM", 'FILE'),
      b64: {
        kind: 'boolean',
        default: true,
        brief: 'The signature in base64; else as it is',
      },
      hashOnly: toggle('Have the hash signed, where the policy allows that; the file stays here'),
      newBundleFormat: {
        kind: 'boolean',
        optional: true,
        brief: 'Accepted as cosign has it: --bundle writes the new format, and no other',
      },
    },
    aliases: { y: 'yes' },
    positional: {
      kind: 'tuple',
      parameters: [argument('The file to sign; - is standard input', 'FILE')],
    },
  },
  docs: explain(
    'Sign a file',
    `Submits the file to a server, whose policy has to allow files that are no image metadata, or signs it with --key. Verifies
the signature before it writes anything. Without --bundle and --output-signature the signature goes to stdout, in base64.
A file of more than 512 MiB (with --key or --hash-only: 1 GiB) is refused; servers may take less.`,
    'chancery sign-blob --key cosign.key --bundle app.sigstore.json app.tar.gz',
    'chancery sign-blob --key cosign.key --output-signature app.tar.gz.sig app.tar.gz',
    'chancery sign-blob --project tools --signing-policy release-files --bundle app.sigstore.json app.tar.gz',
    'tar c dist | chancery sign-blob --key cosign.key - > dist.tar.sig',
  ),
})

/** Files with their signatures. */
export const blobRoutes = { signBlob, verifyBlob }
