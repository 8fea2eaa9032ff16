import assert from 'node:assert/strict'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readZip } from '../../src/format/zip-reader.ts'
import { extendZip, writeZip } from '../../src/format/zip-writer.ts'
import { runProgram } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const zip = component('zip')
const unzip = component('unzip')
const python3 = component('python3')
const AT = new Date('2026-03-04T05:06:08Z')
const PAYLOAD = '{"critical":'.repeat(40)

function contents(bytes: Uint8Array): Record<string, string> {
  const { entries } = readZip(bytes)
  return Object.fromEntries(
    entries.map((entry) => [entry.path, Buffer.from(entry.read()).toString()]),
  )
}

async function run(command: string, args: string[], cwd: string, input = ''): Promise<Uint8Array> {
  const env = { LC_ALL: 'C.UTF-8' }
  const { code, stderr, stdoutBytes } = await runProgram(command, args, { cwd, env, input })
  assert.equal(code, 0, stderr)
  return stdoutBytes
}

describe('archives of zip', { skip: zip.absent }, () => {
  it('files, directories, streams, stored, with a comment', async () => {
    await using directory = await createTemporaryDirectory()
    const cwd = directory.path
    await mkdir(join(cwd, 'd', 'e'), { recursive: true })
    await writeFile(join(cwd, 'payload.json'), PAYLOAD)
    await writeFile(join(cwd, 'd', 'e', 'ü.txt'), 'x')
    const expected = { 'payload.json': PAYLOAD, 'd/': '', 'd/e/': '', 'd/e/ü.txt': 'x' }
    for (const option of ['-1', '-0', '-9', '-X', '-fd', '-fz']) {
      await run(zip.path, ['-q', '-r', option, 'out.zip', 'payload.json', 'd'], cwd)
      assert.deepEqual(contents(await readFile(join(cwd, 'out.zip'))), expected, option)
    }
    for (const option of ['-1', '-9', '-X']) {
      const bytes = await run(zip.path, ['-q', '-r', option, '-', 'payload.json', 'd'], cwd)
      assert.deepEqual(contents(bytes), expected, option)
    }
    await run(zip.path, ['-q', '-r', '-z', 'new.zip', 'payload.json', 'd'], cwd, 'a comment\n')
    assert.deepEqual(contents(await readFile(join(cwd, 'new.zip'))), expected)
    await run(zip.path, ['-q', '-d', 'new.zip', 'd/*'], cwd)
    assert.deepEqual(contents(await readFile(join(cwd, 'new.zip'))), { 'payload.json': PAYLOAD })
  })

  it('refuses encrypted archives and links', async () => {
    await using directory = await createTemporaryDirectory()
    const cwd = directory.path
    await writeFile(join(cwd, 'payload.json'), PAYLOAD)
    await symlink('/etc/passwd', join(cwd, 'link'))
    await run(zip.path, ['-q', '-P', 'x', 'encrypted.zip', 'payload.json'], cwd)
    const encrypted = await readFile(join(cwd, 'encrypted.zip'))
    const expected = { code: 'ERR_FORMAT_ZIP', message: /password protected/ }
    assert.throws(() => readZip(encrypted), expected)
    await run(zip.path, ['-q', '-y', 'linked.zip', 'link'], cwd)
    const linked = await readFile(join(cwd, 'linked.zip'))
    assert.throws(() => readZip(linked), { code: 'ERR_FORMAT_ZIP', message: /no symbolic links/ })
  })
})

const PYTHON_WRITES = `
import sys, zipfile
mode = sys.argv[1]
with zipfile.ZipFile('out.zip', 'w', zipfile.ZIP_DEFLATED if 'deflated' in mode else zipfile.ZIP_STORED) as z:
    with z.open('payload.json', 'w', force_zip64='zip64' in mode) as f: f.write(sys.stdin.buffer.read())
    z.writestr('ü/b.txt', 'b')
    for i in range(70000 if 'many' in mode else 0): z.writestr(str(i), '')
`
const PYTHON_READS = `
import sys, zipfile
with zipfile.ZipFile('in.zip') as z:
    assert z.testzip() is None
    for i in z.infolist(): print(i.filename, z.read(i).decode(), i.date_time)
`

describe('archives of python3', { skip: python3.absent }, () => {
  it('stored, deflated, with zip64 sizes', async () => {
    await using directory = await createTemporaryDirectory()
    for (const mode of ['stored', 'deflated', 'stored zip64', 'deflated zip64']) {
      await run(python3.path, ['-c', PYTHON_WRITES, mode], directory.path, PAYLOAD)
      const bytes = await readFile(join(directory.path, 'out.zip'))
      assert.deepEqual(contents(bytes), { 'payload.json': PAYLOAD, 'ü/b.txt': 'b' }, mode)
    }
    await run(python3.path, ['-c', PYTHON_WRITES, 'many'], directory.path, PAYLOAD)
    const many = await readFile(join(directory.path, 'out.zip'))
    assert.throws(() => readZip(many), { code: 'ERR_FORMAT_ZIP_LIMIT' })
    assert.equal(readZip(many, { maxEntries: 100_000 }).entries.length, 70_002)
  })

  it('reads ours', async () => {
    await using directory = await createTemporaryDirectory()
    const bytes = new TextEncoder().encode('content')
    const files = [
      { path: 'a', bytes },
      { path: 'ü/b', bytes, isCompressed: true },
    ]
    await writeFile(join(directory.path, 'in.zip'), writeZip(files, AT))
    const printed = await run(python3.path, ['-c', PYTHON_READS], directory.path)
    const time = '(2026, 3, 4, 5, 6, 8)'
    assert.equal(Buffer.from(printed).toString(), `a content ${time}\nü/b content ${time}\n`)
  })
})

describe('extended archives', { skip: anyAbsent(zip, unzip) }, () => {
  it('unzip takes what zip packed and we extended', async () => {
    await using directory = await createTemporaryDirectory()
    const cwd = directory.path
    await writeFile(join(cwd, 'payload.json'), PAYLOAD)
    await run(zip.path, ['-q', 'payload.json.zip', 'payload.json'], cwd)
    const submitted = await readFile(join(cwd, 'payload.json.zip'))
    const signature = { path: 'payload.json.sig', bytes: Uint8Array.of(0x30, 0x00, 0xff) }
    const signed = extendZip(submitted, readZip(submitted), [signature], AT)
    await writeFile(join(cwd, 'payload.json.signed.zip'), signed)
    await run(unzip.path, ['-tq', 'payload.json.signed.zip'], cwd)
    await run(unzip.path, ['-q', '-n', 'payload.json.signed.zip'], cwd)
    assert.deepEqual(new Uint8Array(await readFile(join(cwd, 'payload.json.sig'))), signature.bytes)
    assert.equal(await readFile(join(cwd, 'payload.json'), 'utf8'), PAYLOAD)
  })
})
