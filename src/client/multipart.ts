import { encodeHex } from '../format/hex.ts'

/** One part of a form: a text field, or a file with its name. */
export type FormPart =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly fileName: string; readonly bytes: Uint8Array }

/** An encoded form and its `Content-Type`. */
export interface EncodedForm {
  readonly contentType: string
  readonly bytes: Uint8Array
}

const encoder = new TextEncoder()

/** A text field; none where there is no value. */
export function optionalPart(name: string, value: string | undefined): readonly FormPart[] {
  return value === undefined ? [] : [{ name, value }]
}

/**
 * Encodes `multipart/form-data`. Names and file names are quoted, with quotes and line breaks percent-encoded as
 * browsers and curl do, so that no value can add a header.
 * Source: RFC 7578, section 4.2; WHATWG HTML, "Multipart form data".
 *
 * @param random 16 random bytes for the boundary, which nobody who chooses a part may know.
 */
export function encodeForm(parts: readonly FormPart[], random: Uint8Array): EncodedForm {
  const boundary = `chancery-${encodeHex(random)}`
  const chunks: Uint8Array[] = []
  for (const part of parts) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(part.name)}"`
    if ('bytes' in part) {
      const file = `; filename="${quote(part.fileName)}"\r\nContent-Type: application/octet-stream`
      chunks.push(
        encoder.encode(`${disposition}${file}\r\n\r\n`),
        part.bytes,
        encoder.encode('\r\n'),
      )
    } else {
      chunks.push(encoder.encode(`${disposition}\r\n\r\n${part.value}\r\n`))
    }
  }
  chunks.push(encoder.encode(`--${boundary}--\r\n`))
  return { contentType: `multipart/form-data; boundary=${boundary}`, bytes: concatenate(chunks) }
}

function quote(text: string): string {
  return text.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22')
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
