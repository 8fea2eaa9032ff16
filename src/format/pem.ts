import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'

/** One PEM block. */
export interface PemBlock {
  /** What stands after `BEGIN`, such as `CERTIFICATE`. */
  readonly label: string
  readonly bytes: Uint8Array
}

const LINE_LENGTH = 64
const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'
const LABEL = /^[!-,.-~]+(?:[ -][!-,.-~]+)*$/

/** One PEM block with lines of 64 characters that end in LF. Source: RFC 7468, 2. */
export function encodePem(label: string, bytes: Uint8Array): string {
  const base64 = encodeBase64(bytes)
  const lines = [BEGIN + label + DASHES]
  for (let i = 0; i < base64.length; i += LINE_LENGTH) lines.push(base64.slice(i, i + LINE_LENGTH))
  lines.push(END + label + DASHES, '')
  return lines.join('\n')
}

/**
 * Reads all PEM blocks of a text, in order. Text outside of blocks is ignored, as RFC 7468 wants it.
 *
 * Inside a block there is base64 only, without blanks or empty lines, in lines of any length; lines end in LF or CRLF.
 * Headers (RFC 1421) are refused.
 * Source: RFC 7468, 2 and 3, "standard" form.
 *
 * @returns Empty if there is no block.
 * @throws ChanceryError ERR_FORMAT_PEM if a block does not end, ends with another label, or holds anything else.
 */
export function decodePem(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = []
  let label: string | undefined
  let base64: string[] = []
  let index = -1
  for (const ended of text.split('\n')) {
    index++
    const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended
    if (label === undefined) {
      if (!line.startsWith(BEGIN)) continue
      label = readLabel(line, index)
      base64 = []
    } else if (line === END + label + DASHES) {
      blocks.push({ label, bytes: decodeBody(label, base64.join('')) })
      label = undefined
    } else {
      requireBase64Line(line, index)
      base64.push(line)
    }
  }
  if (label !== undefined) throw pemError(`expected ${END}${label}${DASHES}, found the end`)
  return blocks
}

function readLabel(line: string, index: number): string {
  const label = line.slice(BEGIN.length, -DASHES.length)
  if (!line.endsWith(DASHES) || !LABEL.test(label)) {
    throw pemError(`line ${index + 1}: expected -----BEGIN LABEL-----`)
  }
  return label
}

function requireBase64Line(line: string, index: number): void {
  if (line.includes(':') || line === '') {
    throw pemError(`line ${index + 1}: expected base64, found a header or an empty line`, [
      'Files with a `Proc-Type` header are converted by `openssl pkcs8 -topk8`.',
    ])
  }
  if (line.startsWith(DASHES))
    throw pemError(`line ${index + 1}: expected base64 or the block's end`)
}

function decodeBody(label: string, base64: string): Uint8Array {
  try {
    return decodeBase64(base64)
  } catch {
    throw pemError(`the ${label} block is not base64, or is damaged`)
  }
}

function pemError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_FORMAT_PEM', message, { hints })
}
