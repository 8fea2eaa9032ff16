import { buildCommand, buildRouteMap } from '@stricli/core'
import { argument, explain, JSON_FLAG, requiredText, text, texts, toggle } from '../flags.ts'
import { REGISTRY_FLAGS } from '../registry-access.ts'

const IMAGE = {
  kind: 'tuple',
  parameters: [argument('Image, by tag or better by digest', 'IMAGE')],
} as const

const generate = buildCommand({
  loader: async () => (await import('../commands/generate.ts')).generate,
  parameters: {
    flags: {
      ...REGISTRY_FLAGS,
      annotations: texts('Annotation to be signed; may be given several times', 'NAME=VALUE'),
    },
    aliases: { a: 'annotations' },
    positional: IMAGE,
  },
  docs: explain(
    'Print the metadata of an image that is to be signed',
    `Prints the Cosign metadata file (simple signing payload), byte for byte what \`cosign generate\` prints. A tag is
looked up in the registry; an image given by digest needs none.`,
    'chancery generate registry.example.com/app:1.0 > payload.json',
    'chancery generate -a build=42 -a env=prod registry.example.com/app@sha256:... > payload.json',
  ),
})

const attachSignature = buildCommand({
  loader: async () => (await import('../commands/attach-signature.ts')).attach,
  parameters: {
    flags: {
      ...REGISTRY_FLAGS,
      ...JSON_FLAG,
      payload: requiredText('The metadata file that was signed', 'FILE'),
      signature: requiredText('The signature: base64, or the bytes themselves', 'FILE'),
      certificate: text('PEM certificate of the key', 'FILE'),
      certificateChain: text('PEM certificates above it, the root last', 'FILE'),
      key: text('Public key or certificate: verify the signature before it is attached', 'FILE'),
    },
    positional: IMAGE,
  },
  docs: explain(
    'Attach a signature to an image',
    `Stores the signature beside the image in its registry, where cosign, podman and skopeo look for it. Signatures that
are there stay, also when others attach theirs at the same time; the same signature is not attached twice.`,
    'chancery attach signature --payload payload.json --signature payload.json.sig registry.example.com/app@sha256:...',
  ),
})

const attach = buildRouteMap({
  routes: { signature: attachSignature },
  docs: { brief: 'Attach what was signed to an image' },
})

const verify = buildCommand({
  loader: async () => (await import('../commands/verify.ts')).verify,
  parameters: {
    flags: {
      ...REGISTRY_FLAGS,
      ...JSON_FLAG,
      key: requiredText('Public key (PEM) or certificate of the signer', 'FILE'),
      annotations: texts('Annotation that must have been signed', 'NAME=VALUE'),
      allowIdentity: texts('Another repository that the image may have been signed as', 'NAME'),
      output: {
        kind: 'enum',
        values: ['json', 'text'],
        optional: true,
        brief: 'json prints the signed payloads on stdout',
      },
      insecureIgnoreTlog: toggle("Cosign's flag: a signature with a key needs no log here"),
    },
    aliases: { a: 'annotations', o: 'output' },
    positional: {
      kind: 'array',
      parameter: argument('Images', 'IMAGE'),
      minimum: 1,
    },
  },
  docs: explain(
    'Verify the signatures of images',
    `Succeeds if each image has a signature of the key over its digest, made for its repository. Exit code 1 says that
there is no such signature, 6 that the registry could not be asked.`,
    'chancery verify --key release.pub registry.example.com/app:1.0',
    'chancery verify --key release.pub -a env=prod --json registry.example.com/app@sha256:... | jq',
  ),
})

const triangulate = buildCommand({
  loader: async () => (await import('../commands/triangulate.ts')).triangulate,
  parameters: { flags: { ...REGISTRY_FLAGS, ...JSON_FLAG }, positional: IMAGE },
  docs: explain(
    'Show where the signatures of an image are',
    'Prints the tag beside the image that holds its signatures, whether there are any or not.',
    'chancery triangulate registry.example.com/app:1.0',
  ),
})

/** Images and their signatures in registries. */
export const imageRoutes = { generate, attach, verify, triangulate }
