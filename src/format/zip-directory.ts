import { ChanceryError } from '../errors/chancery-error.ts'
import type { ZipDirectoryRange } from './zip-end.ts'
import { extraFields, readZip64Sizes } from './zip-extra.ts'
import { CENTRAL_HEADER, DEFLATED, FLAGS, MARK_16, MODE, STORED } from './zip-layout.ts'
import { parseZipPath, shownZipName } from './zip-path.ts'

/** What the central directory says of an entry; everything in it has been checked. */
export interface ZipHeader {
  /** As `parseZipPath` returns it. */
  readonly path: string
  /** The name as it is in the archive. */
  readonly name: Buffer
  readonly flags: number
  /** `STORED` or `DEFLATED`. */
  readonly method: number
  readonly crc32: number
  readonly compressedSize: number
  readonly size: number
  /** Byte offset of the local header. */
  readonly localStart: number
}

const KNOWN_FLAGS = FLAGS.deflateOptions | FLAGS.descriptor | FLAGS.utf8
const AES_EXTRA = 0x9901
const AES_METHOD = 99
const UNICODE_PATH_EXTRA = 0x7075
const METHODS: Readonly<Record<number, string>> = {
  1: 'Shrink',
  6: 'Implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'XZ',
  98: 'PPMd',
}
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads the central directory: exactly the announced number of headers, which fill it.
 *
 * @throws ChanceryError ERR_FORMAT_ZIP if it is malformed, or an entry is of a kind that `readZip` refuses.
 */
export function readDirectory(archive: Buffer, range: ZipDirectoryRange): readonly ZipHeader[] {
  const headers: ZipHeader[] = []
  let at = range.start
  for (let index = 0; index < range.count; index++) {
    const next = headerEnd(archive, at, range.end)
    headers.push(readHeader(archive, at, next))
    at = next
  }
  if (at !== range.end) throw refused(`${range.count} entries that fill the central directory`)
  return headers
}

function headerEnd(archive: Buffer, at: number, end: number): number {
  if (at + CENTRAL_HEADER.size > end || archive.readUInt32LE(at) !== CENTRAL_HEADER.signature) {
    throw refused('an entry of the central directory')
  }
  const next =
    at +
    CENTRAL_HEADER.size +
    archive.readUInt16LE(at + 28) +
    archive.readUInt16LE(at + 30) +
    archive.readUInt16LE(at + 32)
  if (next > end) throw refused('entries within the central directory')
  return next
}

function readHeader(archive: Buffer, at: number, next: number): ZipHeader {
  const nameEnd = at + CENTRAL_HEADER.size + archive.readUInt16LE(at + 28)
  const name = archive.subarray(at + CENTRAL_HEADER.size, nameEnd)
  const text = decodeName(name)
  const path = parseZipPath(text)
  const extraEnd = nameEnd + archive.readUInt16LE(at + 30)
  const extra = archive.subarray(nameEnd, Math.min(extraEnd, next))
  const flags = archive.readUInt16LE(at + 8)
  const method = archive.readUInt16LE(at + 10)

  checkExtra(extra, text)
  checkEncryption(flags, method, path)
  checkMethod(method, path)
  checkMode(archive.readUInt32LE(at + 38), path)
  const sizes = readZip64Sizes(extra, {
    size: archive.readUInt32LE(at + 24),
    compressedSize: archive.readUInt32LE(at + 20),
    localStart: archive.readUInt32LE(at + 42),
  })
  const disk = archive.readUInt16LE(at + 34)
  if (disk !== 0 && disk !== MARK_16) throw refused('an archive on one disk')
  if (method === STORED && sizes.size !== sizes.compressedSize) {
    throw refused(`one size of the stored file ${shownZipName(path)}`)
  }
  if (path.endsWith('/') && sizes.size !== 0) {
    throw refused(`no content in the directory ${shownZipName(path)}`)
  }
  return { path, name, flags, method, crc32: archive.readUInt32LE(at + 16), ...sizes }
}

function decodeName(name: Buffer): string {
  if (name.every((byte) => byte < 0x80)) return name.toString('latin1')
  try {
    return UTF8.decode(name)
  } catch (cause) {
    throw refused('names in UTF-8', cause)
  }
}

/**
 * Refuses extra fields that make other readers see something else: AES encryption, and a second name.
 *
 * @param name The name that the header has.
 */
export function checkExtra(extra: Buffer, name: string): void {
  for (const { id, data } of extraFields(extra)) {
    if (id === AES_EXTRA) throw refused(`no encryption, found AES in ${shownZipName(name)}`)
    if (id === UNICODE_PATH_EXTRA && data.subarray(5).toString() !== name) {
      throw refused(`one name for ${shownZipName(name)}`)
    }
  }
}

function checkEncryption(flags: number, method: number, path: string): void {
  if (method === AES_METHOD) throw refused(`no encryption, found AES in ${shownZipName(path)}`)
  if ((flags & (FLAGS.strongEncryption | FLAGS.maskedHeaders)) !== 0) {
    throw refused(`no encryption, found strong encryption in ${shownZipName(path)}`)
  }
  if ((flags & FLAGS.encrypted) !== 0) {
    throw refused(`no encryption, found a password protected ${shownZipName(path)}`)
  }
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    throw refused(`plain stored or deflated files, found ${shownZipName(path)}`)
  }
}

function checkMethod(method: number, path: string): void {
  if (method === STORED || method === DEFLATED) return
  const found = METHODS[method] ?? `compression method ${method}`
  throw refused(`stored or deflated files, found ${found} in ${shownZipName(path)}`)
}

/** Whatever system the entry says it was made on: readers differ in whether they look at that. */
function checkMode(externalAttributes: number, path: string): void {
  const type = (externalAttributes >>> 16) & MODE.mask
  if (type === MODE.link) throw refused(`no symbolic links, found ${shownZipName(path)}`)
  if (type !== 0 && type !== MODE.regular && type !== MODE.directory) {
    throw refused(`files and directories only, found ${shownZipName(path)}`)
  }
  if (type !== 0 && (type === MODE.directory) !== path.endsWith('/')) {
    throw refused(
      `a slash at the end of directories and of nothing else, found ${shownZipName(path)}`,
    )
  }
}

function refused(expected: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_FORMAT_ZIP', `ZIP archive: expected ${expected}`, {
    cause,
    hints: ['Make the archive with "zip" or another tool, without encryption and without links.'],
  })
}
