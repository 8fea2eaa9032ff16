import { parseJson } from '../format/json.ts'

/** What is stored was bounded when it came in, and is stored with what was made of it. */
const LIMITS = { maxBytes: 256 * 1024 * 1024, maxKeys: Number.MAX_SAFE_INTEGER }

/**
 * Reads JSON that this program stored: however large a request is that was accepted, it can be read.
 *
 * @throws ChanceryError ERR_FORMAT_JSON if it is no strict JSON: somebody else wrote it.
 */
export function parseStoredJson(text: string): unknown {
  return parseJson(text, LIMITS)
}
