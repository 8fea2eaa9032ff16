import { parseGuid } from '../format/guid.ts'
import { canonicalGuid } from './binding.ts'

/**
 * The id in a path, in lower case.
 *
 * @throws ChanceryError ERR_FORMAT_GUID if it is not a GUID.
 */
export function identifier(text: string, field: string): string {
  return parseGuid(canonicalGuid(text), field)
}
