import type { ServeOptions } from '../cli/services.ts'
import { createApp } from '../http/app.ts'
import { VERSION } from '../cli/version.ts'
import { openAuthority } from './authority.ts'

/**
 * Serves an authority until `signal` aborts; then it answers the open requests, closes the store and resolves.
 *
 * @param onListening Called once, with the URL.
 * @throws ChanceryError as `openAuthority`.
 */
export async function serveAuthority(
  options: ServeOptions,
  signal: AbortSignal,
  onListening: (url: string) => void,
): Promise<void> {
  const writeLog = (lines: string): void => {
    process.stderr.write(lines)
  }
  await using authority = await openAuthority({
    dataDirectory: options.dataDirectory,
    masterKey: options.masterKey,
    report: (what, error) => writeLog(`${JSON.stringify(describe(what, error))}\n`),
  })
  const app = createApp(authority.services, {
    version: VERSION,
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    ...(options.maxArtifactBytes === undefined ? {} : { maxBodyBytes: options.maxArtifactBytes }),
    ...(options.isQuiet ? {} : { writeLog }),
  })
  try {
    onListening(await app.listen({ host: options.listen.host, port: options.listen.port }))
    await aborted(signal)
  } finally {
    await app.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function describe(what: string, error: unknown): Record<string, unknown> {
  const { message, stack, cause } = error instanceof Error ? error : new Error(String(error))
  return {
    level: 'error',
    at: new Date().toISOString(),
    about: what,
    message,
    cause: cause instanceof Error ? cause.message : undefined,
    stack,
  }
}
