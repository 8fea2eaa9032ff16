import { ChanceryError } from '../../src/errors/chancery-error.ts'
import type { Services } from '../../src/http/services.ts'
import type { Administration } from '../../src/administration/administration.ts'
import type { Principal } from '../../src/policy/principal.ts'
import type { SigningService, Submitted } from '../../src/signing/signing-service.ts'

/** The organization of {@link PRINCIPAL}. */
export const ORGANIZATION = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'
/** The request every submission makes. */
export const REQUEST = '0197a1c3-0000-7000-8000-000000000001'
/** The one accepted header. */
export const BEARER = 'Bearer token-of-ada'

/** Whose token {@link BEARER} is. */
export const PRINCIPAL: Principal = {
  organizationId: ORGANIZATION,
  userId: '0197a1c2-0000-7000-8000-00000000000a',
  userName: 'Ada',
  userType: 'ci',
  tokenId: '0197a1c2-0000-7000-8000-00000000000b',
  roles: new Set(['RegularUser']),
  groupIds: new Set(),
}

/** What every submission answers. */
export const SUBMITTED: Submitted = {
  signingRequestId: REQUEST,
  status: 'Completed',
  workflowStatus: 'Completed',
  isFinalStatus: true,
  statusReason: null,
  statusHints: [],
  signatures: [
    { path: 'payload.json', outputPath: 'payload.json.sig', sha256: '00', signature: 'AA==' },
  ],
}

function refuse(): never {
  throw new Error('this test does not expect the call')
}

/** Only the methods a test names exist; every other one fails the test. */
export function servicesOf(
  given: {
    readonly signing?: Partial<SigningService>
    readonly administration?: Partial<Administration>
  } & Partial<Omit<Services, 'signing' | 'administration'>> = {},
): Services {
  return {
    authenticate: (header) => {
      if (header === BEARER) return PRINCIPAL
      throw new ChanceryError('ERR_IDENTITY_UNAUTHENTICATED', 'the token is not accepted')
    },
    recordLoginFailure: () => undefined,
    commits: () => 0,
    readiness: () => ({ isReady: true, checks: { store: true, keys: true } }),
    audit: { list: refuse, export: refuse, verify: refuse },
    ...given,
    signing: (given.signing ?? {}) as SigningService,
    administration: (given.administration ?? {}) as Administration,
  }
}
