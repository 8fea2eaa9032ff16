import { buildCommand, buildRouteMap } from '@stricli/core'
import { PREDICATE_TYPES } from '../../format/predicate-type.ts'
import { SIGNATURE_FORMATS } from '../../policy/signature-format.ts'
import {
  argument,
  explain,
  JSON_FLAG,
  text,
  texts,
  toggle,
  WORKERS_FLAG,
  valued,
} from '../flags.ts'
import { READS_MIRRORS, REGISTRY_FLAGS } from '../registry-flags.ts'
import { SIGNER_FLAGS } from '../sign/signer-flags.ts'
import { SIGNATURE_FLAGS, TRUST_FLAGS } from '../trust-flags.ts'

const IMAGE = { kind: 'tuple', parameters: [argument('Image, by tag or digest', 'IMAGE')] } as const
const IMAGES = {
  kind: 'array',
  parameter: argument('Image, by tag or digest', 'IMAGE'),
  minimum: 1,
} as const
const FORMAT_FLAGS = {
  signatureFormat: {
    kind: 'enum',
    values: [...SIGNATURE_FORMATS, 'both'],
    optional: true,
    brief: 'legacy (tag), bundle (referrer) or both; what the signer allows where absent',
  },
  newBundleFormat: {
    kind: 'boolean',
    optional: true,
    brief: "Cosign's name for --signature-format: bundle; false: legacy",
  },
} as const
const ANNOTATIONS = texts('Annotation; may be given several times', 'NAME=VALUE')

const generate = buildCommand({
  loader: async () => (await import('../commands/generate.ts')).generate,
  parameters: {
    flags: {
      ...REGISTRY_FLAGS,
      annotations: ANNOTATIONS,
      statement: toggle('Print the statement of a Sigstore bundle instead'),
      pae: toggle('Print what a bundle signs instead: the statement in its DSSE encoding'),
    },
    aliases: { a: 'annotations' },
    positional: IMAGE,
  },
  docs: explain(
    'Print what is signed for an image',
    `Prints the metadata file, byte for byte as \`cosign generate\` does, or the statement of a Sigstore bundle. A signature of
what --pae prints is one over the statement. A tag is resolved to its digest.`,
    'chancery generate registry.example.com/app:1.0 > payload.json',
    'chancery generate --pae registry.example.com/app:1.0 > statement.pae',
    'chancery generate -a build=42 -a branch=main registry.example.com/app@sha256:0a1b... > payload.json',
  ),
})

const sign = buildCommand({
  loader: async () => (await import('../commands/sign.ts')).sign,
  parameters: {
    flags: {
      ...REGISTRY_FLAGS,
      ...SIGNER_FLAGS,
      annotations: ANNOTATIONS,
      recursive: toggle('With an index, also every image that it lists'),
      force: toggle('Sign what has this signature already, too'),
      publish: { kind: 'boolean', default: true, brief: 'Attach the signature to the image' },
      outputPayload: text('Write the metadata file to a file', 'FILE'),
      outputSignature: text('Write the signature to a file, in base64', 'FILE'),
      outputCertificate: text('Write the attached certificate to a file, PEM', 'FILE'),
      bundle: text('Write the Sigstore bundle to a file', 'FILE'),
      ...FORMAT_FLAGS,
      ...WORKERS_FLAG,
    },
    aliases: { a: 'annotations', r: 'recursive', y: 'yes' },
    positional: IMAGES,
  },
  docs: explain(
    'Sign images and attach the signatures',
    `Looks each image up once, has all of them signed in one signing request (or with --key), attaches the signatures, reads
them back and verifies them. What is signed already is left as it is, and the same command again goes on where it was
interrupted. Each image gets a signature under its .sig tag, for every cosign, podman and skopeo, and a Sigstore bundle as a
referrer, for cosign 3 and later. A certificate is attached only when asked for: \`cosign verify --key\` refuses a signature
whose attached certificate has expired. Exit code 1 where the request was denied, failed or was canceled; 6 where it is not finished in time.`,
    'chancery sign registry.example.com/app:1.0 --project demo-app --signing-policy release-signing',
    'chancery sign -r -a build=42 registry.example.com/app:1.0 --project demo-app --signing-policy release-signing',
    'chancery sign --key cosign.key registry.example.com/app@sha256:0a1b...',
    'chancery sign --key cosign.key --signature-format bundle --bundle app.sigstore.json registry.example.com/app:1.0',
  ),
})

const attest = buildCommand({
  loader: async () => (await import('../commands/attest.ts')).attest,
  parameters: {
    flags: {
      ...REGISTRY_FLAGS,
      ...SIGNER_FLAGS,
      predicate: text('What is attested; - is standard input', 'FILE'),
      type: text(`What it is: ${Object.keys(PREDICATE_TYPES).join(', ')}, or a URI`, 'TYPE'),
      statement: text('A ready in-toto statement about the image instead', 'FILE'),
      recursive: toggle('With an index, also every image that it lists'),
      force: toggle('Attest what is attested already, too'),
      replace: toggle('Remove earlier attestations of this type by this key'),
      publish: { kind: 'boolean', default: true, brief: 'Attach the attestation to the image' },
      noUpload: toggle("Cosign's name for --no-publish"),
      bundle: text('Write the Sigstore bundle to a file', 'FILE'),
      outputAttestation: text('Write the DSSE envelope to a file', 'FILE'),
      ...FORMAT_FLAGS,
      ...WORKERS_FLAG,
    },
    aliases: { r: 'recursive', y: 'yes' },
    positional: IMAGES,
  },
  docs: explain(
    'Attest something about images',
    `Makes an in-toto statement of the predicate about each image, has all of them signed in one signing request (or with
--key), attaches them under the .att tag, for cosign up to 3, and as Sigstore bundles, for cosign 3 and later, reads them back
and verifies them. The signing policy has to allow the images and the predicate type. The predicate is signed byte for byte;
one of the type custom, which is any text, gets the time when it was first said. What is attested already is left as it is.`,
    'chancery attest --type spdxjson --predicate sbom.json registry.example.com/app:1.0 --project app --signing-policy release',
    'chancery attest --type https://acme.example/tested/v1 --predicate tests.json --key cosign.key registry.example.com/app:1.0',
    'chancery attest --statement provenance.json --replace --key cosign.key registry.example.com/app@sha256:0a1b...',
  ),
})

const attachSignature = buildCommand({
  loader: async () => (await import('../commands/attach-signature.ts')).attach,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      payload: text('What was signed: the metadata file, or what generate --pae printed', 'FILE'),
      signature: text('Its signature, in base64 or as it is', 'FILE'),
      bundle: text('A Sigstore bundle instead of payload and signature', 'FILE'),
      certificate: text('The certificate of the key, PEM', 'FILE'),
      certificateChain: text('The chain of the certificate, PEM', 'FILE'),
      key: text('Public key, PEM: attach only what it verifies', 'FILE'),
    },
    positional: IMAGE,
  },
  docs: explain(
    'Attach a signature to an image in its registry',
    'Adds the signature to those the image has; attaching the same one again changes nothing.\n' +
      'A bundle, or a signature of what `chancery generate --pae` prints, becomes a referrer.',
    'chancery attach signature --payload payload.json --signature payload.sig registry.example.com/app:1.0',
    'chancery attach signature --bundle app.sigstore.json registry.example.com/app:1.0',
  ),
})

const attachAttestation = buildCommand({
  loader: async () => (await import('../commands/attach-attestation.ts')).attachAttestations,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      attestation: {
        kind: 'parsed',
        parse: String,
        variadic: true,
        brief: valued(
          'FILE',
          'DSSE envelope or Sigstore bundle, or one on each line; may be given several times',
        ),
        placeholder: 'FILE',
      },
      key: text('Public key, PEM: attach only what it verifies', 'FILE'),
    },
    positional: IMAGE,
  },
  docs: explain(
    'Attach attestations to an image in its registry',
    `Puts envelopes under the .att tag, and bundles beside the image as referrers, byte for byte. All of them have to be about
the image; attaching the same one again changes nothing. Takes what \`chancery download attestation\` prints.`,
    'chancery attach attestation --attestation provenance.dsse.json registry.example.com/app:1.0',
    'chancery attach attestation --attestation app.sigstore.json --key builder.pub registry.example.com/app:1.0',
  ),
})

const attach = buildRouteMap({
  routes: { signature: attachSignature, attestation: attachAttestation },
  docs: explain(
    'Attach things to an image',
    'Puts what was made elsewhere beside an image.',
    'chancery attach signature --payload payload.json --signature payload.sig registry.example.com/app:1.0',
  ),
})

const verify = buildCommand({
  loader: async () => (await import('../commands/verify.ts')).verify,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      ...TRUST_FLAGS,
      ...SIGNATURE_FLAGS,
      annotations: texts('Annotation that a signature must have', 'NAME=VALUE'),
      all: toggle('Look at bundles also where another signature suffices'),
      output: {
        kind: 'enum',
        values: ['json', 'sarif', 'text'],
        optional: true,
        brief: 'json: what was signed, as cosign prints it; sarif: what is not accepted',
      },
      recursive: toggle('With an index, also every image that it lists: all have to be signed'),
      ...WORKERS_FLAG,
      offline: toggle('Accepted as cosign has it; nobody but the registry is asked anyway'),
    },
    aliases: { a: 'annotations', o: 'output', r: 'recursive' },
    positional: IMAGES,
  },
  docs: explain(
    'Verify the signatures of images',
    `Reads signatures of both formats, those under cosign's tag and Sigstore bundles, and opens no connection but to the
registry. Exit code 0 where every image has a signature of the key, or of the identity, over its digest and repository; 1
where one has none. With --trusted-root an entry of a trusted log is required, unless --insecure-ignore-tlog is given;
the certificate then has to be valid today, or at the time of a trusted timestamp. ${READS_MIRRORS}`,
    'chancery verify --key release.pub registry.example.com/app:1.0',
    'chancery verify --key release.pub -a build=42 --json registry.example.com/app:1.0',
    'chancery verify --key release.pub --recursive registry.example.com/app:1.0',
    'chancery verify --key release.pub --local-image app.tar:1.0',
    'chancery verify --trusted-root trusted_root.json --certificate-identity release@acme.example ' +
      '--certificate-oidc-issuer https://login.acme.example registry.example.com/app:1.0',
  ),
})

const verifyAttestation = buildCommand({
  loader: async () => (await import('../commands/verify-attestation.ts')).verifyAttestation,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      ...TRUST_FLAGS,
      ...SIGNATURE_FLAGS,
      type: {
        kind: 'parsed',
        parse: String,
        default: 'custom',
        brief: valued('TYPE', 'Type of the attestation, a URI, or a short name as cosign has them'),
        placeholder: 'TYPE',
      },
      policy: texts('JSON Schema (2020-12) of the statement, in JSON or YAML; all count', 'FILE'),
      recursive: toggle('With an index, also every image that it lists'),
      ...WORKERS_FLAG,
      offline: toggle('Accepted as cosign has it; nobody but the registry is asked anyway'),
    },
    aliases: { r: 'recursive' },
    positional: IMAGES,
  },
  docs: explain(
    'Verify the attestations of images',
    `Reads attestations of both formats and prints the envelopes of those that are accepted, one on each line. Exit code 0
where every image has an attestation of this type, by the key or the identity, about its digest and repository; 1 where one
has none. What the attestation says is judged by --policy: one attestation has to satisfy all of them.
${READS_MIRRORS}`,
    'chancery verify-attestation --key release.pub --type slsaprovenance1 registry.example.com/app:1.0',
    'chancery verify-attestation --key release.pub --type slsaprovenance1 --policy builder.yaml registry.example.com/app:1.0',
    'chancery verify-attestation --key release.pub --type spdxjson registry.example.com/app:1.0 | jq -r .payload | base64 -d',
  ),
})

const triangulate = buildCommand({
  loader: async () => (await import('../commands/triangulate.ts')).triangulate,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      type: {
        kind: 'enum',
        values: ['signature', 'attestation', 'sbom', 'digest'],
        default: 'signature',
        brief: 'What is looked for; digest: the image itself',
      },
    },
    positional: IMAGE,
  },
  docs: explain(
    'Print where the signatures of an image are',
    `Prints the tag under which signatures of an image are kept, or attestations, whether there are any or not. Sigstore bundles
are no tags but referrers: \`chancery tree\` lists them.`,
    'chancery triangulate registry.example.com/app:1.0',
    'chancery triangulate --type attestation registry.example.com/app:1.0',
    'chancery triangulate --type digest registry.example.com/app:1.0',
  ),
})

/** Images in registries. */
export const imageRoutes = {
  sign,
  attest,
  generate,
  attach,
  verify,
  verifyAttestation,
  triangulate,
}
