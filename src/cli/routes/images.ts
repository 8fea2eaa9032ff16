import { buildCommand, buildRouteMap } from '@stricli/core'
import { argument, explain, JSON_FLAG, requiredText, text, texts, toggle } from '../flags.ts'
import { REGISTRY_FLAGS } from '../registry-access.ts'

const IMAGE = { kind: 'tuple', parameters: [argument('Image, by tag or digest', 'IMAGE')] } as const
const ANNOTATIONS = texts('Annotation; may be given several times', 'NAME=VALUE')

const generate = buildCommand({
  loader: async () => (await import('../commands/generate.ts')).generate,
  parameters: {
    flags: { ...REGISTRY_FLAGS, annotations: ANNOTATIONS },
    aliases: { a: 'annotations' },
    positional: IMAGE,
  },
  docs: explain(
    'Print the metadata file of an image',
    'Prints what is signed for an image, byte for byte as `cosign generate` does. A tag is resolved to its digest.',
    'chancery generate registry.example.com/app:1.0 > payload.json',
    'chancery generate -a build=42 -a branch=main registry.example.com/app@sha256:0a1b... > payload.json',
  ),
})

const attachSignature = buildCommand({
  loader: async () => (await import('../commands/attach-signature.ts')).attach,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      payload: requiredText('The metadata file that was signed', 'FILE'),
      signature: requiredText('Its signature, in base64 or as it is', 'FILE'),
      certificate: text('The certificate of the key, PEM', 'FILE'),
      certificateChain: text('The chain of the certificate, PEM', 'FILE'),
      key: text('Public key, PEM: attach only what it verifies', 'FILE'),
    },
    positional: IMAGE,
  },
  docs: explain(
    'Attach a signature to an image in its registry',
    'Adds the signature to those the image has; attaching the same one again changes nothing.',
    'chancery attach signature --payload payload.json --signature payload.sig registry.example.com/app:1.0',
  ),
})

const attach = buildRouteMap({
  routes: { signature: attachSignature },
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
      key: requiredText('Public key, PEM', 'FILE'),
      annotations: texts('Annotation that a signature must have', 'NAME=VALUE'),
      allowIdentity: texts('Another repository that a signature may name', 'IMAGE'),
      output: { kind: 'enum', values: ['json', 'text'], optional: true, brief: 'json is --json' },
      insecureIgnoreTlog: toggle('Accepted as cosign has it; no log is asked with a key'),
    },
    aliases: { a: 'annotations', o: 'output' },
    positional: {
      kind: 'array',
      parameter: argument('Image, by tag or digest', 'IMAGE'),
      minimum: 1,
    },
  },
  docs: explain(
    'Verify the signatures of images',
    'Exit code 0 where every image has a signature of the key, over its digest and repository; 1 where one has none.',
    'chancery verify --key release.pub registry.example.com/app:1.0',
    'chancery verify --key release.pub -a build=42 --json registry.example.com/app:1.0',
  ),
})

const triangulate = buildCommand({
  loader: async () => (await import('../commands/triangulate.ts')).triangulate,
  parameters: { flags: { ...JSON_FLAG, ...REGISTRY_FLAGS }, positional: IMAGE },
  docs: explain(
    'Print where the signatures of an image are',
    'Prints the tag under which signatures of an image are kept, whether there are any or not.',
    'chancery triangulate registry.example.com/app:1.0',
  ),
})

/** Images in registries. */
export const imageRoutes = { generate, attach, verify, triangulate }
