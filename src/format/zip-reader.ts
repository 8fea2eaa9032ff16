import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { constants, crc32, inflateRaw, inflateRawSync } from 'node:zlib'
import { ChanceryError } from '../errors/chancery-error.ts'
import { readDirectory, type ZipHeader } from './zip-directory.ts'
import { findDirectory } from './zip-end.ts'
import { checkLayout } from './zip-local.ts'
import { STORED } from './zip-layout.ts'
import { shownZipName, ZipPaths } from './zip-path.ts'

/** A file or a directory in a ZIP archive. */
export interface ZipEntry {
  /** Relative, with `/` between segments; a directory's ends with one. See `parseZipPath`. */
  readonly path: string
  readonly isDirectory: boolean
  /** Bytes in the archive. */
  readonly compressedSize: number
  /** Bytes that {@link read} returns. */
  readonly size: number
  readonly crc32: number
  /**
   * The file's content; of a stored file a view on the archive, not to be changed.
   *
   * @throws ChanceryError ERR_FORMAT_ZIP if the data is malformed, or its size or CRC-32 is not what the archive says.
   */
  read(): Uint8Array
  /** As {@link read}, for large files: decompresses on another thread, and takes turns with other work. */
  readInBackground(): Promise<Uint8Array>
}

/** A ZIP archive whose directory has been read and checked. */
export interface ZipArchive {
  /** In the order of the central directory. */
  readonly entries: readonly ZipEntry[]
  /** Where the central directory starts and ends, in bytes. */
  readonly directoryStart: number
  readonly directoryEnd: number
  /** The archive's comment as it is, at most 65,535 bytes. */
  readonly comment: Uint8Array
}

/** How much {@link readZip} accepts; each has a default. */
export interface ZipLimits {
  /** Files and directories; 10,000. */
  readonly maxEntries?: number
  /** Bytes of all files together after decompression; 256 MiB. */
  readonly maxTotalBytes?: number
  /** How many times larger than its compressed data a file of more than 1 MiB may be; 200. */
  readonly maxRatio?: number
}

const MAX_ENTRIES = 10_000
const MAX_TOTAL_BYTES = 256 * 1024 * 1024
const MAX_RATIO = 200
const RATIO_FREE_BYTES = 1024 * 1024

/**
 * Reads the directory of a ZIP archive in memory, and refuses every archive that two readers could understand
 * differently or that is unsafe to unpack.
 *
 * The archive is exactly: entries from its first byte on, one after the other, without a gap; the central directory;
 * its zip64 records, if any; the end record; a comment. Each local header agrees with the central one. Files are stored
 * or deflated, not encrypted, no links or devices, on one disk. Names are as `parseZipPath` demands, in UTF-8 (whether
 * or not flag bit 11 says so), and unique without regard to case; no file is also a directory.
 *
 * Files are decompressed only by `read()`, never beyond the size that counted against the limits.
 * Source: APPNOTE.TXT 6.3.10.
 *
 * @throws ChanceryError ERR_FORMAT_ZIP if the archive is anything else.
 * @throws ChanceryError ERR_FORMAT_ZIP_LIMIT if it exceeds a limit.
 */
export function readZip(bytes: Uint8Array, limits: ZipLimits = {}): ZipArchive {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = findDirectory(archive)
  const maxEntries = limits.maxEntries ?? MAX_ENTRIES
  if (end.count > maxEntries) throw beyond(`at most ${maxEntries} entries, found ${end.count}`)
  const headers = readDirectory(archive, end)
  checkSizes(headers, limits)
  checkPaths(headers)
  const dataStarts = checkLayout(archive, headers, end.start)
  return {
    entries: headers.map((header, at) => new Entry(header, archive, dataStarts[at] ?? 0)),
    directoryStart: end.start,
    directoryEnd: end.end,
    comment: end.comment,
  }
}

function checkSizes(headers: readonly ZipHeader[], limits: ZipLimits): void {
  const maxTotalBytes = limits.maxTotalBytes ?? MAX_TOTAL_BYTES
  const maxRatio = limits.maxRatio ?? MAX_RATIO
  let total = 0
  for (const { path, size, compressedSize } of headers) {
    total += size
    if (total > maxTotalBytes) throw beyond(`at most ${maxTotalBytes} bytes after decompression`)
    if (size > RATIO_FREE_BYTES && size > maxRatio * compressedSize) {
      throw beyond(`files compressed at most ${maxRatio} times, found ${shownZipName(path)}`)
    }
  }
}

function checkPaths(headers: readonly ZipHeader[]): void {
  const paths = new ZipPaths()
  for (const { path } of headers) {
    if (!paths.add(path)) {
      throw malformed(`each name once, without regard to case, found ${shownZipName(path)} again`)
    }
  }
}

/** What zlib returns with the option `info`. */
interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

const { Z_DEFAULT_CHUNK, Z_MIN_CHUNK } = constants
const inflateAsync = promisify(inflateRaw)
const INFLATED_CHUNK_BYTES = 1024 * 1024
const CRC_SLICE_BYTES = 2 * 1024 * 1024
const DEFLATED = 'deflated data of the size that the directory says'

class Entry implements ZipEntry {
  readonly path: string
  readonly isDirectory: boolean
  readonly compressedSize: number
  readonly size: number
  readonly crc32: number
  readonly #isStored: boolean
  readonly #data: Buffer

  constructor(header: ZipHeader, archive: Buffer, dataStart: number) {
    this.path = header.path
    this.isDirectory = header.path.endsWith('/')
    this.compressedSize = header.compressedSize
    this.size = header.size
    this.crc32 = header.crc32
    this.#isStored = header.method === STORED
    this.#data = archive.subarray(dataStart, dataStart + header.compressedSize)
  }

  read(): Uint8Array {
    const content = this.#isStored ? this.#data : this.#inflate()
    this.#checkSize(content)
    return this.#checked(content, crc32(content))
  }

  async readInBackground(): Promise<Uint8Array> {
    const content = this.#isStored ? this.#data : await this.#inflateInBackground()
    this.#checkSize(content)
    let found = 0
    for (let at = 0; at < content.length; at += CRC_SLICE_BYTES) {
      found = crc32(content.subarray(at, at + CRC_SLICE_BYTES), found)
      await setImmediate()
    }
    return this.#checked(content, found)
  }

  #checkSize(content: Buffer): void {
    if (content.length !== this.size) throw this.#damaged('the size that the directory says')
  }

  #checked(content: Buffer, found: number): Uint8Array {
    if (found !== this.crc32) throw this.#damaged('the CRC-32 that the directory says')
    return new Uint8Array(content.buffer, content.byteOffset, content.byteLength)
  }

  #inflate(): Buffer {
    let inflated: Inflated
    try {
      // A small file is kept with all that it was inflated into.
      const chunkSize = Math.max(Z_MIN_CHUNK, Math.min(this.size + 1, Z_DEFAULT_CHUNK))
      const options = { ...this.#inflation(), chunkSize }
      inflated = inflateRawSync(this.#data, options) as unknown as Inflated
    } catch (cause) {
      throw this.#damaged(DEFLATED, cause)
    }
    return this.#complete(inflated)
  }

  async #inflateInBackground(): Promise<Buffer> {
    let inflated: Inflated
    try {
      const options = { ...this.#inflation(), chunkSize: INFLATED_CHUNK_BYTES }
      inflated = (await inflateAsync(this.#data, options)) as unknown as Inflated
    } catch (cause) {
      throw this.#damaged(DEFLATED, cause)
    }
    return this.#complete(inflated)
  }

  /** One byte more than announced shows a longer file; nothing beyond that byte is ever made. */
  #inflation() {
    return { maxOutputLength: this.size + 1, info: true }
  }

  /** Data after the end of the deflate stream would be bytes that nobody examines. */
  #complete({ buffer, engine }: Inflated): Buffer {
    if (engine.bytesWritten !== this.compressedSize) throw this.#damaged(DEFLATED)
    return buffer
  }

  #damaged(expected: string, cause?: unknown): ChanceryError {
    return malformed(`${expected} in ${shownZipName(this.path)}`, cause)
  }
}

function malformed(expected: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_FORMAT_ZIP', `ZIP archive: expected ${expected}`, {
    cause,
    hints: ['The archive is damaged: make it anew with "zip".'],
  })
}

function beyond(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_ZIP_LIMIT', `ZIP archive: expected ${expected}`, {
    hints: ['Pack only what is to be signed, if need be into several requests.'],
  })
}
