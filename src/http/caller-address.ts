import type { IncomingMessage } from 'node:http'
import { isIP, type BlockList } from 'node:net'

/** More proxies than stand in a row anywhere. */
const MAX_HOPS = 32
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9A-Fa-f:.]+)\]):\d{1,5}$/

/**
 * The address of who called, for logs. It is that of the connection; where that is a trusted proxy's, what it says in
 * `X-Forwarded-For`, from right to left up to the first address that is no trusted proxy's. Everything left of that was
 * written by whoever called, and so was anything that is no address: it is not looked at.
 *
 * @param trusted Addresses of proxies; nobody is one where it is not set.
 * @returns An IP address, IPv4 without `::ffff:` where proxies are trusted; null if the connection is closed.
 */
export function callerAddress(
  request: IncomingMessage,
  trusted: BlockList | undefined,
): string | null {
  const { remoteAddress } = request.socket
  if (trusted === undefined || remoteAddress === undefined) return remoteAddress ?? null
  let caller = plainAddress(remoteAddress)
  if (caller === undefined) return remoteAddress
  const header = request.headers['x-forwarded-for']
  // Several headers are joined with commas.
  const hops = typeof header === 'string' ? header.split(',').slice(-MAX_HOPS) : []
  while (isTrusted(trusted, caller)) {
    const before = plainAddress(hops.pop()?.trim() ?? '')
    if (before === undefined) break
    caller = before
  }
  return caller
}

/** An address, with a port or without, as it is compared and logged. */
function plainAddress(text: string): string | undefined {
  const match = WITH_PORT.exec(text)
  const address = match?.[1] ?? match?.[2] ?? text
  const plain = MAPPED.exec(address)?.[1] ?? address
  // A zone is a name of an interface, any text at all.
  return isIP(plain) === 0 || plain.includes('%') ? undefined : plain
}

function isTrusted(trusted: BlockList, address: string): boolean {
  return trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}
