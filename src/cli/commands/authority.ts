import { readdir, writeFile } from 'node:fs/promises'
import type { BlockList } from 'node:net'
import { resolve, sep } from 'node:path'
import {
  DEFAULT_LISTEN,
  parseListenAddress,
  type ListenAddress,
} from '../../config/listen-address.ts'
import { limitMemory } from '../../config/memory-limits.ts'
import { parseTrustedProxies } from '../../config/trusted-proxies.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type { MasterKeySource } from '../../keys/master-key.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import type { CreatedAuthority } from '../services.ts'

/** The flags of every command that opens a data directory. */
export interface DataFlags {
  readonly dataDir?: string
  readonly masterKeyFile?: string
}

/** The flags of `chancery init`. */
export interface InitFlags extends DataFlags {
  readonly organization?: string
}

/** The flags of `chancery serve`. */
export interface ServeFlags extends DataFlags {
  readonly organization?: string
  readonly listen?: string
  readonly publicUrl?: string
  readonly trustedProxy?: readonly string[]
  readonly maxArtifactBytes?: number
  readonly quiet?: boolean
  readonly init?: boolean
}

/** `chancery init` */
export async function init(this: CliContext, flags: InitFlags & JsonFlag): Promise<void> {
  const created = await createAuthority(this, flags)
  const { listen, publicUrl } = this.environment
  const url = urlOf(parseListenAddress(listen ?? DEFAULT_LISTEN), publicUrl)
  this.output.result(flags.json, created, () => describeCreated(created, url))
}

/** `chancery serve` */
export async function serve(this: CliContext, flags: ServeFlags): Promise<void> {
  limitMemory()
  const listen = parseListenAddress(flags.listen ?? this.environment.listen ?? DEFAULT_LISTEN)
  const givenUrl = flags.publicUrl ?? this.environment.publicUrl
  const publicUrl = givenUrl === undefined ? undefined : checkPublicUrl(givenUrl)
  const trustedProxies = trustedProxiesOf(this, flags)
  const dataDirectory = dataDirectoryOf(this, flags)
  if (flags.init === true && (await isEmpty(dataDirectory))) {
    const created = await createAuthority(this, flags)
    this.output.progress(describeCreated(created, urlOf(listen, publicUrl)))
  }
  const masterKey = masterKeyOf(this, flags)
  const authority = await this.services.localAuthority()
  const stop = new AbortController()
  // Once: a second signal ends the process at once.
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      this.output.progress(`${name}: finishing open requests`)
      stop.abort()
    })
  }
  await authority.serve(
    {
      dataDirectory,
      listen,
      publicUrl,
      trustedProxies,
      masterKey,
      maxArtifactBytes: flags.maxArtifactBytes,
      isQuiet: flags.quiet ?? false,
    },
    stop.signal,
    (url) => this.output.raw(`Listening on ${url}\n`),
  )
}

/** `chancery fsck` */
export async function fsck(this: CliContext, flags: DataFlags & JsonFlag): Promise<void> {
  const authority = await this.services.localAuthority()
  const report = await authority.fsck({
    dataDirectory: dataDirectoryOf(this, flags),
    masterKey: masterKeyOf(this, flags),
  })
  const { problems, checked } = report
  this.output.result(flags.json, { isSound: problems.length === 0, ...report }, () =>
    [
      ...Object.entries(checked).map(([what, count]) => `${what}: ${count} checked`),
      ...problems.map((problem) => `problem: ${problem}`),
      problems.length === 0 ? 'The data directory is sound.' : '',
    ].join('\n'),
  )
  if (problems.length > 0) {
    throw new ChanceryError('ERR_CLI_FSCK', `expected no problem, found ${problems.length}`, {
      hints: ['Keep the directory as it is and restore a backup beside it.'],
    })
  }
}

async function createAuthority(context: CliContext, flags: InitFlags): Promise<CreatedAuthority> {
  const { masterKeyFile } = flags
  const dataDirectory = dataDirectoryOf(context, flags)
  if (masterKeyFile !== undefined && (await isEmpty(dataDirectory))) {
    requireOutside(dataDirectory, masterKeyFile)
    await createKeyFileIfAbsent(context, masterKeyFile)
  }
  const authority = await context.services.localAuthority()
  return authority.init({
    dataDirectory,
    organizationName: flags.organization ?? 'My organization',
    masterKey: masterKeyOf(context, flags),
  })
}

/** Before anything is written; what links hide is found when the key is read. */
function requireOutside(dataDirectory: string, path: string): void {
  if (!`${resolve(path)}${sep}`.startsWith(`${resolve(dataDirectory)}${sep}`)) return
  throw new ChanceryError(
    'ERR_KEYS_MASTER_KEY_SOURCE',
    'the master key file lies inside the data directory that it protects',
    { hints: ['Keep it elsewhere, so that a copy of the data directory is not enough to sign.'] },
  )
}

async function createKeyFileIfAbsent(context: CliContext, path: string): Promise<void> {
  const { generateMasterKey } = await import('../../keys/master-key.ts')
  try {
    await writeFile(path, `${generateMasterKey()}\n`, { mode: 0o600, flag: 'wx', flush: true })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return
    throw new ChanceryError('ERR_CLI_FILE', `expected to be able to write ${path}`, { cause })
  }
  context.output.warn(
    `a new master key was written to ${path}. Keep it apart from the data directory and its backups: ` +
      'with both anyone can sign, and without the key nobody can.',
  )
}

function dataDirectoryOf(context: CliContext, flags: DataFlags): string {
  return flags.dataDir ?? context.environment.dataDirectory ?? './data'
}

/** A flag comes first; of the environment, only one variable may say it. */
function findMasterKey(context: CliContext, flags: DataFlags): MasterKeySource | undefined {
  if (flags.masterKeyFile !== undefined) return { kind: 'file', path: flags.masterKeyFile }
  const { masterKey, masterPassphrase } = context.secrets
  const { masterKeyFile } = context.environment
  const sources: MasterKeySource[] = []
  if (masterKey !== undefined) sources.push({ kind: 'key', base64: masterKey })
  if (masterKeyFile !== undefined) sources.push({ kind: 'file', path: masterKeyFile })
  if (masterPassphrase !== undefined) {
    sources.push({ kind: 'passphrase', passphrase: masterPassphrase })
  }
  if (sources.length > 1) {
    throw new ChanceryError(
      'ERR_CONFIG_VALUE',
      'expected one source of the master key, found several',
      {
        hints: [
          'Set one of CHANCERY_MASTER_KEY, CHANCERY_MASTER_KEY_FILE and CHANCERY_MASTER_PASSPHRASE.',
        ],
      },
    )
  }
  return sources[0]
}

function masterKeyOf(context: CliContext, flags: DataFlags): MasterKeySource {
  const source = findMasterKey(context, flags)
  if (source !== undefined) return source
  throw new ChanceryError(
    'ERR_CONFIG_VALUE',
    'expected a master key, which encrypts the signing keys',
    {
      field: 'masterKeyFile',
      hints: [
        'Pass --master-key-file F: `chancery init` makes the file where there is none.',
        'Or set CHANCERY_MASTER_KEY, CHANCERY_MASTER_KEY_FILE or CHANCERY_MASTER_PASSPHRASE.',
      ],
    },
  )
}

async function isEmpty(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length === 0
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return true
    throw new ChanceryError('ERR_CLI_FILE', `expected ${directory} to be a directory`, { cause })
  }
}

function trustedProxiesOf(
  { environment }: CliContext,
  { trustedProxy }: ServeFlags,
): BlockList | undefined {
  const given = trustedProxy ?? environment.trustedProxies?.split(',').map((text) => text.trim())
  return given === undefined ? undefined : parseTrustedProxies(given)
}

function checkPublicUrl(text: string): string {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined
  const isPlain =
    url?.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (isPlain && !/[?#]/.test(text)) return text.replace(/\/+$/, '')
  throw new ChanceryError(
    'ERR_CONFIG_VALUE',
    'expected the public URL to be like https://signing.example.com, without user, query and fragment',
    { field: 'publicUrl' },
  )
}

/** Where clients on this machine reach the server; undefined if its port is not known yet. */
function urlOf({ host, port }: ListenAddress, publicUrl: string | undefined): string | undefined {
  if (publicUrl !== undefined) return publicUrl
  if (port === 0) return undefined
  if (host === '::' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`
}

function describeCreated(created: CreatedAuthority, url: string | undefined): string {
  return `Organization:   ${created.organizationId}
Administrator:  ${created.administratorId}
API token:      ${created.apiToken}

The token is shown this once. To use it:${url === undefined ? '' : `\n  export CHANCERY_URL=${url}`}
  export CHANCERY_ORGANIZATION=${created.organizationId}
  export CHANCERY_TOKEN=${created.apiToken}
`
}
