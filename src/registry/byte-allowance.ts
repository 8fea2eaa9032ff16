import { ChanceryError } from '../errors/chancery-error.ts'

/** How much of what belongs to one image is read where nobody says otherwise, in bytes. */
export const DEFAULT_ATTACHED_BYTES = 64 * 1024 * 1024

const MIB = 1024 * 1024

/**
 * How much may still be read of what belongs to one image: manifests, payloads, envelopes, bundles. Limits of number and
 * of the size of each leave whoever can push able to have gigabytes read.
 *
 * One allowance serves all that is read for one image, at the same time, too.
 */
export class ByteAllowance {
  readonly #maxBytes: number
  #left: number

  constructor(maxBytes: number = DEFAULT_ATTACHED_BYTES) {
    this.#maxBytes = maxBytes
    this.#left = maxBytes
  }

  /** Before something is read. @throws ChanceryError ERR_REGISTRY_ATTACHED_SIZE if it is more than may be. */
  requireRoom(bytes: number): void {
    if (bytes <= this.#left) return
    throw new ChanceryError(
      'ERR_REGISTRY_ATTACHED_SIZE',
      `expected at most ${sizeOf(this.#maxBytes)} of manifests, signatures and attestations of one image, found more`,
      {
        hints: [
          'Say --max-attached-size SIZE, at most 1GiB, to read more; what is not read counts for nothing.',
          'Or remove what is no longer needed: `chancery tree` shows it, `chancery clean` removes it.',
        ],
      },
    )
  }

  /** Counts what is read. @throws ChanceryError like {@link requireRoom}; then it is not counted, and must not be read. */
  take(bytes: number): void {
    this.requireRoom(bytes)
    this.#left -= bytes
  }
}

function sizeOf(bytes: number): string {
  return bytes % MIB === 0 ? `${bytes / MIB} MiB` : `${bytes} bytes`
}

/** Whether something was left unread because it is more than may be read of one image. */
export function isBeyondAllowance(error: unknown): error is ChanceryError {
  return error instanceof ChanceryError && error.code === 'ERR_REGISTRY_ATTACHED_SIZE'
}
