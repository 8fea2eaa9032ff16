import { ChanceryError } from '../errors/chancery-error.ts'

/**
 * Reads the address of a server: `https://host[:port][/prefix]`, with or without a slash or `/Api` at the end.
 * Plain `http` is for loopback addresses, or where the caller allows it: the token travels with every call.
 *
 * @returns The URL without a slash at its end, e.g. `https://signing.example.com/chancery`.
 * @throws ChanceryError ERR_CLIENT_URL if the text is no such URL, holds a user name, a query or a fragment, or is
 *   plain http to another machine.
 */
export function parseServerUrl(text: string, allowHttp: boolean): string {
  if (!URL.canParse(text)) throw notUsable('the form https://signing.example.com')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw notUsable('the form https://signing.example.com')
  }
  if (url.username !== '' || url.password !== '') {
    throw notUsable('no user name or password in it', ['Pass the API token by CHANCERY_TOKEN.'])
  }
  if (url.search !== '' || url.hash !== '') throw notUsable('no query and no fragment')
  if (url.protocol === 'http:' && !allowHttp && !isLoopback(url.hostname)) {
    throw notUsable('https, since the API token goes with every call', [
      'Use https, or pass --allow-http where the network itself is trusted.',
    ])
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api$/i, '')
  return `${url.origin}${path}`
}

/** True for `localhost`, 127.0.0.0/8 and ::1, as `URL.hostname` prints them. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}

function notUsable(expected: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_CLIENT_URL', `expected the server URL to have ${expected}`, {
    field: 'url',
    hints,
  })
}
