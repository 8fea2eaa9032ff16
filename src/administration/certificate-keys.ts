import type { Certificate, CreationMethod } from '../catalog/objects.ts'
import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import { randomBytes, randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeBase64 } from '../format/base64.ts'
import { readPrivateKeyFile } from '../keys/key-file.ts'
import type { KeyOwner, NewKey } from '../keys/software-key-store.ts'
import type { Caller } from '../policy/caller.ts'
import { mayAdministerCertificates, requirePermission } from '../policy/permission.ts'
import type { Principal } from '../policy/principal.ts'
import type { Created } from '../wire/shapes.ts'
import { createCertificateSigningRequest } from '../x509/certificate-signing-request.ts'
import { createSelfSignedCertificate } from '../x509/self-signed.ts'
import type { Administration } from './administration.ts'
import type { Deed } from './audit-events.ts'
import { requireName, requireSlug } from './configuration-value.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} that makes keys. */
export type KeyAdministration = Pick<
  Administration,
  'createSelfSignedX509' | 'createCsrBasedX509' | 'importCertificate'
>

const DEFAULT_ALGORITHM: SignatureAlgorithm = 'ecdsa-p256'
const DEFAULT_VALID_FOR_DAYS = 1825
const DAY_MS = 86_400_000
const SERIAL_NUMBER_BYTES = 20

/** What is known of a certificate once it has its key. */
interface Issued {
  readonly key: NewKey
  readonly creationMethod: CreationMethod
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly certificateSigningRequest: Uint8Array | null
}

interface Named {
  readonly slug: string
  readonly name: string
}

/** @throws ChanceryError ERR_POLICY_FORBIDDEN if the principal does not administer certificates. */
export function requireCertificateAdministrator(principal: Principal): void {
  requirePermission(
    mayAdministerCertificates(principal),
    'certificate administrator of the organization',
  )
}

/** Makes keys and takes keys over; a key and its certificate become durable in one change. */
export function createKeyAdministration(services: Services): KeyAdministration {
  const { keyStore, now } = services
  return {
    createSelfSignedX509: (caller, create) =>
      addCertificate(services, caller, create, 'Created', async (owner) => {
        const key = await keyStore.generate(create.algorithm ?? DEFAULT_ALGORITHM, owner)
        const { emailAddress, ...subject } = create.subject
        const notBefore = now()
        const validForDays = create.validForDays ?? DEFAULT_VALID_FOR_DAYS
        const der = await createSelfSignedCertificate(
          {
            subject,
            emailAddress,
            serialNumber: randomBytes(SERIAL_NUMBER_BYTES),
            notBefore: new Date(notBefore),
            notAfter: new Date(notBefore + validForDays * DAY_MS),
          },
          key.signer,
        )
        return { key, creationMethod: 'SelfSigned', chain: [der], certificateSigningRequest: null }
      }),

    createCsrBasedX509: (caller, create) =>
      addCertificate(services, caller, create, 'Created', async (owner) => {
        const key = await keyStore.generate(create.algorithm ?? DEFAULT_ALGORITHM, owner)
        const { emailAddress, ...subject } = create.subject
        const request = await createCertificateSigningRequest(subject, emailAddress, key.signer)
        return { key, creationMethod: 'Csr', chain: [], certificateSigningRequest: request }
      }),

    importCertificate: (caller, named, upload, passphrase) =>
      addCertificate(services, caller, named, 'Imported', async (owner) => {
        const file = await readPrivateKeyFile(upload.bytes, passphrase)
        return {
          key: keyStore.import(file.privateKey, owner),
          creationMethod: file.format === 'pkcs12' ? 'PfxImport' : 'ImportedWithExistingKeyPair',
          chain: file.chain.map(({ der }) => der),
          certificateSigningRequest: null,
        }
      }),
  }
}

/**
 * Rights and slug are looked at before the work as well as after: making a key can take seconds, in which no other
 * change has to wait.
 */
async function addCertificate(
  { catalog, changes, now }: Services,
  caller: Caller,
  named: Named,
  deed: Deed,
  issue: (owner: KeyOwner) => Promise<Issued>,
): Promise<Created> {
  const { principal } = caller
  requireCertificateAdministrator(principal)
  const slug = requireSlug(named.slug)
  const name = requireName(named.name)
  if (catalog.findCertificate(principal.organizationId, slug) !== undefined) {
    throw new ChanceryError(
      'ERR_CATALOG_DUPLICATE',
      `there is a certificate with the slug '${slug}' already`,
      { field: 'slug', hints: ['choose another slug; disabled certificates keep theirs'] },
    )
  }
  const createdAt = now()
  const { organizationId } = principal
  const keyId = randomGuid(createdAt)
  const issued = await issue({ keyId, organizationId, createdAt })
  return changes.run(caller, (present, at) => {
    requireCertificateAdministrator(present)
    const request = issued.certificateSigningRequest
    const after: Certificate = {
      id: randomGuid(at),
      organizationId,
      version: 1,
      isActive: true,
      kind: 'certificate',
      slug,
      name,
      creationMethod: issued.creationMethod,
      keyStore: 'software',
      keyId,
      algorithm: issued.key.algorithm,
      publicKey: encodeBase64(issued.key.publicKey),
      chain: issued.chain.map(encodeBase64),
      certificateSigningRequest: request === null ? null : encodeBase64(request),
    }
    return {
      objects: [{ after, deed }],
      statements: issued.key.statements,
      result: { id: after.id },
    }
  })
}
