import { sha256 } from '../crypto/digest.ts'
import type { Statement } from '../db/ledger.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'
import type { ArtifactFile } from './signing-service.ts'

/** The statement that keeps the build settings file of a request whose origin is trusted; none otherwise. */
export function stageBuildSettings(
  context: SigningContext,
  request: SigningRequest,
  file: ArtifactFile | null | undefined,
): readonly Statement[] | Promise<readonly Statement[]> {
  if (request.body.origin === null || file === undefined || file === null) return []
  const staged = context.artifacts.stage(request.id, 'build-settings', file, sha256(file.bytes))
  return staged instanceof Promise ? staged.then((statement) => [statement]) : [staged]
}
