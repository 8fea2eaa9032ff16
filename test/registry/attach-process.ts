import { generateKeyPairSync, sign } from 'node:crypto'
import { parseReference } from '../../src/format/oci-reference.ts'
import { attachSignature } from '../../src/registry/attach-signature.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { generatePayload } from '../../src/registry/resolve-image.ts'

// Signs the image named by digest with a key of its own, attaches that, and prints the signature.
const reference = parseReference(process.argv[2] ?? '')
using client = new RegistryClient()
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const payload = await generatePayload(client, reference, {})
const signature = sign('sha256', payload, privateKey).toString('base64')
const image = { repository: reference, digest: reference.digest ?? '' }
await attachSignature(client, image, { payload, signature })
console.log(signature)
