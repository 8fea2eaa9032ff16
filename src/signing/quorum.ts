import type { SigningPolicy } from '../catalog/objects.ts'
import { isAssigned } from '../policy/permission.ts'
import type { StoredApproval } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'

/** Whether enough of the decisions are approvals that count: of users who are active approvers of the policy now. */
export function hasQuorum(
  { catalog }: Pick<SigningContext, 'catalog'>,
  policy: SigningPolicy,
  decisions: readonly StoredApproval[],
): boolean {
  const counted = decisions.filter(({ userId, decision }) => {
    if (decision !== 'approved' || catalog.find('user', userId)?.isActive !== true) return false
    const groupIds = new Set(catalog.groupsOf(userId).map((group) => group.id))
    return isAssigned({ userId, groupIds }, policy.approvers)
  })
  return counted.length >= policy.requiredApprovals
}
