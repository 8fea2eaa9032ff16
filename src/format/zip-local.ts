import { ChanceryError } from '../errors/chancery-error.ts'
import { checkExtra, type ZipHeader } from './zip-directory.ts'
import { readZip64Sizes } from './zip-extra.ts'
import { DATA_DESCRIPTOR, FLAGS, LOCAL_HEADER } from './zip-layout.ts'
import { shownZipName } from './zip-path.ts'

/**
 * Checks that the entries fill the archive from its first byte to the central directory, one after the other, and that
 * every local header and data descriptor says what the central header says.
 *
 * @returns Where the data of each entry starts, in the order of `headers`.
 * @throws ChanceryError ERR_FORMAT_ZIP if they overlap, leave a gap, or disagree.
 */
export function checkLayout(
  archive: Buffer,
  headers: readonly ZipHeader[],
  directoryStart: number,
): readonly number[] {
  const dataStarts = new Array<number>(headers.length).fill(0)
  const order = Array.from(headers.entries()).sort(([, a], [, b]) => a.localStart - b.localStart)
  let expectedStart = 0
  for (const [place, [index, header]] of order.entries()) {
    if (header.localStart !== expectedStart) {
      throw refused('entries one after the other from the first byte on, without gaps and overlaps')
    }
    const end = order[place + 1]?.[1].localStart ?? directoryStart
    const dataStart = checkLocalHeader(archive, header, end)
    checkEnd(archive, header, dataStart + header.compressedSize, end)
    dataStarts[index] = dataStart
    expectedStart = end
  }
  if (expectedStart !== directoryStart)
    throw refused('nothing but entries before the central directory')
  return dataStarts
}

function checkLocalHeader(archive: Buffer, header: ZipHeader, end: number): number {
  const at = header.localStart
  if (at + LOCAL_HEADER.size > end || archive.readUInt32LE(at) !== LOCAL_HEADER.signature) {
    throw refused(`a local header of ${shownZipName(header.path)}`)
  }
  const nameEnd = at + LOCAL_HEADER.size + archive.readUInt16LE(at + 26)
  const dataStart = nameEnd + archive.readUInt16LE(at + 28)
  if (dataStart + header.compressedSize > end) {
    throw refused(`the data of ${shownZipName(header.path)} before the next entry`)
  }
  const extra = archive.subarray(nameEnd, dataStart)
  const sizes = readZip64Sizes(extra, {
    size: archive.readUInt32LE(at + 22),
    compressedSize: archive.readUInt32LE(at + 18),
  })
  // A writer that does not know them yet leaves zeros and appends a data descriptor.
  const mayBeZero = (header.flags & FLAGS.descriptor) !== 0
  const agrees = (local: number, central: number) => local === central || (mayBeZero && local === 0)
  if (
    archive.readUInt16LE(at + 6) !== header.flags ||
    archive.readUInt16LE(at + 8) !== header.method ||
    !agrees(archive.readUInt32LE(at + 14), header.crc32) ||
    !agrees(sizes.compressedSize, header.compressedSize) ||
    !agrees(sizes.size, header.size) ||
    !archive.subarray(at + LOCAL_HEADER.size, nameEnd).equals(header.name)
  ) {
    throw refused(`the same in the local and the central header of ${shownZipName(header.path)}`)
  }
  checkExtra(extra, header.name.toString())
  return dataStart
}

/** Between the data and the next entry there is nothing, or the data descriptor that the flags announce. */
function checkEnd(archive: Buffer, header: ZipHeader, dataEnd: number, end: number): void {
  const length = end - dataEnd
  if ((header.flags & FLAGS.descriptor) === 0) {
    if (length !== 0) throw refused('entries one after the other, without gaps and overlaps')
    return
  }
  const descriptors = [12, 16, 20, 24]
  if (!descriptors.includes(length) || !isDescriptor(archive.subarray(dataEnd, end), header)) {
    throw refused(`a data descriptor of ${shownZipName(header.path)} that agrees with its header`)
  }
}

/** With or without a signature, with sizes of 32 or 64 bits; the length tells which. Source: APPNOTE.TXT, 4.3.9. */
function isDescriptor(descriptor: Buffer, header: ZipHeader): boolean {
  const is64 = descriptor.length >= 20
  const hasSignature = descriptor.length % 8 === 0
  if (hasSignature && descriptor.readUInt32LE(0) !== DATA_DESCRIPTOR.signature) return false
  const fields = hasSignature ? descriptor.subarray(4) : descriptor
  const read = (at: number) =>
    is64 ? fields.readUInt32LE(at) + fields.readUInt32LE(at + 4) * 2 ** 32 : fields.readUInt32LE(at)
  return (
    fields.readUInt32LE(0) === header.crc32 &&
    read(4) === header.compressedSize &&
    read(is64 ? 12 : 8) === header.size
  )
}

function refused(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_ZIP', `ZIP archive: expected ${expected}`, {
    hints: ['Make the archive anew with "zip"; self-extracting and patched archives are refused.'],
  })
}
