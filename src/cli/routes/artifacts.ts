import { buildCommand, buildRouteMap } from '@stricli/core'
import { argument, explain, JSON_FLAG, requiredText, text, toggle } from '../flags.ts'
import { READS_MIRRORS, REGISTRY_FLAGS } from '../registry-flags.ts'
import { SIDE_FLAGS } from '../registry-sides.ts'
import { SIGNATURE_FLAGS, TRUST_FLAGS } from '../trust-flags.ts'

const IMAGE = { kind: 'tuple', parameters: [argument('Image, by tag or digest', 'IMAGE')] } as const

const tree = buildCommand({
  loader: async () => (await import('../commands/tree.ts')).tree,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      ...TRUST_FLAGS,
      ...SIGNATURE_FLAGS,
      recursive: {
        kind: 'boolean',
        default: true,
        brief: 'With an index, also what belongs to every image that it lists',
      },
    },
    aliases: { r: 'recursive' },
    positional: IMAGE,
  },
  docs: explain(
    'Show what belongs to an image, who signed it, and when',
    `Shows signatures, attestations, bundles and other referrers of an image, and those of the images in an index. With the flags
of \`chancery verify\` that say whom to trust, each signature and attestation is verified: valid, with who signed and when; or
not, with the check that failed. Without them nothing is verified, and what they claim is marked as unverified.
It is a display: exit code 0 where all of it could be read, whatever is shown; scripts ask \`chancery verify\`, or the
member "verdicts" of --json. ${READS_MIRRORS}`,
    'chancery tree registry.example.com/app:1.0',
    'chancery tree --key release.pub registry.example.com/app:1.0',
    'chancery tree --key release.pub --local-image app.tar:1.0',
    'chancery tree --key release.pub --json registry.example.com/app:1.0 | jq .verdicts',
  ),
})

const downloadSignature = buildCommand({
  loader: async () => (await import('../commands/download.ts')).downloadSignatures,
  parameters: { flags: { ...JSON_FLAG, ...REGISTRY_FLAGS }, positional: IMAGE },
  docs: explain(
    'Print the signatures of an image',
    'Prints a JSON object for each, on a line of its own: bundles as they are, other signatures as Cosign prints them.\n' +
      READS_MIRRORS,
    'chancery download signature registry.example.com/app:1.0',
  ),
})

const downloadAttestation = buildCommand({
  loader: async () => (await import('../commands/download.ts')).downloadAttestations,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      predicateType: text('Only those with this predicate, as a URI', 'TYPE'),
    },
    positional: IMAGE,
  },
  docs: explain(
    'Print the attestations of an image',
    'Prints a JSON object for each, on a line of its own: bundles as they are, other attestations as DSSE envelopes.\n' +
      READS_MIRRORS,
    'chancery download attestation --predicate-type https://slsa.dev/provenance/v1 registry.example.com/app:1.0',
  ),
})

const download = buildRouteMap({
  routes: { signature: downloadSignature, attestation: downloadAttestation },
  docs: explain(
    'Print what is attached to an image',
    'Prints signatures or attestations; nothing is verified.',
    'chancery download signature registry.example.com/app:1.0',
  ),
})

const copy = buildCommand({
  loader: async () => (await import('../commands/copy.ts')).copy,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      ...SIDE_FLAGS,
      only: text('Only these parts, without the image: sig, att, sbom, referrer', 'PART[,PART]'),
      force: toggle('Replace another image under the same tag'),
    },
    aliases: { f: 'force' },
    positional: {
      kind: 'tuple',
      parameters: [
        argument('Image, by tag or digest', 'SOURCE'),
        argument('Where to, with or without a tag', 'DESTINATION'),
      ],
    },
  },
  docs: explain(
    'Copy an image with all that belongs to it',
    'Copies image or index, its children, signatures, attestations and referrers, and checks that all of it arrived.\n' +
      'Signatures that the destination has already stay. Without --force another image under the same tag is not replaced.\n' +
      'A password, token or client certificate is for one side alone; --registry-* are for images of one registry.',
    'chancery copy registry.example.com/app:1.0 mirror.example.com/app:1.0',
    'chancery copy --src-creds "ci:$SOURCE" --dest-creds "ci:$TARGET" registry.example.com/app:1.0 mirror.example.com/app:1.0',
    'chancery copy --only sig,att registry.example.com/app:1.0 mirror.example.com/app:1.0',
  ),
})

const DIRECTORY = requiredText('Directory of the image', 'DIRECTORY')

const save = buildCommand({
  loader: async () => (await import('../commands/save-load.ts')).save,
  parameters: {
    flags: { ...JSON_FLAG, ...REGISTRY_FLAGS, dir: DIRECTORY },
    positional: IMAGE,
  },
  docs: explain(
    'Save an image with all that belongs to it to a directory',
    'Writes an OCI image layout that `chancery load`, `cosign load` and skopeo read. The directory has to be empty.\n' +
      READS_MIRRORS,
    'chancery save --dir ./app registry.example.com/app:1.0',
  ),
})

const load = buildCommand({
  loader: async () => (await import('../commands/save-load.ts')).load,
  parameters: {
    flags: { ...JSON_FLAG, ...REGISTRY_FLAGS, dir: DIRECTORY },
    positional: IMAGE,
  },
  docs: explain(
    'Push a saved image with all that belongs to it',
    'Reads what `chancery save` or `cosign save` wrote, or any OCI image layout with one image, and pushes all of it.',
    'chancery load --dir ./app mirror.example.com/app:1.0',
  ),
})

const clean = buildCommand({
  loader: async () => (await import('../commands/clean.ts')).clean,
  parameters: {
    flags: {
      ...JSON_FLAG,
      ...REGISTRY_FLAGS,
      type: {
        kind: 'enum',
        values: ['signature', 'attestation', 'sbom', 'referrer', 'all'],
        default: 'all',
        brief: 'What is removed',
      },
      force: toggle('Remove without asking'),
      dryRun: toggle('Only tell what would be removed'),
    },
    aliases: { f: 'force' },
    positional: IMAGE,
  },
  docs: explain(
    'Remove what is attached to an image',
    'Removes signatures, attestations and referrers, never the image itself. Asks first; "yes" on standard input agrees.',
    'chancery clean --dry-run registry.example.com/app:1.0',
    'chancery clean --type signature --force registry.example.com/app:1.0',
  ),
})

/** What belongs to images: looking at it, moving it, removing it. */
export const artifactRoutes = { tree, download, copy, save, load, clean }
