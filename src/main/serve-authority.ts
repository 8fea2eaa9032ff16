import type { ServeOptions } from '../cli/services.ts'
import type { ListenAddress } from '../config/listen-address.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { createApp } from '../http/app.ts'
import { Log } from '../http/log.ts'
import { VERSION } from '../cli/version.ts'
import { collectGarbage } from '../db/garbage.ts'
import { openAuthority } from './authority.ts'
import { Idleness } from './idleness.ts'

/**
 * Serves an authority until `signal` aborts; then it answers the open requests, closes the store and resolves.
 *
 * @param onListening Called once, with the URL.
 * @throws ChanceryError as `openAuthority`; ERR_HTTP_LISTEN if the address is taken or is not one of this machine.
 */
export async function serveAuthority(
  options: ServeOptions,
  signal: AbortSignal,
  onListening: (url: string) => void,
): Promise<void> {
  const writeLog = (lines: string): void => {
    process.stderr.write(lines)
  }
  const log = new Log(writeLog)
  await using authority = await openAuthority({
    dataDirectory: options.dataDirectory,
    masterKey: options.masterKey,
    report: (what, error) => log.background(what, error),
  })
  const app = createApp(authority.services, {
    version: VERSION,
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    ...(options.trustedProxies === undefined ? {} : { trustedProxies: options.trustedProxies }),
    ...(options.maxArtifactBytes === undefined ? {} : { maxBodyBytes: options.maxArtifactBytes }),
    ...(options.isQuiet ? {} : { writeLog }),
  })
  const idleness = new Idleness(app.server, () => {
    authority.rest()
    collectGarbage()
  })
  try {
    onListening(await listen(app, options.listen))
    await aborted(signal)
  } finally {
    idleness.stop()
    await app.close()
  }
}

async function listen(
  app: ReturnType<typeof createApp>,
  { host, port }: ListenAddress,
): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const [found, hint] = WHY_NOT_LISTENING[code] ?? [code || 'an error', undefined]
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    throw new ChanceryError(
      'ERR_HTTP_LISTEN',
      `expected to be able to listen on ${address}, found ${found}`,
      { cause, hints: hint === undefined ? [] : [hint] },
    )
  }
}

/** What the system's codes say in words, and what to do. */
const WHY_NOT_LISTENING: Readonly<Record<string, readonly [found: string, hint: string]>> = {
  EADDRINUSE: [
    'another program there',
    'Stop that program, or name another address and port with --listen; port 0 takes a free one.',
  ],
  EADDRNOTAVAIL: [
    'no such address on this machine',
    'Name an address of this machine with --listen, or 0.0.0.0 for all of them.',
  ],
  ENOTFOUND: [
    'no such host name',
    'Name an address of this machine with --listen, or 0.0.0.0 for all of them.',
  ],
  EACCES: [
    'that this user may not',
    'Take a port from 1024 with --listen, and let a proxy have the lower one.',
  ],
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
