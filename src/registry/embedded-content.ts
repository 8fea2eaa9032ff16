import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from '../format/base64.ts'
import type { Descriptor } from '../format/oci-manifest.ts'

/** Content up to this size is put into the manifest that describes it, as well as into a blob: what most bundles need. */
export const MAX_EMBEDDED_BYTES = 16 * 1024

/**
 * The content that a descriptor brings along, so that the blob need not be read; undefined where it brings none, or is
 * not by SHA-256.
 *
 * @throws ChanceryError ERR_REGISTRY_DIGEST if what it brings is not the content of its digest, or not of its size: then
 * nothing that the manifest says is to be relied on, and the blob is not a way out.
 * Source: OCI image-spec 1.1, descriptor.md, "Embedded Content".
 */
export function embeddedContent({ data, digest, size }: Descriptor): Uint8Array | undefined {
  if (data === undefined || !digest.startsWith('sha256:')) return undefined
  const bytes = decode(data)
  if (bytes?.length === size && `sha256:${sha256Hex(bytes)}` === digest) return bytes
  throw new ChanceryError(
    'ERR_REGISTRY_DIGEST',
    `expected the data in the descriptor of ${digest} to be its content, found other bytes`,
    { hints: ['Whoever made the manifest made it wrong, or on purpose; it is not to be trusted.'] },
  )
}

/** What a descriptor brings along of content that is not larger than {@link MAX_EMBEDDED_BYTES}. */
export function embed(content: Uint8Array): { readonly data?: string } {
  return content.length > MAX_EMBEDDED_BYTES ? {} : { data: encodeBase64(content) }
}

function decode(data: string): Uint8Array | undefined {
  try {
    return decodeBase64(data)
  } catch (error) {
    if (error instanceof ChanceryError) return undefined
    throw error
  }
}
