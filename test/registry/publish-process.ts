import { generateKeyPairSync, sign } from 'node:crypto'
import { parseReference } from '../../src/format/oci-reference.ts'
import { attachSignature } from '../../src/registry/attach-signature.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { generatePayload } from '../../src/registry/resolve-image.ts'

// Signs the image named by digest with a key of its own, attaches that and a bundle, and prints both.
const reference = parseReference(process.argv[2] ?? '')
using client = new RegistryClient()
const image = { repository: reference, digest: reference.digest ?? '' }
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const payload = await generatePayload(client, reference, {})
const signature = sign('sha256', payload, privateKey).toString('base64')
console.log('begun')
const [{ digest }] = await Promise.all([
  publishBundle(client, image, {
    bytes: new TextEncoder().encode(JSON.stringify({ signature })),
    predicateType: COSIGN_SIGNATURE_PREDICATE,
    createdAt: new Date(),
  }),
  attachSignature(client, image, { payload, signature }),
])
console.log(JSON.stringify({ signature, bundle: digest }))
