import type { FileHandle } from 'node:fs/promises'
import {
  MAX_EXTENDED_BYTES,
  normalizeTarName,
  parseExtendedHeader,
  parseLongName,
  parseTarHeader,
  TAR_BLOCK,
  tarError,
  type ExtendedHeader,
} from '../format/tar-header.ts'

/** Where the content of a file is in an archive, in bytes. */
export interface TarRange {
  readonly start: number
  readonly size: number
}

const MAX_HEADERS = 50_000

/**
 * Finds the files of an uncompressed tar archive. Only headers are read; contents stay where they are.
 *
 * @returns By their names, relative and without `./`.
 * @throws ChanceryError ERR_FORMAT_TAR if it is no such archive or ends too early; has a name twice, one that leads out of
 *   a directory, or a link; or has more than 50,000 headers.
 */
export async function indexTar(file: FileHandle): Promise<ReadonlyMap<string, TarRange>> {
  const { size: length } = await file.stat()
  const files = new Map<string, TarRange>()
  const directories = new Set<string>()
  let next: Partial<ExtendedHeader> = {}
  let at = 0
  for (let headers = 0; ; headers += 1) {
    if (headers === MAX_HEADERS) throw tarError(`expected at most ${MAX_HEADERS} headers`)
    const header = parseTarHeader(await readExactly(file, at, TAR_BLOCK))
    if (header === undefined) {
      if (Object.keys(next).length > 0)
        throw tarError('expected an entry after its extended header')
      if (parseTarHeader(await readExactly(file, at + TAR_BLOCK, TAR_BLOCK)) === undefined) break
      throw tarError('expected two blocks of zeros at the end')
    }
    const isEntry = header.kind === 'file' || header.kind === 'directory'
    const size = isEntry ? (next.size ?? header.size) : header.size
    const start = at + TAR_BLOCK
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
    if (!(at <= length)) throw tarError('expected the whole archive, found an end in the middle')
    if (!isEntry) {
      if (size > MAX_EXTENDED_BYTES) throw tarError('expected at most 64 KiB of extended headers')
      const bytes = await readExactly(file, start, size)
      const more: Partial<ExtendedHeader> =
        header.kind === 'long-name' ? { name: parseLongName(bytes) } : parseExtendedHeader(bytes)
      if (header.kind === 'global') requireNothing(more)
      else next = merge(next, more)
      continue
    }
    const given = next.name ?? header.name
    // A file whose name ends so is a directory for some readers.
    if (header.kind === 'file' && given.endsWith('/'))
      throw tarError('expected no file named as a directory')
    const name = normalizeTarName(given)
    next = {}
    if (files.has(name) || (header.kind === 'file' && (directories.has(name) || name === ''))) {
      throw tarError(`expected each name once, found ${JSON.stringify(name.slice(0, 100))} twice`)
    }
    if (header.kind === 'file') files.set(name, { start, size })
    else directories.add(name)
  }
  return files
}

/** Two names for one entry are two answers to which it is. */
function merge(
  before: Partial<ExtendedHeader>,
  more: Partial<ExtendedHeader>,
): Partial<ExtendedHeader> {
  if (Object.keys(before).length === 0) return more
  throw tarError('expected one extended header before an entry')
}

function requireNothing({ name, size }: Partial<ExtendedHeader>): void {
  if (name === undefined && size === undefined) return
  throw tarError('expected no name and no size for all entries')
}

async function readExactly(file: FileHandle, start: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, start + length)
    if (bytesRead === 0) throw tarError('expected the whole archive, found an end in the middle')
    length += bytesRead
  }
  return bytes
}
