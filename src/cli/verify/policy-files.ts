import { YamlSource } from '../../config/yaml-reader.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseJson } from '../../format/json.ts'
import { AttestationPolicy } from '../../verify/attestation-policy.ts'
import { readUserFile } from '../local-files.ts'

const MAX_POLICY_BYTES = 1024 * 1024
const LIMITS = { maxBytes: 2 * MAX_POLICY_BYTES, maxDepth: 64 }

/**
 * Reads policies for attestations: JSON Schemas, in YAML where the name ends with .yaml or .yml, else in JSON.
 *
 * @throws ChanceryError ERR_CLI_USAGE if a file is in a language of Cosign's; ERR_CLI_FILE, ERR_FORMAT_JSON,
 * ERR_CONFIG_YAML or ERR_VERIFY_POLICY if it is not what it should be.
 */
export async function readPolicies(
  files: readonly string[],
): Promise<readonly AttestationPolicy[]> {
  const policies: AttestationPolicy[] = []
  for (const file of files) policies.push(new AttestationPolicy(await readSchema(file), file))
  return policies
}

async function readSchema(file: string): Promise<unknown> {
  if (/\.(?:cue|rego)$/i.test(file)) {
    throw new ChanceryError('ERR_CLI_USAGE', `${file}: CUE and Rego are not read`, {
      hints: [
        'Say the same as a JSON Schema (draft 2020-12), in JSON or YAML: docs/verify-images.md has one.',
      ],
    })
  }
  const bytes = await readUserFile(file, MAX_POLICY_BYTES)
  try {
    if (!/\.ya?ml$/i.test(file)) return parseJson(bytes, LIMITS)
    const value = YamlSource.readValue(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes),
      file,
    )
    // The same numbers and the same depth as in JSON.
    return parseJson(JSON.stringify(value), LIMITS)
  } catch (cause) {
    if (cause instanceof ChanceryError && cause.code === 'ERR_CONFIG_YAML') throw cause
    const reason = cause instanceof ChanceryError ? cause.message : 'expected YAML in UTF-8'
    throw new ChanceryError('ERR_VERIFY_POLICY', `${file}: ${reason}`, { cause })
  }
}
