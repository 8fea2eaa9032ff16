import type { BlockList } from 'node:net'
import type { ListenAddress } from '../config/listen-address.ts'
import type { MasterKeySource } from '../keys/master-key.ts'

/** What `chancery init` needs. */
export interface InitOptions {
  /** Made by `init`; must not exist, or be empty. */
  readonly dataDirectory: string
  readonly organizationName: string
  readonly masterKey: MasterKeySource
}

/** The new organization with its first administrator; the token is shown this once. */
export interface CreatedAuthority {
  readonly organizationId: string
  readonly administratorId: string
  readonly apiToken: string
}

/** What `chancery serve` needs. */
export interface ServeOptions {
  readonly dataDirectory: string
  readonly listen: ListenAddress
  /** How clients reach the server, for the links in its answers; from the listening address where absent. */
  readonly publicUrl: string | undefined
  /** Addresses of proxies that are believed when they say who calls; nobody is where absent. */
  readonly trustedProxies: BlockList | undefined
  readonly masterKey: MasterKeySource
  /** The largest artifact accepted; the server's default where absent. */
  readonly maxArtifactBytes: number | undefined
  /** No log lines for ordinary requests. */
  readonly isQuiet: boolean
}

/** What `chancery fsck` found. */
export interface FsckReport {
  /** How many of each kind of thing were examined. */
  readonly checked: Readonly<Record<string, number>>
  /** One sentence for each thing that does not hold together; empty for a sound data directory. */
  readonly problems: readonly string[]
}

/** An authority on this machine: what the CLI asks of the composition root. */
export interface LocalAuthority {
  /** Makes the authority; fails where there is one. */
  init(options: InitOptions): Promise<CreatedAuthority>
  /**
   * Serves an existing authority until `signal` aborts, then finishes the open requests and resolves.
   *
   * @param onListening Called once, with the URL, when calls are answered.
   */
  serve(
    options: ServeOptions,
    signal: AbortSignal,
    onListening: (url: string) => void,
  ): Promise<void>
  /** Examines a data directory that no server has open. */
  fsck(options: {
    readonly dataDirectory: string
    readonly masterKey: MasterKeySource
  }): Promise<FsckReport>
}

/** What the composition root gives the CLI; loaded when a command asks for it. */
export interface CliServices {
  readonly localAuthority: () => Promise<LocalAuthority>
}
