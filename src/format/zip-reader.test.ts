import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseZipPath } from './zip-path.ts'
import { readZip, type ZipEntry, type ZipLimits } from './zip-reader.ts'

/** Every field of an entry can be given a value that does not fit the others. */
interface Fake {
  name: string | Uint8Array
  content?: Uint8Array | string
  method?: number
  flags?: number
  crc?: number
  size?: number
  compressedSize?: number
  data?: Uint8Array
  attributes?: number
  extra?: Uint8Array
  disk?: number
  offset?: number
  local?: Partial<Omit<Fake, 'local'>>
  /** Bytes between the data and the next entry. */
  after?: Uint8Array
}

function u16(...values: number[]): Buffer {
  return Buffer.from(new Uint16Array(values).buffer)
}

function u32(...values: number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer)
}

function u64(...values: number[]): Buffer {
  return Buffer.from(new BigUint64Array(values.map(BigInt)).buffer)
}

/** An extra field. */
function extra(id: number, ...data: Uint8Array[]): Buffer {
  const bytes = Buffer.concat(data)
  return Buffer.concat([u16(id, bytes.length), bytes])
}

function fields(fake: Fake): { fields: Buffer; name: Buffer; extra: Uint8Array; data: Uint8Array } {
  const content = Buffer.from(fake.content ?? '')
  const method = fake.method ?? 0
  const data = fake.data ?? (method === 8 ? deflateRawSync(content) : content)
  const name = Buffer.from(fake.name)
  const more = fake.extra ?? new Uint8Array(0)
  return {
    name,
    extra: more,
    data,
    fields: Buffer.concat([
      u16(20, fake.flags ?? 0, method, 0, 0x21),
      u32(
        fake.crc ?? crc32(content),
        fake.compressedSize ?? data.length,
        fake.size ?? content.length,
      ),
      u16(name.length, more.length),
    ]),
  }
}

interface Ending {
  /** Before the first entry, and between the last one and the directory. */
  before?: Uint8Array
  gap?: Uint8Array
  comment?: Uint8Array
  count?: number
  directorySize?: number
  directoryStart?: number
  disk?: number
  /** Between the directory and the end record. */
  zip64?: (start: number, size: number, count: number) => Uint8Array
}

/** An archive exactly as ill-formed as asked for. */
function forge(fakes: Fake[], ending: Ending = {}): Buffer {
  const parts: Uint8Array[] = [ending.before ?? Buffer.alloc(0)]
  const central: Uint8Array[] = []
  let start = parts[0]?.length ?? 0
  for (const fake of fakes) {
    const own = fields(fake)
    const local = fields({ ...fake, ...fake.local })
    const after = fake.after ?? Buffer.alloc(0)
    const entry = [u32(0x04034b50), local.fields, local.name, local.extra, local.data, after]
    parts.push(...entry)
    central.push(u32(0x02014b50), u16(0x0314), own.fields, u16(0, fake.disk ?? 0, 0))
    central.push(u32(fake.attributes ?? 0, fake.offset ?? start), own.name, own.extra)
    start += entry.reduce((sum, part) => sum + part.length, 0)
  }
  parts.push(ending.gap ?? Buffer.alloc(0))
  const body = Buffer.concat(parts)
  const directory = Buffer.concat(central)
  const comment = ending.comment ?? Buffer.alloc(0)
  const count = ending.count ?? fakes.length
  return Buffer.concat([
    body,
    directory,
    ending.zip64?.(body.length, directory.length, fakes.length) ?? Buffer.alloc(0),
    u32(0x06054b50),
    u16(ending.disk ?? 0, 0, count, count),
    u32(ending.directorySize ?? directory.length, ending.directoryStart ?? body.length),
    u16(comment.length),
    comment,
  ])
}

function contents(bytes: Uint8Array, limits?: ZipLimits): Record<string, string> {
  const read = readZip(bytes, limits).entries.map((entry) => [
    entry.path,
    Buffer.from(entry.read()).toString(),
  ])
  return Object.fromEntries(read) as Record<string, string>
}

function refuses(bytes: Uint8Array, message: RegExp, code = 'ERR_FORMAT_ZIP', limits?: ZipLimits) {
  assert.throws(() => contents(bytes, limits), { code, message })
}

const A: Fake = { name: 'a.txt', content: 'content of a' }
const B: Fake = { name: 'b.txt', content: 'b'.repeat(200), method: 8 }
const DESCRIPTOR_FLAG = 1 << 3

function descriptor(fake: Fake, isSigned: boolean, is64: boolean): Uint8Array {
  const { data } = fields(fake)
  const size = Buffer.from(fake.content ?? '').length
  return Buffer.concat([
    isSigned ? u32(0x08074b50) : Buffer.alloc(0),
    u32(crc32(Buffer.from(fake.content ?? ''))),
    is64 ? u64(data.length, size) : u32(data.length, size),
  ])
}

describe('readZip', () => {
  it('reads stored and deflated files, directories and an empty archive', () => {
    const bytes = forge([
      A,
      { name: 'dir/' },
      { ...B, name: 'dir/b.txt' },
      { name: 'empty', method: 8 },
    ])
    assert.deepEqual(contents(bytes), {
      'a.txt': A.content,
      'dir/': '',
      'dir/b.txt': B.content,
      empty: '',
    })
    const [a, dir, b] = readZip(bytes).entries
    assert.deepEqual(
      [a?.size, a?.compressedSize, a?.isDirectory, a?.crc32],
      [12, 12, false, crc32('content of a')],
    )
    assert.deepEqual([dir?.isDirectory, b?.size], [true, 200])
    assert.ok(b!.compressedSize < 20)
    assert.deepEqual(readZip(forge([])).entries, [])
  })

  it('reads entries in the order of the directory, wherever their data lies', () => {
    const bytes = forge([A, B])
    const directory = bytes.readUInt32LE(bytes.length - 6)
    const first = 46 + 5
    const swapped = Buffer.concat([
      bytes.subarray(0, directory),
      bytes.subarray(directory + first, directory + 2 * first),
      bytes.subarray(directory, directory + first),
      bytes.subarray(-22),
    ])
    assert.deepEqual(Object.keys(contents(swapped)), ['b.txt', 'a.txt'])
    assert.deepEqual(contents(swapped), contents(bytes))
  })

  it('reads data descriptors of every form', () => {
    for (const isSigned of [true, false]) {
      for (const is64 of [true, false]) {
        const fake = { ...B, flags: DESCRIPTOR_FLAG, after: descriptor(B, isSigned, is64) }
        const bytes = forge([{ ...fake, local: { crc: 0, size: 0, compressedSize: 0 } }, A])
        assert.deepEqual(contents(bytes), { 'b.txt': B.content, 'a.txt': A.content })
        assert.deepEqual(contents(forge([fake])), { 'b.txt': B.content })
      }
    }
  })

  it('reads a zip64 extra field that repeats what is not marked, and refuses one that says otherwise', () => {
    assert.deepEqual(contents(OF_PYTHON), { 'payload.json': '{}' })
    // The numbers of the field, from their first byte on.
    for (const at of [46, 53, 54, 61]) {
      const other = Buffer.from(OF_PYTHON)
      other[at]! ^= 1
      refuses(other, /the same numbers in a header and its zip64 extra field/)
    }
  })

  it('reads zip64 extra fields and end records', () => {
    const marks = { size: 0xffffffff, compressedSize: 0xffffffff }
    const local = { ...marks, extra: extra(1, u64(12, 12)) }
    assert.deepEqual(contents(forge([{ ...A, local }])), { 'a.txt': A.content })
    assert.deepEqual(contents(forge([{ ...A, ...local, local }])), { 'a.txt': A.content })
    const offset = {
      offset: 0xffffffff,
      extra: extra(1, u64(0)),
      local: { extra: Buffer.alloc(0) },
    }
    assert.deepEqual(contents(forge([{ ...A, ...offset }])), { 'a.txt': A.content })
    const marked = { count: 0xffff, directorySize: 0xffffffff, directoryStart: 0xffffffff }
    assert.deepEqual(contents(forge([A, B], { zip64, ...marked })), contents(forge([A, B])))
    assert.deepEqual(contents(forge([A, B], { zip64 })), contents(forge([A, B])))
  })

  it('keeps the comment', () => {
    const { comment } = readZip(forge([A], { comment: Buffer.from('a comment') }))
    assert.equal(Buffer.from(comment).toString(), 'a comment')
    assert.deepEqual(contents(forge([A], { comment: Buffer.alloc(65_535, 1) })), {
      'a.txt': A.content,
    })
  })

  it('reads names in UTF-8 with and without the flag, and backslashes as slashes', () => {
    assert.deepEqual(Object.keys(contents(forge([{ ...A, name: 'ü/€.txt', flags: 1 << 11 }]))), [
      'ü/€.txt',
    ])
    assert.deepEqual(Object.keys(contents(forge([{ ...A, name: 'ü.txt' }]))), ['ü.txt'])
    assert.deepEqual(Object.keys(contents(forge([{ ...A, name: 'x\\y\\a.txt' }]))), ['x/y/a.txt'])
    assert.deepEqual(Object.keys(contents(forge([{ name: 'x\\' }]))), ['x/'])
    refuses(forge([{ ...A, name: Uint8Array.of(0x80, 0x2e, 0x61) }]), /names in UTF-8/)
    const name = Buffer.from('a.txt')
    const same = extra(0x7075, Buffer.from([1]), u32(crc32(name)), name)
    assert.deepEqual(contents(forge([{ ...A, extra: same }])), { 'a.txt': A.content })
    const other = extra(0x7075, Buffer.from([1]), u32(crc32(name)), Buffer.from('b.txt'))
    refuses(forge([{ ...A, extra: other }]), /one name for "a.txt"/)
    refuses(forge([{ ...A, local: { extra: other } }]), /one name for "a.txt"/)
    const none = { extra: Buffer.alloc(0) }
    refuses(forge([{ ...A, extra: other, local: none }]), /one name for "a.txt"/)
    const marked = '\ufeffa.txt'
    assert.deepEqual(Object.keys(contents(forge([A, { ...A, name: marked }]))), ['a.txt', marked])
  })
})

function zip64(start: number, size: number, count: number): Uint8Array {
  return Buffer.concat([
    u32(0x06064b50),
    u64(44),
    u16(45, 45),
    u32(0, 0),
    u64(count, count, size, start),
    u32(0x07064b50, 0),
    u64(start + size),
    u32(1),
  ])
}

/** Written by zipfile of Python 3.11.2 (Debian 12), with force_zip64, where it marks nothing. */
const OF_PYTHON = Buffer.from(
  '504b0304140000000000c428645c43bfa6a302000000020000000c0014007061796c6f61642e6a736f6e01001000' +
    '020000000000000002000000000000007b7d504b01021403140000000000c428645c43bfa6a30200000002000000' +
    '0c00000000000000000000008001000000007061796c6f61642e6a736f6e504b050600000000010001003a000000' +
    '400000000000',
  'hex',
)

/** Other bits in one byte of the zip64 records. */
function changedZip64(at: number, bits: number): typeof zip64 {
  return (...numbers) => {
    const records = Buffer.from(zip64(...numbers))
    records[at]! ^= bits
    return records
  }
}

describe('readZip refuses', () => {
  it('what is no ZIP archive', () => {
    for (const text of [
      '',
      'PK',
      '{"critical":{}}',
      'x'.repeat(100_000),
      'PK\x05\x06',
      'PK\x03\x04'.repeat(50),
    ]) {
      refuses(Buffer.from(text), /this is no ZIP archive, or it is incomplete/)
    }
  })

  it('unsafe names', () => {
    const names: Record<string, RegExp> = {
      '../a': /"\." and "\.\." segments/,
      'a/../../b': /"\." and "\.\." segments/,
      'a\\..\\b': /"\." and "\.\." segments/,
      './a': /"\." and "\.\." segments/,
      '..': /"\." and "\.\." segments/,
      'a/..': /"\." and "\.\." segments/,
      '/etc/passwd': /relative names/,
      '\\\\server\\share': /relative names/,
      'C:\\a': /relative names/,
      'c:a': /relative names/,
      '': /empty segments/,
      'a//b': /empty segments/,
      'a/\\b': /empty segments/,
      'a//': /empty segments/,
      'a\0b': /control characters/,
      'a\nb': /control characters/,
      'a\x7f': /control characters/,
      ['a'.repeat(261)]: /segments of at most 260/,
      ['a/'.repeat(65)]: /at most 64 nested/,
      [`${'a/'.repeat(2048)}b`]: /at most 4096 characters/,
    }
    for (const [name, message] of Object.entries(names)) refuses(forge([{ name }]), message)
    const longest = `${`${'a'.repeat(260)}/`.repeat(15)}${'b'.repeat(181)}`
    assert.equal(longest.length, 4096)
    const allowed = [
      longest,
      'a/'.repeat(64),
      `${'a/'.repeat(63)}b`,
      'a'.repeat(260),
      'a/xy:1.0.json',
    ]
    for (const name of allowed) assert.deepEqual(Object.keys(contents(forge([{ name }]))), [name])
  })

  it('names that are too long to show, and shows how they begin', () => {
    const shown = (name: string): RegExp => new RegExp(`found "${name}"$`)
    refuses(forge([{ name: `/${'a'.repeat(119)}` }]), shown(`/${'a'.repeat(119)}`))
    refuses(forge([{ name: `/${'a'.repeat(120)}` }]), shown(`/${'a'.repeat(119)}\\.\\.\\.`))
    refuses(forge([{ name: '/ü' }]), /found "\/\\u00fc"$/)
    const message = /names without control characters, found "\\ud800"/
    assert.throws(() => parseZipPath('\ud800'), { code: 'ERR_FORMAT_ZIP', message })
  })

  it('names that meet when they are unpacked', () => {
    const pairs = [
      ['a', 'a'],
      ['a', 'A'],
      ['dir/a', 'DIR\\A'],
      ['ü', 'Ü'],
      ['ü', 'u\u0308'],
      ['a/', 'a'],
      ['a', 'a/'],
      ['a', 'a/b'],
      ['a/b', 'a'],
      ['x/a/b/c', 'X/A'],
      ['a/', 'A/'],
      ['ſ', 's'],
      ['ß', 'ẞ'],
    ]
    for (const [first = '', second = ''] of pairs) {
      refuses(forge([{ name: first }, { name: second }]), /each name once/)
    }
    assert.deepEqual(
      Object.keys(
        contents(forge([{ name: 'a/b' }, { name: 'a/' }, { name: 'a/c' }, { name: 'ab' }])),
      ).length,
      4,
    )
  })

  it('encryption, by name', () => {
    refuses(forge([{ ...A, flags: 1 }]), /a password protected "a.txt"/)
    refuses(forge([{ ...A, flags: 0x41 }]), /strong encryption/)
    refuses(forge([{ ...A, flags: 0x2001 }]), /strong encryption/)
    refuses(forge([{ ...A, flags: 1, method: 99, data: Buffer.alloc(12) }]), /found AES/)
    refuses(forge([{ ...A, extra: extra(0x9901, Buffer.alloc(7)) }]), /found AES/)
    refuses(forge([{ ...A, local: { extra: extra(0x9901, Buffer.alloc(7)) } }]), /found AES/)
    refuses(forge([{ ...A, extra: extra(0x9901), local: { extra: Buffer.alloc(0) } }]), /found AES/)
    refuses(forge([{ ...A, local: { extra: extra(0x9901) } }]), /found AES/)
  })

  it('other methods and flags', () => {
    refuses(forge([{ ...A, method: 9 }]), /found Deflate64 in "a.txt"/)
    refuses(forge([{ ...A, method: 14 }]), /found LZMA/)
    refuses(forge([{ ...A, method: 93 }]), /found Zstandard/)
    refuses(forge([{ ...A, method: 77 }]), /found compression method 77/)
    refuses(forge([{ ...A, flags: 1 << 5 }]), /plain stored or deflated/)
  })

  it('links, devices, and files that claim to be directories', () => {
    refuses(forge([{ ...A, attributes: 0o120777 * 65536 }]), /no symbolic links, found "a.txt"/)
    refuses(forge([{ ...A, attributes: 0o020666 * 65536 }]), /files and directories only/)
    refuses(forge([{ ...A, attributes: 0o010666 * 65536 }]), /files and directories only/)
    refuses(forge([{ ...A, attributes: 0o040755 * 65536 }]), /a slash at the end of directories/)
    refuses(
      forge([{ name: 'd/', attributes: 0o100644 * 65536 }]),
      /a slash at the end of directories/,
    )
    refuses(forge([{ name: 'd/', content: 'x' }]), /no content in the directory/)
    assert.ok(
      contents(
        forge([
          { ...A, attributes: 0o100644 * 65536 },
          { name: 'd/', attributes: 0o040755 * 65536 },
        ]),
      ),
    )
  })

  it('several disks', () => {
    refuses(forge([A], { disk: 1 }), /on one disk/)
    refuses(forge([{ ...A, disk: 1 }]), /on one disk/)
    const counts = forge([A])
    counts.writeUInt16LE(2, counts.length - 14)
    refuses(counts, /on one disk/)
    for (const at of [16, 20, 24, 60, 72]) {
      refuses(forge([A], { zip64: changedZip64(at, 3) }), /on one disk/)
    }
    const marked = { disk: 0xffff, zip64 }
    assert.deepEqual(contents(forge([{ ...A, disk: 0xffff }], marked)), { 'a.txt': A.content })
  })

  it('local headers that say something else', () => {
    const differences: Partial<Fake>[] = [
      { name: 'b.txt' },
      { name: 'a.txt2' },
      { name: 'A.txt' },
      { crc: 1 },
      { size: 11 },
      { compressedSize: 11 },
      { method: 8 },
      { flags: 2 },
      { flags: 1 << 11 },
      { flags: DESCRIPTOR_FLAG },
      { crc: 0, size: 0, compressedSize: 0 },
    ]
    for (const local of differences) {
      const data = Buffer.from('content of a')
      refuses(
        forge([{ ...A, local: { data, ...local } }]),
        /the same in the local and the central header|the data of/,
      )
    }
    const later = { ...B, flags: DESCRIPTOR_FLAG, after: descriptor(B, true, false) }
    for (const local of [{ crc: 1 }, { size: 1 }, { compressedSize: 1 }]) {
      refuses(forge([{ ...later, local }]), /the same in the local and the central header/)
    }
    const unsigned = forge([A])
    unsigned[0] = 0
    refuses(unsigned, /a local header of "a.txt"/)
  })

  it('data descriptors that say something else', () => {
    const fake = { ...B, flags: DESCRIPTOR_FLAG }
    const local = { crc: 0, size: 0, compressedSize: 0 }
    const good = Buffer.from(descriptor(B, true, false))
    for (const at of [0, 4, 8, 12]) {
      const after = Buffer.from(good)
      after[at]! ^= 1
      refuses(forge([{ ...fake, local, after }]), /a data descriptor/)
    }
    for (const at of [12, 20]) {
      const after = Buffer.from(descriptor(B, true, true))
      after[at]! ^= 1
      refuses(forge([{ ...fake, local, after }]), /a data descriptor/)
    }
    refuses(forge([{ ...fake, local }]), /a data descriptor/)
    refuses(forge([{ ...fake, local, after: Buffer.alloc(17) }]), /a data descriptor/)
    refuses(forge([{ ...B, after: good }]), /without gaps and overlaps/)
  })

  it('gaps, prepended data and overlaps', () => {
    refuses(forge([A], { before: Buffer.from('#!/bin/sh\n') }), /from the first byte on/)
    refuses(forge([A], { gap: Buffer.from('hidden') }), /without gaps/)
    refuses(forge([], { gap: Buffer.from('hidden') }), /nothing but entries/)
    refuses(forge([{ ...A, after: Buffer.from('x') }, B]), /without gaps/)
    refuses(forge([A, { ...A, name: 'b', offset: 0 }]), /a local header of/)
    refuses(Buffer.concat([Buffer.from('x'), forge([A])]), /right before the end record/)
    const unlisted = forge([A, B])
    refuses(forge([A], { gap: unlisted.subarray(42 + 5) }), /without gaps/)
    refuses(forge([A], { zip64: () => Buffer.from('signature') }), /right before the end record/)
  })

  it('an end record that leaves a choice', () => {
    refuses(Buffer.concat([forge([A]), Buffer.from('x')]), /its comment up to the last byte/)
    refuses(Buffer.concat([forge([A]), forge([B])]), /right before the end record/)
    refuses(forge([A], { comment: forge([B]) }), /right before the end record/)
    refuses(
      forge([A], { comment: Buffer.from('PK\x05\x06'.padEnd(40, '\0')) }),
      /its comment up to the last byte/,
    )
    refuses(forge([A], { count: 2 }), /a central directory of 2 entries/)
    refuses(forge([A, B], { count: 1 }), /1 entries that fill/)
    refuses(forge([{ name: 'a'.repeat(50) }], { count: 2 }), /an entry of the central directory/)
    for (const [at, message] of [
      [0, /an entry of the central directory/],
      [32, /entries within the central directory/],
    ] as const) {
      const changed = forge([A])
      changed[changed.length - 22 - 46 - 5 + at]! ^= 1
      refuses(changed, message)
    }
    refuses(forge([A], { directorySize: 50 }), /right before the end record/)
    refuses(forge([A], { directoryStart: 0 }), /right before the end record/)
  })

  it('zip64 records that leave a choice', () => {
    for (const at of [0, 4, 64]) {
      refuses(forge([A], { zip64: changedZip64(at, 1) }), /a zip64 end record of 56 bytes/)
    }
    refuses(forge([A], { zip64: changedZip64(56, 1) }), /directory right before the end record/)
    refuses(forge([A], { count: 0xffff }), /a zip64 end record/)
    refuses(forge([A], { directorySize: 0xffffffff }), /a zip64 end record/)
    refuses(forge([A], { directoryStart: 0xffffffff }), /a zip64 end record/)
    refuses(forge([A, B], { zip64, count: 1 }), /the same numbers/)
    refuses(forge([A], { zip64, directorySize: 1 }), /the same numbers/)
    refuses(forge([A], { zip64, directoryStart: 1 }), /the same numbers/)
    assert.deepEqual(contents(forge([], { zip64 })), {})
    const marks = { size: 0xffffffff, compressedSize: 0xffffffff }
    refuses(forge([{ ...A, ...marks }]), /a zip64 extra field/)
    refuses(forge([{ ...A, extra: extra(1, u64(12)) }]), /a zip64 extra field/)
    refuses(forge([{ ...A, ...marks, extra: extra(1, u64(12)) }]), /a zip64 extra field/)
    const twice = Buffer.concat([extra(1, u64(12, 12)), extra(1, u64(12, 12))])
    refuses(forge([{ ...A, ...marks, extra: twice }]), /a zip64 extra field/)
    const huge = extra(1, u64(12, Number.MAX_SAFE_INTEGER))
    refuses(forge([{ ...A, ...marks, method: 8, extra: huge }]), /the data of/)
    refuses(forge([{ ...A, extra: Buffer.from([1, 0, 200, 0, 1]) }]), /well-formed extra fields/)
  })

  it('content that is not what the directory says', () => {
    refuses(forge([{ ...A, crc: 7 }]), /the CRC-32 that the directory says in "a.txt"/)
    refuses(forge([{ ...B, crc: 7 }]), /the CRC-32/)
    refuses(forge([{ ...A, size: 5 }]), /one size of the stored file/)
    refuses(forge([{ ...B, size: 199 }]), /the size that the directory says/)
    refuses(forge([{ ...B, size: 201 }]), /the size that the directory says/)
    refuses(forge([{ ...B, data: Buffer.from('\xff\xff\xff', 'latin1') }]), /deflated data/)
    const data = Buffer.concat([deflateRawSync(Buffer.from(B.content!)), Buffer.from('hidden')])
    refuses(forge([{ ...B, data }]), /deflated data/)
    refuses(
      forge([{ ...B, data: deflateRawSync(Buffer.from(B.content!)).subarray(0, -1) }]),
      /deflated data/,
    )
  })
})

describe('readInBackground', () => {
  it('gives what read gives, of stored and deflated files', async () => {
    for (const { read, readInBackground } of readZip(forge([A, B])).entries.map(bound)) {
      assert.deepEqual(await readInBackground(), new Uint8Array(read()))
    }
  })

  it('refuses what read refuses', async () => {
    const trailing = Buffer.concat([deflateRawSync(Buffer.from(B.content!)), Buffer.from('hidden')])
    const data = Buffer.from('\xff\xff\xff', 'latin1')
    const damages: Partial<Fake>[] = [
      { crc: 7 },
      { size: 100 },
      { size: 201 },
      { data: trailing },
      { data },
    ]
    for (const damage of damages) {
      const [entry] = readZip(forge([{ ...B, ...damage }])).entries
      await assert.rejects(async () => entry?.readInBackground(), { code: 'ERR_FORMAT_ZIP' })
    }
  })
})

function bound(entry: ZipEntry) {
  return { read: () => entry.read(), readInBackground: () => entry.readInBackground() }
}

describe('readZip limits', () => {
  it('the number of entries, before it reads them', () => {
    const many = Array.from({ length: 100_000 }, (_, at) => ({ name: `${at}` }))
    const marked = { count: 0xffff, directorySize: 0xffffffff, directoryStart: 0xffffffff }
    const bytes = forge(many, { zip64, ...marked })
    // All before the end records: whoever reads an entry finds that it is none.
    bytes.fill(0, 0, bytes.indexOf(u32(0x06064b50)))
    refuses(bytes, /at most 10000 entries, found 100000/, 'ERR_FORMAT_ZIP_LIMIT')
    refuses(forge([A, B]), /at most 1 entries/, 'ERR_FORMAT_ZIP_LIMIT', { maxEntries: 1 })
    assert.equal(Object.keys(contents(forge([A, B]), { maxEntries: 2 })).length, 2)
  })

  it('reads 10,000 entries', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => ({
      name: `d${at % 10}/${at}`,
      content: `${at}`,
    }))
    assert.equal(Object.keys(contents(forge(many))).length, 10_000)
  })

  it('the bytes of all files together', () => {
    refuses(forge([A, B]), /at most 211 bytes/, 'ERR_FORMAT_ZIP_LIMIT', { maxTotalBytes: 211 })
    assert.ok(contents(forge([A, B]), { maxTotalBytes: 212 }))
    const files = Array.from({ length: 300 }, (_, at) => ({
      ...B,
      name: `${at}`,
      size: 1024 * 1024,
    }))
    refuses(forge(files), /at most 268435456 bytes/, 'ERR_FORMAT_ZIP_LIMIT')
  })

  it('how much a file expands', () => {
    const bomb = forge([{ name: 'zeros', content: Buffer.alloc(2 * 1024 * 1024), method: 8 }])
    refuses(bomb, /compressed at most 200 times, found "zeros"/, 'ERR_FORMAT_ZIP_LIMIT')
    assert.ok(contents(bomb, { maxRatio: 2000 }))
    const stored = forge([{ name: 'zeros', content: Buffer.alloc(2 * 1024 * 1024) }])
    assert.ok(contents(stored, { maxRatio: 1 }))
  })

  it('what a file that lies about its size may take', () => {
    const data = deflateRawSync(Buffer.alloc(50 * 1024 * 1024))
    const bytes = forge([{ name: 'zeros', content: '', method: 8, size: 1000, data }])
    refuses(bytes, /deflated data of the size/)
  })

  it('files that share their data', () => {
    const kernel = fields({ name: '0', content: 'x'.repeat(1000), method: 8 })
    const files = Array.from({ length: 50 }, (_, at) => ({
      name: `${at}`,
      content: 'x'.repeat(1000),
      method: 8,
      data: kernel.data,
      offset: 0,
    }))
    refuses(forge(files), /a local header of/)
    // As in the overlapping bombs: each local header is quoted inside of the data of the file before it.
    const inner = forge([{ name: 'b', content: 'x' }]).subarray(0, 32)
    const outer = { name: 'a', content: inner }
    refuses(
      forge([outer, { name: 'b', content: 'x', offset: 31 }]),
      /without gaps|before the next entry/,
    )
  })
})

describe('readZip, damaged archives', () => {
  const samples = [
    OF_PYTHON,
    forge([A, { name: 'dir/' }, { ...B, name: 'dir/b.txt' }]),
    forge([
      {
        ...B,
        flags: DESCRIPTOR_FLAG,
        after: descriptor(B, true, false),
        local: { crc: 0, size: 0, compressedSize: 0 },
      },
    ]),
    forge([A], {
      zip64,
      count: 0xffff,
      directorySize: 0xffffffff,
      directoryStart: 0xffffffff,
      comment: Buffer.from('c'),
    }),
  ]

  function readsSameOrThrows(damaged: Uint8Array, original: Uint8Array) {
    let read: Record<string, string>
    try {
      read = contents(damaged)
    } catch (error) {
      assert.ok(error instanceof ChanceryError, String(error))
      return false
    }
    assert.deepEqual(read, contents(original))
    return true
  }

  for (const [at, sample] of samples.entries()) {
    it(`sample ${at}: every truncation is refused`, () => {
      for (let length = 0; length < sample.length; length++) {
        assert.equal(readsSameOrThrows(sample.subarray(0, length), sample), false)
        assert.equal(readsSameOrThrows(sample.subarray(sample.length - length), sample), false)
      }
    })

    it(`sample ${at}: every changed byte is refused or changes nothing`, () => {
      for (let place = 0; place < sample.length; place++) {
        for (const bits of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff]) {
          const damaged = Buffer.from(sample)
          damaged[place]! ^= bits
          readsSameOrThrows(damaged, sample)
        }
      }
    })
  }

  it('throws nothing but ChanceryError for several changes, insertions and deletions', () => {
    const edit = fc.tuple(fc.nat(400), fc.uint8Array({ maxLength: 6 }), fc.nat(6))
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (sample, edits) => {
          let bytes = Buffer.from(sample)
          for (const [at, inserted, removed] of edits) {
            const place = at % bytes.length
            bytes = Buffer.concat([
              bytes.subarray(0, place),
              inserted,
              bytes.subarray(place + removed),
            ])
          }
          try {
            contents(bytes)
          } catch (error) {
            assert.ok(error instanceof ChanceryError, String(error))
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
