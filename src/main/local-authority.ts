import type { LocalAuthority } from '../cli/services.ts'
import { fsckAuthority } from './fsck-authority.ts'
import { initAuthority } from './init-authority.ts'
import { serveAuthority } from './serve-authority.ts'

/** What the CLI does on this machine. */
export const localAuthority: LocalAuthority = {
  init: initAuthority,
  serve: serveAuthority,
  fsck: fsckAuthority,
}
