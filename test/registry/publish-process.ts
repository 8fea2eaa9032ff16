import { parseReference } from '../../src/format/oci-reference.ts'
import { COSIGN_SIGNATURE_PREDICATE, publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'

// Publishes a bundle of its own beside the image named by digest, and prints the digest of its manifest.
const reference = parseReference(process.argv[2] ?? '')
using client = new RegistryClient()
const image = { repository: reference, digest: reference.digest ?? '' }
const { digest } = await publishBundle(client, image, {
  bytes: new TextEncoder().encode(JSON.stringify({ process: process.argv[3] })),
  predicateType: COSIGN_SIGNATURE_PREDICATE,
  createdAt: new Date(),
})
console.log(digest)
