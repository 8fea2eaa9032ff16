import type { Catalog } from '../catalog/catalog.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Ledger, Reader } from '../db/ledger.ts'
import type { Principal } from '../policy/principal.ts'
import type { ArtifactStore } from './artifact-store.ts'
import type { Examiner } from './examiner.ts'
import type { RequestStore } from './request-store.ts'

/** Opens the signer of a key. @throws ChanceryError ERR_KEYS_MISSING, ERR_KEYS_UNAVAILABLE. */
export interface SignerSource {
  openSigner(keyId: string): Signer
}

/** What the steps of a signing request work with. */
export interface SigningContext {
  readonly catalog: Catalog
  readonly ledger: Ledger
  readonly reader: Reader
  readonly requests: RequestStore
  readonly artifacts: ArtifactStore
  readonly signers: SignerSource
  readonly examiner: Examiner
  /** What goes on without a caller, by the signing request's id; whoever closes the store waits for it first. */
  readonly background: Map<string, Promise<void>>
  /** The principal of a call as it is now, or undefined once its token or user is not accepted any more. */
  presentPrincipal(principal: Principal): Principal | undefined
  /** Milliseconds since 1970 UTC. */
  now(): number
  /** Told about errors of work that nobody waits for. */
  report(error: unknown, signingRequestId: string): void
}
