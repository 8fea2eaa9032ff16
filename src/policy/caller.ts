import type { Principal } from './principal.ts'

/** A call on behalf of a principal, with what the audit log says about it. */
export interface Caller {
  readonly principal: Principal
  /** The remote address, as the socket has it. */
  readonly address: string | null
  /** The id of the HTTP request. */
  readonly requestId: string | null
}
