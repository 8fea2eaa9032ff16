import { submitWithoutArtifact, uploadUnsignedArtifact } from './await-upload.ts'
import { approveRequest, cancelRequest, denyRequest, statusOf } from './decide-request.ts'
import {
  downloadBuildSettingsFile,
  downloadSignedArtifact,
  downloadUnsignedArtifact,
  downloadX509Certificate,
} from './download-artifact.ts'
import { findReadableRequest } from './find-request.ts'
import { listMySigningPolicies } from './my-signing-policies.ts'
import { listRequests, recordOf } from './read-requests.ts'
import { resubmitRequest } from './resubmit-request.ts'
import { signHash } from './sign-hash.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningService } from './signing-service.ts'
import { submitRequest } from './submit-request.ts'

/** The signing service over its context. It holds no state of its own. */
export function createSigningService(context: SigningContext): SigningService {
  return {
    submitWithArtifact: (caller, submission, artifact) =>
      submitRequest(context, caller, submission, artifact),
    submitWithoutArtifact: (caller, submission, metadata) =>
      submitWithoutArtifact(context, caller, submission, metadata),
    uploadUnsignedArtifact: (caller, id, bytes) =>
      uploadUnsignedArtifact(context, caller, id, bytes),
    resubmit: (caller, id, policy, description, idempotencyKey) =>
      resubmitRequest(context, caller, id, policy, description, idempotencyKey),
    signHash: (caller, submission, hash) => signHash(context, caller, submission, hash),
    getStatus: (caller, id) => statusOf(findReadableRequest(context, caller, id).request),
    get: (caller, id) => recordOf(context, findReadableRequest(context, caller, id).request),
    list: (caller, query) => listRequests(context, caller, query),
    downloadSignedArtifact: (caller, id) => downloadSignedArtifact(context, caller, id),
    downloadUnsignedArtifact: (caller, id) => downloadUnsignedArtifact(context, caller, id),
    downloadBuildSettingsFile: (caller, id) => downloadBuildSettingsFile(context, caller, id),
    downloadX509Certificate: (caller, id) => downloadX509Certificate(context, caller, id),
    approve: (caller, id, reason) => approveRequest(context, caller, id, reason),
    deny: (caller, id, reason) => denyRequest(context, caller, id, reason),
    cancel: (caller, id) => cancelRequest(context, caller, id),
    listMySigningPolicies: (caller, filter) => listMySigningPolicies(context, caller, filter),
  }
}
