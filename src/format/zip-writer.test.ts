import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { fromBufferPromise } from 'yauzl'
import { readZip } from './zip-reader.ts'
import { extendZip, writeZip, type ZipAddition } from './zip-writer.ts'

const AT = new Date('2026-03-04T05:06:08Z')

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function contents(bytes: Uint8Array): [string, string][] {
  return readZip(bytes).entries.map((entry) => [
    entry.path,
    Buffer.from(entry.read()).toString('latin1'),
  ])
}

describe('writeZip', () => {
  it('writes what readZip reads', () => {
    const path = fc.stringMatching(/^[a-z0-9äß€]{1,12}(\/[a-z0-9]{1,5}){0,3}\.x$/)
    const file = fc.record({
      path,
      bytes: fc.uint8Array({ maxLength: 500 }),
      isCompressed: fc.boolean(),
    })
    const key = (one: ZipAddition) => one.path.split('/')[0]?.toLowerCase().replaceAll('ß', 'ss')
    fc.assert(
      fc.property(fc.uniqueArray(file, { maxLength: 8, selector: key }), (files) => {
        const expected = files.map((one) => [one.path, Buffer.from(one.bytes).toString('latin1')])
        assert.deepEqual(contents(writeZip(files, AT)), expected)
      }),
      { numRuns: 200 },
    )
  })

  it('deflates where asked and where it helps', () => {
    const files = [
      { path: 'long', bytes: utf8('x'.repeat(1000)), isCompressed: true },
      { path: 'short', bytes: utf8('x'), isCompressed: true },
      { path: 'plain', bytes: utf8('x'.repeat(1000)) },
    ]
    const sizes = readZip(writeZip(files, AT)).entries.map((entry) => entry.compressedSize)
    assert.ok(sizes[0]! < 30)
    assert.deepEqual(sizes.slice(1), [1, 1000])
  })

  it('writes what yauzl reads, with the time in it', async () => {
    const files = [
      { path: 'a.txt', bytes: utf8('content of a') },
      { path: 'ü/€.txt', bytes: utf8('x'.repeat(1000)), isCompressed: true },
    ]
    const archive = await fromBufferPromise(Buffer.from(writeZip(files, AT)))
    const read: [string, string][] = []
    for await (const entry of archive.eachEntry()) {
      const stream = await archive.openReadStreamPromise(entry)
      read.push([entry.fileName, (await buffer(stream)).toString()])
      assert.equal(entry.getLastModDate({ timezone: 'UTC' }).toISOString(), AT.toISOString())
      assert.equal(entry.externalFileAttributes >>> 16, 0o100644)
    }
    assert.deepEqual(read, [
      ['a.txt', 'content of a'],
      ['ü/€.txt', 'x'.repeat(1000)],
    ])
  })

  it('keeps times within what the format has', () => {
    for (const [instant, expected] of [
      ['1970-06-01T00:00:00Z', 1980],
      ['2200-06-01T00:00:00Z', 2107],
    ] as const) {
      const bytes = Buffer.from(writeZip([{ path: 'a', bytes: utf8('') }], new Date(instant)))
      assert.equal((bytes.readUInt16LE(12) >> 9) + 1980, expected)
    }
  })

  it('refuses unsafe and repeated paths', () => {
    for (const path of ['../a', '/a', 'a//b', 'c:\\a', '', 'dir/', 'a\nb']) {
      assert.throws(
        () => writeZip([{ path, bytes: utf8('') }], AT),
        { code: 'ERR_FORMAT_ZIP' },
        path,
      )
    }
    for (const [first = '', second = ''] of [
      ['a', 'A'],
      ['a', 'a/b'],
      ['x\\y', 'x/y'],
    ]) {
      const files = [
        { path: first, bytes: utf8('') },
        { path: second, bytes: utf8('') },
      ]
      assert.throws(() => writeZip(files, AT), { code: 'ERR_FORMAT_ZIP_ENTRY_EXISTS' })
    }
  })
})

describe('extendZip', () => {
  const original = writeZip(
    [{ path: 'payload.json', bytes: utf8('x'.repeat(500)), isCompressed: true }],
    AT,
  )
  const archive = readZip(original)
  const signature = { path: 'payload.json.sig', bytes: Uint8Array.of(0x30, 0x45, 0x02) }

  it('keeps what was there, byte for byte, and appends', () => {
    const extended = extendZip(original, archive, [signature], AT)
    assert.deepEqual(
      extended.subarray(0, archive.directoryStart),
      original.subarray(0, archive.directoryStart),
    )
    const after = readZip(extended)
    assert.deepEqual(
      extended
        .subarray(after.directoryStart)
        .subarray(0, archive.directoryEnd - archive.directoryStart),
      original.subarray(archive.directoryStart, archive.directoryEnd),
    )
    assert.deepEqual(contents(extended), [...contents(original), ['payload.json.sig', '0E\x02']])
    assert.deepEqual(contents(extendZip(original, archive, [], AT)), contents(original))
  })

  it('keeps the comment', () => {
    const commented = Buffer.concat([original, utf8('note')])
    commented.writeUInt16LE(4, original.length - 2)
    const extended = extendZip(commented, readZip(commented), [signature], AT)
    assert.equal(Buffer.from(readZip(extended).comment).toString(), 'note')
    assert.equal(readZip(extended).entries.length, 2)
  })

  it('extends an extended archive', () => {
    const once = extendZip(original, archive, [signature], AT)
    const twice = extendZip(once, readZip(once), [{ ...signature, path: 'other/b.sig' }], AT)
    assert.deepEqual(
      readZip(twice).entries.map(({ path }) => path),
      ['payload.json', 'payload.json.sig', 'other/b.sig'],
    )
  })

  it('refuses a path that is there, in whatever case', () => {
    for (const path of ['payload.json', 'PAYLOAD.json', 'payload.json/x']) {
      assert.throws(() => extendZip(original, archive, [{ ...signature, path }], AT), {
        code: 'ERR_FORMAT_ZIP_ENTRY_EXISTS',
      })
    }
  })

  it('refuses what would need zip64', () => {
    const many = Array.from({ length: 65_535 }, (_, at) => ({
      path: `${at}`,
      bytes: signature.bytes,
    }))
    assert.throws(() => writeZip(many, AT), { code: 'ERR_FORMAT_ZIP_LIMIT' })
  })
})
