import { ChanceryError } from '../errors/chancery-error.ts'
import { CENTRAL_HEADER, END, MARK_16, MARK_32, ZIP64_END, ZIP64_LOCATOR } from './zip-layout.ts'

/** Where a ZIP archive's central directory is. */
export interface ZipDirectoryRange {
  /** Byte offsets; the end is exclusive. */
  readonly start: number
  readonly end: number
  /** Entries; consistent with the size of the directory. */
  readonly count: number
  /** The archive's comment, a view. */
  readonly comment: Uint8Array
}

interface EndFields {
  readonly count: number
  readonly size: number
  readonly start: number
}

/**
 * Finds the central directory by the end record, of which there can be only one: its signature is the last one in the
 * archive, its comment reaches to the last byte, and the directory ends where the record (or its zip64 record) begins.
 *
 * @throws ChanceryError ERR_FORMAT_ZIP if that is not so, or if the archive has several disks.
 */
export function findDirectory(archive: Buffer): ZipDirectoryRange {
  const at = findEnd(archive)
  const own = readEnd(archive, at)
  const zip64At = at - ZIP64_LOCATOR.size - ZIP64_END.size
  const hasLocator =
    at >= ZIP64_LOCATOR.size &&
    archive.readUInt32LE(at - ZIP64_LOCATOR.size) === ZIP64_LOCATOR.signature
  // Some readers look for the locator first, others for the marks: both or neither must be there.
  if (!hasLocator && (own.count === MARK_16 || own.size === MARK_32 || own.start === MARK_32)) {
    throw refused('a zip64 end record')
  }
  const fields = hasLocator ? readZip64End(archive, zip64At, own) : own
  const end = hasLocator ? zip64At : at
  if (fields.start + fields.size !== end) {
    throw refused('the central directory right before the end record')
  }
  if (fields.count * CENTRAL_HEADER.size > fields.size) {
    throw refused(`a central directory of ${fields.count} entries`)
  }
  const comment = archive.subarray(at + END.size)
  return { start: fields.start, end, count: fields.count, comment }
}

function findEnd(archive: Buffer): number {
  const from = Math.max(0, archive.length - END.size - END.maxComment)
  const at = from + archive.subarray(from).lastIndexOf('PK\x05\x06', undefined, 'latin1')
  if (at < from || at + END.size > archive.length) {
    throw refused('an end record: this is no ZIP archive, or it is incomplete')
  }
  if (at + END.size + archive.readUInt16LE(at + 20) !== archive.length) {
    throw refused('one end record, and its comment up to the last byte')
  }
  return at
}

function readEnd(archive: Buffer, at: number): EndFields {
  const disk = archive.readUInt16LE(at + 4)
  const directoryDisk = archive.readUInt16LE(at + 6)
  const countOfDisk = archive.readUInt16LE(at + 8)
  const count = archive.readUInt16LE(at + 10)
  const isOneDisk = [disk, directoryDisk].every((number) => number === 0 || number === MARK_16)
  if (!isOneDisk || countOfDisk !== count) throw refused('an archive on one disk')
  return { count, size: archive.readUInt32LE(at + 12), start: archive.readUInt32LE(at + 16) }
}

function readZip64End(archive: Buffer, at: number, own: EndFields): EndFields {
  const locatorAt = at + ZIP64_END.size
  if (
    at < 0 ||
    archive.readUInt32LE(at) !== ZIP64_END.signature ||
    readUInt64(archive, at + 4) !== ZIP64_END.size - 12 ||
    readUInt64(archive, locatorAt + 8) !== at
  ) {
    throw refused('a zip64 end record of 56 bytes right before its locator')
  }
  const count = readUInt64(archive, at + 32)
  const disks = archive.readUInt32LE(locatorAt + 16)
  if (
    archive.readUInt32LE(locatorAt + 4) !== 0 ||
    archive.readUInt32LE(at + 16) !== 0 ||
    archive.readUInt32LE(at + 20) !== 0 ||
    readUInt64(archive, at + 24) !== count ||
    disks > 1
  ) {
    throw refused('an archive on one disk')
  }
  const fields = {
    count,
    size: readUInt64(archive, at + 40),
    start: readUInt64(archive, at + 48),
  }
  const agrees =
    (own.count === MARK_16 || own.count === fields.count) &&
    (own.size === MARK_32 || own.size === fields.size) &&
    (own.start === MARK_32 || own.start === fields.start)
  if (!agrees) throw refused('the same numbers in the end record and the zip64 end record')
  return fields
}

/** A 64-bit number; beyond 2^53 inexact, which is beyond every archive in memory. */
function readUInt64(archive: Buffer, at: number): number {
  return archive.readUInt32LE(at) + archive.readUInt32LE(at + 4) * 2 ** 32
}

function refused(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_ZIP', `ZIP archive: expected ${expected}`, {
    hints: ['Submit a whole ZIP archive, such as `zip payload.json.zip payload.json` makes.'],
  })
}
