/** A file or, where `bytes` is absent, a directory of a {@link encodeTar} archive. */
export interface TarEntry {
  /** Relative, with `/` between its parts; at most 255 bytes, of which at most 100 after some slash. */
  readonly path: string
  readonly bytes?: Uint8Array
  readonly isExecutable?: boolean
}

const BLOCK = 512
const MAX_NAME = 100
const MAX_PREFIX = 155

/**
 * A tar archive in the ustar format: the same bytes for the same entries, owned by root, without times.
 * Source: POSIX.1-1988 (IEEE Std 1003.1), 10.1.1; OCI image-spec, layer.md.
 *
 * @throws RangeError if a path does not fit.
 */
export function encodeTar(entries: readonly TarEntry[]): Uint8Array {
  const blocks = entries.flatMap((entry) => {
    const bytes = entry.bytes ?? new Uint8Array()
    return [encodeHeader(entry, bytes.length), bytes, new Uint8Array(-bytes.length & (BLOCK - 1))]
  })
  return Buffer.concat([...blocks, new Uint8Array(2 * BLOCK)])
}

function encodeHeader(entry: TarEntry, size: number): Uint8Array {
  const isDirectory = entry.bytes === undefined
  const { prefix, name } = splitPath(isDirectory ? `${entry.path}/` : entry.path)
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1')
  header.write(name, 0)
  octal(isDirectory || entry.isExecutable === true ? 0o755 : 0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(0, 136, 12)
  header.write(isDirectory ? '5' : '0', 156, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  header.write(prefix, 345)
  // The checksum is made over a header in which its own field is blank.
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

function splitPath(path: string): { readonly prefix: string; readonly name: string } {
  if (Buffer.byteLength(path) <= MAX_NAME) return { prefix: '', name: path }
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    const fits = Buffer.byteLength(prefix) <= MAX_PREFIX && Buffer.byteLength(name) <= MAX_NAME
    if (fits && name !== '') return { prefix, name }
  }
  throw new RangeError(`expected a path that fits into a tar header, found ${path}`)
}
