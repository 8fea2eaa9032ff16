import type { SigningPolicy } from '../catalog/objects.ts'
import { isAssigned } from '../policy/permission.ts'
import type { Assignees } from '../policy/principal.ts'
import type { StoredApproval } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'

type Users = Pick<SigningContext, 'catalog'>

/** Whether a user is active and among the assignees now, by itself or by a group. */
export function holdsRight({ catalog }: Users, userId: string, assignees: Assignees): boolean {
  if (catalog.find('user', userId)?.isActive !== true) return false
  const groupIds = new Set(catalog.groupsOf(userId).map((group) => group.id))
  return isAssigned({ userId, groupIds }, assignees)
}

/** Whether enough of the decisions are approvals that count: of users who are active approvers of the policy now. */
export function hasQuorum(
  users: Users,
  policy: SigningPolicy,
  decisions: readonly StoredApproval[],
): boolean {
  const counted = decisions.filter(
    ({ userId, decision }) =>
      decision === 'approved' && holdsRight(users, userId, policy.approvers),
  )
  return counted.length >= policy.requiredApprovals
}
