import { ChanceryError } from '../errors/chancery-error.ts'

/** Where a server listens. */
export interface ListenAddress {
  /** A host name or an address; IPv6 without brackets. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** The address of `chancery serve` where nobody names another. */
export const DEFAULT_LISTEN = '127.0.0.1:7080'

/**
 * Reads `host:port`, `[ipv6]:port` or `:port` (all addresses).
 *
 * @throws ChanceryError ERR_CONFIG_VALUE if the text is anything else, or the port is above 65535.
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):([0-9]{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535) {
    throw new ChanceryError(
      'ERR_CONFIG_VALUE',
      `expected an address such as 127.0.0.1:7080 or [::1]:7080, found "${text}"`,
      { field: 'listen' },
    )
  }
  const host = match[1] ?? match[2] ?? ''
  return { host: host === '' ? '::' : host, port }
}
