import { BlockList, isIP } from 'node:net'
import { ChanceryError } from '../errors/chancery-error.ts'

/**
 * Reads the addresses of proxies that are believed when they say who calls: single ones (`10.0.0.7`, `fd00::7`) and networks
 * in CIDR notation (`10.0.0.0/8`). Source: RFC 4632, 3.1; RFC 4291, 2.3.
 *
 * @throws ChanceryError ERR_CONFIG_VALUE if one is neither, or a network of length 0: everybody would be believed.
 */
export function parseTrustedProxies(texts: readonly string[]): BlockList {
  const proxies = new BlockList()
  for (const text of texts) {
    const [, address = '', length] = /^([0-9A-Fa-f:.]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? []
    const version = isIP(address)
    const bits = version === 4 ? 32 : 128
    const prefix = length === undefined ? bits : Number(length)
    if (version === 0 || prefix < 1 || prefix > bits) {
      throw new ChanceryError(
        'ERR_CONFIG_VALUE',
        `expected the address of a proxy or its network, such as 10.0.0.7 or 10.0.0.0/8, found "${text}"`,
        { field: 'trustedProxy' },
      )
    }
    proxies.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
  }
  return proxies
}
