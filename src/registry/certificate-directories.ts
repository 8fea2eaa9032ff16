import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Environment } from './credential-helper.ts'
import { requireClientCertificate, type FindTlsSettings, type TlsSettings } from './tls-settings.ts'

const MAX_FILES = 100
const MAX_FILE_BYTES = 1024 * 1024

/**
 * The directories whose entries `host:port` hold certificates, as podman and docker have them; the first that has one
 * for a host is the only one read.
 *
 * Source: containers-certs.d(5); docker, "Verify repository client with certificates".
 *
 * @param environment `HOME` and `XDG_CONFIG_HOME`.
 */
export function certificateDirectories(environment: Environment): readonly string[] {
  const home = environment['HOME']
  const config = environment['XDG_CONFIG_HOME'] ?? (home && join(home, '.config'))
  const own = config ? [join(config, 'containers/certs.d'), join(config, 'docker/certs.d')] : []
  return [...own, '/etc/containers/certs.d', '/etc/docker/certs.d']
}

/**
 * Reads `<directory>/<host:port>/`: each `*.crt` is a CA that is trusted for this host; `<name>.cert` with `<name>.key` is
 * what we show it. Hosts are compared whole, with the port as the image reference has it, never by a part.
 *
 * @returns A function that throws ChanceryError ERR_REGISTRY_CREDENTIALS if there is a directory for the host with files
 * that cannot be used: going on without would hide the reason.
 */
export function certificatesIn(directories: readonly string[]): FindTlsSettings {
  return async (host) => {
    // untrusted: the host may come from a registry; it must stay one name.
    if (!/^[\w.:[\]-]+$/.test(host) || host.startsWith('.')) return undefined
    for (const parent of directories) {
      const directory = join(parent, host)
      if (await isDirectory(directory)) return readCertificateDirectory(directory)
    }
    return undefined
  }
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}

/**
 * Reads a directory for one host: each `*.crt` is a CA, `<name>.cert` with `<name>.key` is what we show it.
 *
 * @throws ChanceryError ERR_REGISTRY_CREDENTIALS if it cannot be read, or its files cannot be used.
 */
export async function readCertificateDirectory(directory: string): Promise<TlsSettings> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw unusable(directory, 'it cannot be read', cause)
  })
  if (names.length > MAX_FILES) throw unusable(directory, `it has more than ${MAX_FILES} files`)
  const ending = (end: string) => names.filter((name) => name.endsWith(end)).sort()
  const read = (name: string) => readPem(join(directory, name))
  const certificateAuthorities = await Promise.all(ending('.crt').map(read))
  const [certificateName] = ending('.cert')
  const [keyName] = ending('.key')
  if (certificateName === undefined && keyName === undefined) return { certificateAuthorities }
  const stem = basename(certificateName ?? keyName ?? '').replace(/\.(?:cert|key)$/, '')
  if (!names.includes(`${stem}.cert`) || !names.includes(`${stem}.key`)) {
    throw unusable(directory, `expected both ${stem}.cert and ${stem}.key`)
  }
  const [certificate, key] = [await read(`${stem}.cert`), await read(`${stem}.key`)]
  requireClientCertificate({ certificate, key }, directory)
  return { certificateAuthorities, clientCertificate: { certificate, key } }
}

async function readPem(path: string): Promise<string> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw unusable(path, 'it cannot be read', cause)
  }
  if (bytes.length > MAX_FILE_BYTES)
    throw unusable(path, `it has more than ${MAX_FILE_BYTES} bytes`)
  return Buffer.from(bytes).toString('utf8')
}

function unusable(path: string, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_CREDENTIALS', `${path} cannot be used: ${reason}`, {
    cause,
    hints: ['Correct it, or move it away.'],
  })
}
