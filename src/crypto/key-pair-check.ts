import { createPublicKey, sign, verify } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import { ALGORITHMS } from './algorithms.ts'
import { equalBytes } from './constant-time.ts'
import type { PrivateKey } from './private-key.ts'

const PROBE = new TextEncoder().encode('chancery key pair check')

/**
 * Proves that a private key belongs to a public key, by one signature on the calling thread.
 *
 * A stored private key carries its public key along, and OpenSSL believes it; only a signature tells.
 *
 * @param publicKey DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_CRYPTO_KEY if they are not a pair.
 */
export function requireKeyPair(privateKey: PrivateKey, publicKey: Uint8Array): void {
  if (!equalBytes(privateKey.publicKey, publicKey) || !signsVerifiably(privateKey)) {
    throw new ChanceryError('ERR_CRYPTO_KEY', 'the private key does not belong to the public key')
  }
}

function signsVerifiably(privateKey: PrivateKey): boolean {
  const { handle, algorithm } = privateKey
  const hash = ALGORITHMS[algorithm].keyType === 'ed25519' ? null : 'sha256'
  try {
    return verify(hash, PROBE, createPublicKey(handle), sign(hash, PROBE, handle))
  } catch {
    return false
  }
}
