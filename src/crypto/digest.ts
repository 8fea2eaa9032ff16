import { createHash, hash } from 'node:crypto'
import type { HashAlgorithm } from './algorithms.ts'

/** The SHA-256 hash, 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  return hashMessage('sha256', message)
}

/** The SHA-256 hash in lower-case hexadecimal, 64 characters: what follows `sha256:` in an OCI digest. */
export function sha256Hex(message: Uint8Array | string): string {
  return hash('sha256', message)
}

/** The SHA-256 hash of parts one after the other, 32 bytes. */
export function sha256Parts(...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(Buffer.concat(parts))
}

/** The hash of a message under any of the {@link HashAlgorithm}s. */
export function hashMessage(algorithm: HashAlgorithm, message: Uint8Array): Uint8Array {
  // By way of a text: a buffer that Node makes for a hash is one of its own, and takes longer than the hash.
  return Buffer.from(hash(algorithm, message, 'binary'), 'latin1')
}

/** The SHA-1 hash, 20 bytes. It only names things (certificate thumbprints, key identifiers) and protects nothing. */
export function sha1(message: Uint8Array): Uint8Array {
  return hash('sha1', message, 'buffer')
}

/** A hash over bytes that arrive in pieces. */
export interface RunningDigest {
  update(piece: Uint8Array): void
  /** Ends the digest; nothing can be added afterwards. */
  finish(): Uint8Array
}

/** Starts a {@link RunningDigest}. */
export function startDigest(algorithm: HashAlgorithm): RunningDigest {
  const running = createHash(algorithm)
  return {
    update(piece) {
      running.update(piece)
    },
    finish() {
      return running.digest()
    },
  }
}
