import { ChanceryError } from '../errors/chancery-error.ts'
import { MARK_32 } from './zip-layout.ts'

/** One extra field of a header; the data is a view. */
export interface ZipExtraField {
  readonly id: number
  readonly data: Buffer
}

const ZIP64_EXTRA = 0x0001

/**
 * Splits an extra area. Up to three bytes after the last field are padding, which alignment tools leave behind.
 * Source: APPNOTE.TXT 6.3.10, section 4.5.1.
 *
 * @throws ChanceryError ERR_FORMAT_ZIP if a field reaches beyond the area.
 */
export function extraFields(extra: Buffer): readonly ZipExtraField[] {
  const fields: ZipExtraField[] = []
  let at = 0
  while (at + 4 <= extra.length) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (end > extra.length) throw refused('well-formed extra fields')
    fields.push({ id: extra.readUInt16LE(at), data: extra.subarray(at + 4, end) })
    at = end
  }
  return fields
}

/**
 * Replaces marks (0xffffffff) by the numbers of the zip64 extra field, which has exactly one for each mark, in the order
 * of the members of `fields`. It may also repeat all numbers, as Python before 3.11.4 writes it: those that are not
 * marked are then the same in both. Source: APPNOTE.TXT 6.3.10, section 4.5.3.
 *
 * @throws ChanceryError ERR_FORMAT_ZIP if the field is missing, there twice, or has other numbers.
 */
export function readZip64Sizes<Name extends string>(
  extra: Buffer,
  fields: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const sizes: Record<Name, number> = { ...fields }
  const zip64 = extra.length === 0 ? [] : extraFields(extra).filter(({ id }) => id === ZIP64_EXTRA)
  const names = Object.keys(fields) as Name[]
  const marked = names.filter((name) => fields[name] === MARK_32)
  if (zip64.length === 0 && marked.length === 0) return sizes
  const data = zip64[0]?.data
  const listed = data?.length === names.length * 8 ? names : marked
  if (zip64.length !== 1 || data?.length !== listed.length * 8) {
    throw refused('a zip64 extra field of exactly the numbers that are marked')
  }
  for (const [index, name] of listed.entries()) {
    const number = data.readUInt32LE(index * 8) + data.readUInt32LE(index * 8 + 4) * 2 ** 32
    if (sizes[name] !== MARK_32 && sizes[name] !== number) {
      throw refused('the same numbers in a header and its zip64 extra field')
    }
    sizes[name] = number
  }
  return sizes
}

function refused(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_ZIP', `ZIP archive: expected ${expected}`, {
    hints: ['Make the archive anew with "zip".'],
  })
}
