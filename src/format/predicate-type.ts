import { ChanceryError } from '../errors/chancery-error.ts'
import { COSIGN_SIGNATURE_PREDICATE } from './image-statement.ts'

/** The predicate type of Cosign's own attestations: any text, and when it was said. Source: Cosign, COSIGN_PREDICATE_SPEC. */
export const COSIGN_CUSTOM_PREDICATE = 'https://cosign.sigstore.dev/attestation/v1'

/** The predicate types that have short names. Source: Cosign, `attest --type`. */
export const PREDICATE_TYPES: Readonly<Record<string, string>> = {
  custom: COSIGN_CUSTOM_PREDICATE,
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  openvex: 'https://openvex.dev/ns',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance02: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  spdx: 'https://spdx.dev/Document',
  spdxjson: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  link: 'https://in-toto.io/Link/v1',
}

/** A URI of 1 to 1,024 visible ASCII characters. Source: in-toto attestation, spec/v1/field_types.md, "TypeURI". */
const TYPE_URI = /^(?=.{1,1024}$)[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/

/**
 * The predicate type that somebody means: one of Cosign's short names, or a URI as it is.
 *
 * @throws ChanceryError ERR_FORMAT_PREDICATE if it is neither.
 */
export function parsePredicateType(text: string): string {
  const known = Object.hasOwn(PREDICATE_TYPES, text) ? PREDICATE_TYPES[text] : undefined
  if (known !== undefined) return known
  if (TYPE_URI.test(text)) return text
  throw new ChanceryError('ERR_FORMAT_PREDICATE', 'expected a known predicate type, or a URI', {
    hints: [`Known are ${Object.keys(PREDICATE_TYPES).join(', ')}.`],
  })
}

/**
 * Like {@link parsePredicateType}, for a statement that is made: one about an image that is not the image's signature.
 *
 * @throws ChanceryError ERR_FORMAT_PREDICATE besides if it is the type of signatures.
 */
export function parseAttestationType(text: string): string {
  const type = parsePredicateType(text)
  if (type !== COSIGN_SIGNATURE_PREDICATE) return type
  throw new ChanceryError(
    'ERR_FORMAT_PREDICATE',
    `${type} is the type of image signatures, which attest nothing`,
    { hints: ['`chancery sign` signs images.'] },
  )
}
