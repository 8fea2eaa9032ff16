import { ADMINISTRATION_CODES } from './administration-codes.ts'
import { AUDIT_CODES } from './audit-codes.ts'
import { CATALOG_CODES } from './catalog-codes.ts'
import { CLI_CODES } from './cli-codes.ts'
import { CLIENT_CODES } from './client-codes.ts'
import { CONFIG_CODES } from './config-codes.ts'
import { CRYPTO_CODES } from './crypto-codes.ts'
import { DB_CODES } from './db-codes.ts'
import { FORMAT_CODES } from './format-codes.ts'
import { HTTP_CODES } from './http-codes.ts'
import { IDENTITY_CODES } from './identity-codes.ts'
import { KEYS_CODES } from './keys-codes.ts'
import { MERKLE_CODES } from './merkle-codes.ts'
import { POLICY_CODES } from './policy-codes.ts'
import { REGISTRY_CODES } from './registry-codes.ts'
import { SIGNING_CODES } from './signing-codes.ts'
import { VERIFY_CODES } from './verify-codes.ts'
import { X509_CODES } from './x509-codes.ts'

/** Every error code, with its kind and a summary; `docs/errors.md` is printed from it. */
export const CODES = {
  ...ADMINISTRATION_CODES,
  ...AUDIT_CODES,
  ...CATALOG_CODES,
  ...CLI_CODES,
  ...CLIENT_CODES,
  ...CONFIG_CODES,
  ...CRYPTO_CODES,
  ...DB_CODES,
  ...FORMAT_CODES,
  ...HTTP_CODES,
  ...IDENTITY_CODES,
  ...KEYS_CODES,
  ...MERKLE_CODES,
  ...POLICY_CODES,
  ...REGISTRY_CODES,
  ...SIGNING_CODES,
  ...VERIFY_CODES,
  ...X509_CODES,
} as const

/** The name of an error condition: `ERR_<AREA>_<CONDITION>`. */
export type ErrorCode = keyof typeof CODES
