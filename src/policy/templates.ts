import { ChanceryError } from '../errors/chancery-error.ts'

/** A predefined artifact configuration. */
export interface ConfigurationTemplate {
  /** What the API calls it. */
  readonly template: string
  /** What people call it. */
  readonly name: string
  /** The XML a new artifact configuration starts with. */
  readonly xml: string
}

const DETACHED_RAW_SIGNATURES = `<?xml version="1.0" encoding="utf-8" ?>
<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
  <zip-file>
    <file-set>
      <include path="*" max-matches="unbounded" />
      <for-each>
        <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" rsa-padding="pkcs1" />
      </for-each>
    </file-set>
  </zip-file>
</artifact-configuration>
`

/**
 * The predefined artifact configurations.
 *
 * `detached-raw-signatures` signs each file at the top of a ZIP, one or many, in the way `cosign verify --key`
 * expects it: SHA-256 and, with RSA keys, PKCS#1 v1.5.
 */
export const TEMPLATES: readonly ConfigurationTemplate[] = [
  {
    template: 'detached-raw-signatures',
    name: 'Detached raw signatures',
    xml: DETACHED_RAW_SIGNATURES,
  },
]

/**
 * The XML of a predefined artifact configuration.
 *
 * @throws ChanceryError ERR_POLICY_TEMPLATE if there is none of that name.
 */
export function getTemplate(template: string): ConfigurationTemplate {
  const found = TEMPLATES.find((candidate) => candidate.template === template)
  if (found === undefined) {
    const names = TEMPLATES.map((candidate) => candidate.template).join(', ')
    throw new ChanceryError('ERR_POLICY_TEMPLATE', `expected the name of a template: ${names}`, {
      field: 'template',
    })
  }
  return found
}
