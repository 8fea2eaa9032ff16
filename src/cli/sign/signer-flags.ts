import { parseDuration, SERVER_FLAGS, text, texts, toggle, valued } from '../flags.ts'

/** The flags of every command that signs: by a server under a signing policy, or with the key of a file. */
export const SIGNER_FLAGS = {
  ...SERVER_FLAGS,
  project: text('Project', 'SLUG'),
  signingPolicy: text('Signing policy', 'SLUG'),
  key: text('Sign with this cosign.key instead, without a server', 'FILE'),
  artifactConfiguration: text("Artifact configuration; the project's default where absent", 'SLUG'),
  description: text('For the people who look at the request'),
  parameter: texts('User-defined parameter; may be given several times', 'NAME=VALUE'),
  wait: { kind: 'boolean', default: true, brief: 'Wait for the signature' },
  timeout: {
    kind: 'parsed',
    parse: parseDuration,
    default: '10m',
    brief: valued('DURATION', 'How long the whole command may take, as 90s, 10m or 2h'),
    placeholder: 'DURATION',
  },
  certificate: text('With --key: attach its certificate, PEM', 'FILE'),
  certificateChain: text('With --certificate: those above it, PEM', 'FILE'),
  attachCertificate: toggle(
    "Attach the signing policy's certificate, for verifiers without the key",
  ),
  yes: toggle('Accepted as cosign has it; nothing is asked here'),
  tlogUpload: {
    kind: 'boolean',
    optional: true,
    brief: 'Accepted as cosign has it, if false: there is no log to upload to',
  },
  useSigningConfig: {
    kind: 'boolean',
    optional: true,
    brief: 'Accepted as cosign has it, if false: no services of Sigstore are used',
  },
} as const
