import { ChanceryError } from '../errors/chancery-error.ts'

/** What follows a header: a file, a directory, or words about the next header. */
export type TarKind = 'file' | 'directory' | 'long-name' | 'extended' | 'global'

/** A header of a tar archive. */
export interface TarHeader {
  readonly kind: TarKind
  /** As it is written, but for an extended header. */
  readonly name: string
  /** Bytes of content, which are padded to whole blocks. */
  readonly size: number
}

/** What an extended header says about the next one; what it does not say is undefined. */
export interface ExtendedHeader {
  readonly name: string | undefined
  readonly size: number | undefined
}

/** Bytes of a header, and what contents are padded to. */
export const TAR_BLOCK = 512
/** The most bytes an extended header or a long name may have. */
export const MAX_EXTENDED_BYTES = 64 * 1024

const KINDS: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '\0': 'file',
  '5': 'directory',
  L: 'long-name',
  x: 'extended',
  g: 'global',
}
const LINKS: Readonly<Record<string, string>> = { 1: 'a link', 2: 'a symbolic link' }
const CHECKSUM = { start: 148, end: 156 } as const

/**
 * Reads a header: ustar, or what GNU tar made of it.
 *
 * @param block {@link TAR_BLOCK} bytes.
 * @returns Undefined for a block of zeros, which ends an archive.
 * @throws ChanceryError ERR_FORMAT_TAR if it is no header, or that of a link, a device or a sparse file.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  const magic = block.toString('latin1', 257, 263)
  if (magic !== 'ustar\0' && magic !== 'ustar ')
    throw tarError('expected a ustar header, found other bytes: it is damaged, or no tar archive')
  requireChecksum(block)
  const type = block.toString('latin1', 156, 157)
  const name = readText(block.subarray(0, 100))
  const prefix = magic === 'ustar\0' ? readText(block.subarray(345, 500)) : ''
  const full = prefix === '' ? name : `${prefix}/${name}`
  const kind = KINDS[type]
  if (kind === undefined) {
    const found = LINKS[type] ?? `an entry of type ${JSON.stringify(type)}`
    throw tarError(`expected files and directories only, found ${found}: ${shown(full)}`)
  }
  return { kind, name: full, size: readNumber(block.subarray(124, 136)) }
}

/**
 * Reads the records of an extended header, `LENGTH KEY=VALUE` and a line feed each.
 *
 * @throws ChanceryError ERR_FORMAT_TAR if they are none, one is there twice, or they are about a sparse file.
 * Source: POSIX.1-2017, pax, "pax Extended Header".
 */
export function parseExtendedHeader(bytes: Buffer): ExtendedHeader {
  const values = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const digits = /^([1-9]\d{0,6}) /.exec(bytes.toString('latin1', at, at + 8))?.[1]
    const end = at + Number(digits ?? Number.NaN)
    if (digits === undefined || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw tarError('expected records of an extended header')
    }
    const record = decode(bytes.subarray(at + digits.length + 1, end - 1))
    const equals = record.indexOf('=')
    const key = record.slice(0, equals)
    if (equals < 1) throw tarError('expected records of an extended header')
    if (key.startsWith('GNU.sparse')) throw tarError('expected no sparse files')
    if (values.has(key)) throw tarError(`expected ${shown(key)} once in an extended header`)
    values.set(key, record.slice(equals + 1))
    at = end
  }
  const size = values.get('size')
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw tarError('expected a size in digits')
  return { name: values.get('path'), size: size === undefined ? undefined : Number(size) }
}

/** The text of a name that GNU tar writes before a header; it ends with a zero. */
export function parseLongName(bytes: Buffer): string {
  return readText(bytes)
}

/**
 * The name of an entry in the one form it is looked up by: relative, without `./` before and `/` behind it.
 *
 * @returns Empty for the directory that was packed.
 * @throws ChanceryError ERR_FORMAT_TAR if it could lead out of a directory, or is longer than 4,096 characters.
 */
export function normalizeTarName(name: string): string {
  const relative = name.replace(/^(?:\.\/)+/, '').replace(/\/$/, '')
  if (relative === '' || relative === '.') return ''
  const isSafe = relative.split('/').every((part) => !['', '.', '..'].includes(part))
  if (isSafe && name.length <= 4096 && !relative.includes('\0')) return relative
  throw tarError(`expected relative names without "..", found ${shown(name)}`)
}

/** An error about an archive, which says that it is about one. */
export function tarError(message: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_TAR', `the tar archive: ${message}`)
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100))
}

/** The sum of all bytes, its own field taken for blanks. */
function requireChecksum(block: Buffer): void {
  const { start, end } = CHECKSUM
  const blank = 0x20 * (end - start)
  const sum = block.reduce(
    (total, byte, at) => (at < start || at >= end ? total + byte : total),
    blank,
  )
  if (readNumber(block.subarray(start, end)) !== sum)
    throw tarError(
      'expected a header with its checksum, found other bytes: it is damaged, or no tar archive',
    )
}

/** A number in octal digits, or in base 256 as GNU tar and Go write large ones. */
function readNumber(field: Buffer): number {
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
    if (Number.isSafeInteger(value)) return value
  }
  const digits = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1'))?.[1]
  if (digits === undefined) throw tarError('expected a number in a header')
  return Number.parseInt(digits, 8)
}

function readText(field: Buffer): string {
  const end = field.indexOf(0)
  return decode(end === -1 ? field : field.subarray(0, end))
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw tarError('expected names in UTF-8')
  }
}
