import { crc32, deflateRawSync } from 'node:zlib'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  CENTRAL_HEADER,
  DEFLATED,
  END,
  FLAGS,
  LOCAL_HEADER,
  MARK_16,
  MARK_32,
  STORED,
} from './zip-layout.ts'
import { parseZipPath, shownZipName, ZipPaths } from './zip-path.ts'
import type { ZipArchive } from './zip-reader.ts'

/** A file to be put into an archive. */
export interface ZipAddition {
  /** As `parseZipPath` demands; a file, so without a slash at its end. */
  readonly path: string
  readonly bytes: Uint8Array
  /** Whether the file is deflated, if that makes it smaller; otherwise it is stored as it is. */
  readonly isCompressed?: boolean
}

/** A `rw-r--r--` regular file made on Unix by a writer of version 2.0. */
const VERSION_MADE_BY = 0x0314
const VERSION_NEEDED = 20
const EXTERNAL_ATTRIBUTES = 0o100644 * 2 ** 16

/**
 * Makes a new archive of files, in their order.
 *
 * @param lastModified The time of all files; the archive keeps it in UTC, to two seconds, from 1980 to 2107.
 * @throws ChanceryError ERR_FORMAT_ZIP if a path is not safe to unpack.
 * @throws ChanceryError ERR_FORMAT_ZIP_ENTRY_EXISTS if two paths are equal without regard to case.
 * @throws ChanceryError ERR_FORMAT_ZIP_LIMIT if the archive would need zip64.
 */
export function writeZip(files: readonly ZipAddition[], lastModified: Date): Uint8Array {
  const nothing = new Uint8Array(0)
  const empty = { entries: [], directoryStart: 0, directoryEnd: 0, comment: nothing }
  return extendZip(nothing, empty, files, lastModified)
}

/**
 * A copy of an archive with more files. What was in it stays as it is, byte for byte: local headers, compressed
 * data, central headers and comment. The files follow it.
 *
 * @param archive What `readZip` returned for `bytes`.
 * @param lastModified See {@link writeZip}.
 * @throws ChanceryError as {@link writeZip} does; a path also exists if the archive has it.
 */
export function extendZip(
  bytes: Uint8Array,
  archive: ZipArchive,
  additions: readonly ZipAddition[],
  lastModified: Date,
): Uint8Array {
  const time = dosTime(lastModified)
  const files = checkPaths(archive, additions).map((addition) => prepare(addition, time))
  const directory = bytes.subarray(archive.directoryStart, archive.directoryEnd)
  const count = archive.entries.length + files.length
  const directoryStart = files.reduce((end, file) => end + localSize(file), archive.directoryStart)
  const size = files.reduce((sum, file) => sum + centralSize(file), directory.length)
  const total = directoryStart + size + END.size + archive.comment.length
  if (count >= MARK_16 || total >= MARK_32) {
    throw new ChanceryError(
      'ERR_FORMAT_ZIP_LIMIT',
      'ZIP archive: expected less than 65,535 entries and 4 GiB',
    )
  }

  const output = Buffer.allocUnsafeSlow(total)
  output.set(bytes.subarray(0, archive.directoryStart))
  output.set(directory, directoryStart)
  let localAt = archive.directoryStart
  let centralAt = directoryStart + directory.length
  for (const file of files) {
    writeCentralHeader(output, centralAt, file, localAt)
    writeLocalHeader(output, localAt, file)
    localAt += localSize(file)
    centralAt += centralSize(file)
  }
  writeEnd(output, centralAt, { count, size, directoryStart, comment: archive.comment })
  return new Uint8Array(output.buffer, output.byteOffset, output.byteLength)
}

function checkPaths(
  archive: ZipArchive,
  additions: readonly ZipAddition[],
): readonly ZipAddition[] {
  const paths = new ZipPaths()
  for (const { path } of archive.entries) paths.add(path)
  return additions.map((addition) => {
    const path = parseZipPath(addition.path)
    if (path.endsWith('/')) {
      throw new ChanceryError(
        'ERR_FORMAT_ZIP',
        `ZIP archive: expected a file, found ${shownZipName(path)}`,
      )
    }
    if (!paths.add(path)) {
      throw new ChanceryError(
        'ERR_FORMAT_ZIP_ENTRY_EXISTS',
        `ZIP archive: expected no entry ${shownZipName(path)} before it is added`,
        {
          hints: ['Remove or rename it in the archive; names are compared without regard to case.'],
        },
      )
    }
    return { ...addition, path }
  })
}

/** A file ready to be written. */
interface PreparedFile {
  readonly name: Buffer
  readonly flags: number
  readonly method: number
  readonly time: number
  readonly crc32: number
  readonly data: Uint8Array
  readonly size: number
}

function prepare(addition: ZipAddition, time: number): PreparedFile {
  const { bytes, path } = addition
  const name = Buffer.from(path)
  const deflated = addition.isCompressed === true ? deflateRawSync(bytes) : bytes
  const isSmaller = deflated.length < bytes.length
  return {
    name,
    flags: name.length === path.length ? 0 : FLAGS.utf8,
    method: isSmaller ? DEFLATED : STORED,
    time,
    crc32: crc32(bytes),
    data: isSmaller ? deflated : bytes,
    size: bytes.length,
  }
}

/** Date in the upper, time in the lower half. Source: APPNOTE.TXT 6.3.10, section 4.4.6. */
function dosTime(instant: Date): number {
  const year = Math.min(Math.max(instant.getUTCFullYear(), 1980), 2107)
  const date = ((year - 1980) << 9) | ((instant.getUTCMonth() + 1) << 5) | instant.getUTCDate()
  const time =
    (instant.getUTCHours() << 11) | (instant.getUTCMinutes() << 5) | (instant.getUTCSeconds() >> 1)
  return ((date << 16) | time) >>> 0
}

function localSize(file: PreparedFile): number {
  return LOCAL_HEADER.size + file.name.length + file.data.length
}

function centralSize(file: PreparedFile): number {
  return CENTRAL_HEADER.size + file.name.length
}

function writeLocalHeader(output: Buffer, at: number, file: PreparedFile): void {
  output.writeUInt32LE(LOCAL_HEADER.signature, at)
  writeCommonFields(output, at + 4, file)
  output.set(file.name, at + LOCAL_HEADER.size)
  output.set(file.data, at + LOCAL_HEADER.size + file.name.length)
}

function writeCentralHeader(output: Buffer, at: number, file: PreparedFile, localAt: number): void {
  output.writeUInt32LE(CENTRAL_HEADER.signature, at)
  output.writeUInt16LE(VERSION_MADE_BY, at + 4)
  writeCommonFields(output, at + 6, file)
  // Comment length, disk and internal attributes.
  output.fill(0, at + 32, at + 38)
  output.writeUInt32LE(EXTERNAL_ATTRIBUTES, at + 38)
  output.writeUInt32LE(localAt, at + 42)
  output.set(file.name, at + CENTRAL_HEADER.size)
}

/** The 26 bytes that local and central headers share. */
function writeCommonFields(output: Buffer, at: number, file: PreparedFile): void {
  output.writeUInt16LE(VERSION_NEEDED, at)
  output.writeUInt16LE(file.flags, at + 2)
  output.writeUInt16LE(file.method, at + 4)
  output.writeUInt32LE(file.time, at + 6)
  output.writeUInt32LE(file.crc32, at + 10)
  output.writeUInt32LE(file.data.length, at + 14)
  output.writeUInt32LE(file.size, at + 18)
  output.writeUInt16LE(file.name.length, at + 22)
  output.writeUInt16LE(0, at + 24)
}

interface EndRecord {
  readonly count: number
  readonly size: number
  readonly directoryStart: number
  readonly comment: Uint8Array
}

function writeEnd(output: Buffer, at: number, end: EndRecord): void {
  output.writeUInt32LE(END.signature, at)
  output.writeUInt32LE(0, at + 4)
  output.writeUInt16LE(end.count, at + 8)
  output.writeUInt16LE(end.count, at + 10)
  output.writeUInt32LE(end.size, at + 12)
  output.writeUInt32LE(end.directoryStart, at + 16)
  output.writeUInt16LE(end.comment.length, at + 20)
  output.set(end.comment, at + END.size)
}
