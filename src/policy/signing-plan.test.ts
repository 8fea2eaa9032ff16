import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import yauzl from 'yauzl'
import { ChanceryError } from '../errors/chancery-error.ts'
import { writeZip } from '../format/zip-writer.ts'
import { parseArtifactConfiguration } from './artifact-configuration.ts'
import {
  assembleSignedArtifact,
  planSigning,
  type ArtifactInput,
  type PlannedFile,
} from './signing-plan.ts'
import { getTemplate } from './templates.ts'

const AT = new Date('2026-01-02T03:04:06Z')
const TEMPLATE = parseArtifactConfiguration(getTemplate('detached-raw-signatures').xml)

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function model(contents: string, parameters = '', root = '<zip-file>') {
  return parseArtifactConfiguration(
    `<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
${parameters}${root}${contents}</zip-file></artifact-configuration>`,
  )
}

function directive(output: string, hash = 'sha256'): string {
  return `<create-raw-signature output-file-name="${output}" hash-algorithm="${hash}" rsa-padding="pss"/>`
}

function zip(entries: Readonly<Record<string, string>>): ArtifactInput {
  const files = Object.entries(entries).map(([path, text]) => ({ path, bytes: bytes(text) }))
  return { kind: 'file', fileName: 'payload.json.zip', bytes: writeZip(files, AT) }
}

function entry(path: string, text = '{}'): ArtifactInput {
  return { kind: 'entry', path, bytes: bytes(text) }
}

/** A planned file with what reading it gives. */
function described(file: PlannedFile) {
  const { path, size, outputPath, hash, rsaPadding } = file
  return { path, size, text: new TextDecoder().decode(file.read()), outputPath, hash, rsaPadding }
}

function refused(call: () => unknown, code = 'ERR_POLICY_ARTIFACT'): ChanceryError {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof ChanceryError, String(error))
    assert.equal(error.code, code)
    return error
  }
  assert.fail('expected it to be refused')
}

/** The entries as a reader of another origin sees them. */
async function unzip(archive: Uint8Array): Promise<Record<string, Buffer>> {
  const entries: Record<string, Buffer> = {}
  const file = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(
    Buffer.from(archive),
    { lazyEntries: false, autoClose: false },
  )
  const open = promisify<yauzl.Entry, NodeJS.ReadableStream>(file.openReadStream.bind(file))
  const listed: yauzl.Entry[] = []
  await new Promise<void>((resolve, reject) => {
    file.on('entry', (found: yauzl.Entry) => listed.push(found))
    file.on('end', resolve)
    file.on('error', reject)
  })
  for (const found of listed) {
    const chunks: Buffer[] = []
    for await (const chunk of await open(found)) chunks.push(chunk as Buffer)
    entries[found.fileName] = Buffer.concat(chunks)
  }
  return entries
}

describe('planSigning', () => {
  it('plans one payload, in a ZIP and bare, in the same way', () => {
    const expected = [
      {
        path: 'payload.json',
        size: 2,
        text: '{}',
        outputPath: 'payload.json.sig',
        hash: 'sha256',
        rsaPadding: 'pkcs1',
      },
    ]
    const inZip = planSigning(TEMPLATE, zip({ 'payload.json': '{}' }), {})
    assert.deepEqual(inZip.files.map(described), expected)
    assert.equal(inZip.size, 2)
    const bare = planSigning(TEMPLATE, entry('payload.json'), {})
    assert.deepEqual(bare.files.map(described), expected)
    assert.equal(bare.archive, null)
  })

  it('decompresses nothing before a file is read, nor for the download', async () => {
    const content = 'x'.repeat(1000)
    const whole = zip({ x: content })
    const damaged = { ...whole, bytes: whole.bytes.slice() }
    // A block type that does not exist, at the start of the data behind the local header and the name.
    damaged.bytes[31] = 0xff
    const plan = planSigning(model(`<file path="x">${directive('x.sig')}</file>`), damaged, {})
    assert.equal(plan.size, 1000)
    assert.ok(assembleSignedArtifact(plan, [bytes('signature')], AT).bytes.length > 0)
    assert.throws(() => plan.files[0]?.read(), { code: 'ERR_FORMAT_ZIP' })
    await assert.rejects(async () => plan.files[0]?.readInBackground(), { code: 'ERR_FORMAT_ZIP' })
  })

  it('plans several payloads in the order of the archive; directories are left alone', () => {
    const plan = planSigning(
      TEMPLATE,
      zip({ 'b.json': '1', 'a.json': '2', 'notes/c.txt': '3' }),
      {},
    )
    assert.deepEqual(
      plan.files.map(({ outputPath }) => outputPath),
      ['b.json.sig', 'a.json.sig'],
    )
    const any = model(
      `<file path="**" max-matches="unbounded">${directive('${file.name}.s')}</file>`,
    )
    // The writer lists no directories; others do, under a name with a slash at its end.
    const written = zip({ 'a.json': '1', 'd!': '', 'd/b': '2' })
    const text = Buffer.from(written.bytes).toString('latin1').replaceAll('d!', 'd/')
    const listed = Buffer.from(text, 'latin1')
    const directory = listed.indexOf('PK\x01\x02', listed.indexOf('PK\x01\x02') + 1)
    listed.writeUInt32LE(0, directory + 38)
    assert.deepEqual(
      planSigning(any, { ...written, bytes: listed }, {}).files.map(({ path }) => path),
      ['a.json', 'd/b'],
    )
  })

  it('does not take a file for a directory', () => {
    const inside = `<directory path="a.json"/><file path="*">${directive('s')}</file>`
    const error = refused(() => planSigning(model(inside), zip({ 'a.json': '1' }), {}))
    assert.match(error.message, /but found 0: <directory path="a\.json">/)
  })

  it('reads a file once, however it is asked for', async () => {
    const [file] = planSigning(TEMPLATE, zip({ 'a.json': '{}' }), {}).files
    const content = await file?.readInBackground()
    assert.ok(content !== undefined)
    assert.equal(await file?.readInBackground(), content)
    assert.equal(file?.read(), content)
  })

  it('makes names of output files of what the parameters bring, wildcards and all', () => {
    const configuration = model(
      `<file path="x">${directive('*${v}*${w}[${v}].sig')}</file>`,
      '<parameters><parameter name="v"/><parameter name="w"/></parameters>',
    )
    const plan = planSigning(configuration, zip({ x: '1' }), { v: '', w: '?*' })
    assert.equal(plan.files[0]?.outputPath, '**?*[].sig')
  })

  it('leaves the padding to the key where none is asked for', () => {
    const sign = '<create-raw-signature output-file-name="s" hash-algorithm="sha512"/>'
    const plan = planSigning(model(`<file path="x">${sign}</file>`), zip({ x: '1' }), {})
    assert.deepEqual([plan.files[0]?.hash, plan.files[0]?.rsaPadding], ['sha512', undefined])
  })

  it('takes names of output files up to 260 characters', () => {
    const name = (length: number) => model(`<file path="x">${directive('s'.repeat(length))}</file>`)
    assert.equal(planSigning(name(260), zip({ x: '1' }), {}).files[0]?.outputPath.length, 260)
    assert.throws(() => name(261), /expected a file name of 1 to 260 characters/)
  })

  it('puts a signature beside its file, under the name the parameters make', () => {
    const configuration = model(
      `<directory path="dist"><file path="\${v}/*.json">${directive('sig-${v}-${file.name}', '${h}')}</file></directory>`,
      '<parameters><parameter name="v"/><parameter name="h" default-value="sha512"/></parameters>',
    )
    const plan = planSigning(configuration, zip({ 'Dist/1.0/x.json': '{}' }), { v: '1.0' })
    assert.deepEqual(
      plan.files.map(({ path, outputPath, hash, rsaPadding }) => [
        path,
        outputPath,
        hash,
        rsaPadding,
      ]),
      [['Dist/1.0/x.json', 'Dist/1.0/sig-1.0-x.json', 'sha512', 'pss']],
    )
    const error = refused(
      () => planSigning(configuration, zip({ 'dist/1/x.json': '' }), { v: '1', h: 'md5' }),
      'ERR_POLICY_PARAMETER',
    )
    assert.match(
      error.message,
      /hash-algorithm of <create-raw-signature> in line 2 became "md5".*expected sha256/,
    )
  })

  it('two directives are two signatures over the same bytes', () => {
    const configuration = model(
      `<file path="*">${directive('${file.name}.a')}${directive('${file.name}.b', 'sha384')}</file>`,
    )
    const { files } = planSigning(configuration, zip({ x: 'text' }), {})
    assert.deepEqual(
      files.map(({ outputPath, hash }) => [outputPath, hash]),
      [
        ['x.a', 'sha256'],
        ['x.b', 'sha384'],
      ],
    )
    assert.equal(files[0]?.read(), files[1]?.read())
  })

  it('plans bare files of one name alike, each with its own bytes', () => {
    const configuration = model(
      `<file path="*.json">${directive('${v}-${file.name}')}${directive('b-${file.name}')}</file>`,
      '<parameters><parameter name="v" default-value="a"/></parameters>',
    )
    const outputs = (path: string, text: string, given = {}) =>
      planSigning(configuration, entry(path, text), given).files.map(
        (file) => `${file.outputPath} ${file.size} ${described(file).text}`,
      )
    for (const path of ['x.json', 'X.json', 'y.json', 'x.json']) {
      for (const text of ['{}', '{"longer":1}']) {
        const contents = `${text.length} ${text}`
        assert.deepEqual(outputs(path, text), [`a-${path} ${contents}`, `b-${path} ${contents}`])
        assert.deepEqual(outputs(path, text, { v: 'c' })[0], `c-${path} ${contents}`)
        refused(() => outputs(path, text, { v: 'b' }))
        refused(() => outputs('x.xml', text))
      }
    }
    for (let n = 0; n < 300; n++) assert.equal(outputs(`${n}.json`, '{}')[0], `a-${n}.json 2 {}`)
    const other = model(`<file path="*">${directive('${file.name}.sig')}</file>`)
    assert.equal(planSigning(other, entry('x.json'), {}).files[0]?.outputPath, 'x.json.sig')
  })

  it('refuses a parameter that would put the signature elsewhere', () => {
    const configuration = model(
      `<file path="d/x">${directive('${v}')}</file>`,
      '<parameters><parameter name="v"/></parameters>',
    )
    const artifact = zip({ 'd/x': '' })
    for (const v of ['../x', 'a/b', 'a\\b', '..', '.', '', '/etc/passwd', 'x'.repeat(261)]) {
      refused(() => planSigning(configuration, artifact, { v }), 'ERR_POLICY_PARAMETER')
    }
    assert.equal(
      planSigning(configuration, artifact, { v: '${file.name}' }).files[0]?.outputPath,
      'd/${file.name}',
    )
  })

  it('refuses a signature in the place of a file, a directory or another signature, in any spelling', () => {
    const fixed = model(`<file path="a.json">${directive('A.SIG')}</file>`)
    assert.equal(planSigning(fixed, zip({ 'a.json': '', 'd/a.sig': '' }), {}).files.length, 1)
    for (const other of ['a.sig', 'A.sig', 'a.sig/x']) {
      const error = refused(() => planSigning(fixed, zip({ 'a.json': '', [other]: '' }), {}))
      assert.match(error.message, /the signature of 'a\.json' would go to 'A\.SIG'/)
    }
    const itself = model(`<file path="a.json">${directive('${file.name}')}</file>`)
    refused(() => planSigning(itself, entry('a.json'), {}))
    refused(() => planSigning(itself, zip({ 'a.json': '' }), {}))
    const same = model(`<file path="*" max-matches="unbounded">${directive('x.sig')}</file>`)
    refused(() => planSigning(same, zip({ a: '', b: '' }), {}))
    const twice = model(`<file path="*">${directive('x.sig')}${directive('X.sig')}</file>`)
    refused(() => planSigning(twice, entry('a'), {}))
    refused(() => planSigning(TEMPLATE, zip({ 'payload.json': '', 'payload.json.sig': '' }), {}))
  })

  it('refuses, before anything is signed, what no archive could hold', () => {
    const drive = model(`<file path="a">${directive('c:x')}</file>`)
    refused(() => planSigning(drive, entry('a'), {}), 'ERR_FORMAT_ZIP')
    refused(() => planSigning(TEMPLATE, entry('c:x'), {}), 'ERR_FORMAT_ZIP')
    // One name in two Unicode forms is one file on some systems.
    const composed = model(`<file path="a">${directive('\u00E9')}</file>`)
    refused(() => planSigning(composed, zip({ a: '', 'e\u0301': '' }), {}))
  })

  it('a root path restricts the name of the upload', () => {
    const configuration = model(
      `<file path="*">${directive('s')}</file>`,
      '',
      '<zip-file path="payload*.zip">',
    )
    assert.equal(planSigning(configuration, zip({ x: '' }), {}).files.length, 1)
    assert.equal(planSigning(configuration, entry('payload.json'), {}).files.length, 1)
    const error = refused(() => planSigning(configuration, entry('other.json'), {}))
    assert.match(error.message, /matches 'payload\*\.zip', found 'other\.json\.zip'/)
  })

  it('refuses names with directories', () => {
    for (const name of ['a/b', '..', 'a\\b', '', '\0', 'a\n', '/x']) {
      refused(() => planSigning(TEMPLATE, entry(name), {}))
      refused(() =>
        planSigning(TEMPLATE, { ...zip({ x: '' }), fileName: name } as ArtifactInput, {}),
      )
    }
  })

  it('refuses what is not a ZIP, an empty ZIP, and parameters nobody declared', () => {
    const text: ArtifactInput = { kind: 'file', fileName: 'payload.json', bytes: bytes('{}') }
    refused(() => planSigning(TEMPLATE, text, {}), 'ERR_FORMAT_ZIP')
    assert.match(
      refused(() => planSigning(TEMPLATE, zip({}), {})).message,
      /at least 1 item, but found 0/,
    )
    refused(() => planSigning(TEMPLATE, entry('x'), { v: '' }), 'ERR_POLICY_PARAMETER')
  })
})

describe('assembleSignedArtifact', () => {
  it('keeps the originals byte for byte and adds the signatures', async () => {
    const artifact = zip({ 'payload.json': '{"a":1}', 'd/other.txt': 'x' })
    const plan = planSigning(TEMPLATE, artifact, {})
    const signature = Uint8Array.of(0x30, 0, 0xff, 0x0a)
    const signed = assembleSignedArtifact(plan, [signature], AT)
    assert.equal(signed.fileName, 'payload.json.zip')
    assert.deepEqual(await unzip(signed.bytes), {
      'payload.json': Buffer.from('{"a":1}'),
      'd/other.txt': Buffer.from('x'),
      'payload.json.sig': Buffer.from(signature),
    })
    assert.deepEqual(assembleSignedArtifact(plan, [signature], AT), signed)
  })

  it('makes a ZIP of a bare file', async () => {
    const plan = planSigning(TEMPLATE, entry('payload.json', '{"b":2}'), {})
    const signed = assembleSignedArtifact(plan, [Uint8Array.of(1)], AT)
    assert.equal(signed.fileName, 'payload.json.zip')
    assert.deepEqual(await unzip(signed.bytes), {
      'payload.json': Buffer.from('{"b":2}'),
      'payload.json.sig': Buffer.from([1]),
    })
    assert.deepEqual(assembleSignedArtifact(plan, [Uint8Array.of(1)], AT), signed)
  })

  it('a missing, surplus or empty signature is a bug, never an artifact', () => {
    const plan = planSigning(TEMPLATE, entry('payload.json'), {})
    for (const signatures of [[], [new Uint8Array()], [Uint8Array.of(1), Uint8Array.of(2)]]) {
      assert.throws(() => assembleSignedArtifact(plan, signatures, AT), { name: 'AssertionError' })
    }
  })

  it('whatever the parameters, each file keeps its bytes and each signature a place of its own', async () => {
    const configuration = model(
      `<file path="*\${v}*" max-matches="unbounded">${directive('${file.name}${w}')}</file>`,
      '<parameters><parameter name="v"/><parameter name="w"/></parameters>',
    )
    const originals = { 'a.json': 'A', 'b.json': 'B', 'd/a.json': 'D', 'a*': 'E' }
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('.sig', '/x', '../', '..', '*', '', '\\', 'a', '**', '${v}', '.', 'n'),
    )
    await fc.assert(
      fc.asyncProperty(value, value, async (v, w) => {
        let plan
        try {
          plan = planSigning(configuration, zip(originals), { v, w })
        } catch (error) {
          assert.ok(error instanceof ChanceryError, String(error))
          return
        }
        const signatures = plan.files.map((_, index) => Uint8Array.of(index + 1))
        const entries = await unzip(assembleSignedArtifact(plan, signatures, AT).bytes)
        for (const [path, text] of Object.entries(originals))
          assert.equal(entries[path]?.toString(), text)
        assert.equal(Object.keys(entries).length, Object.keys(originals).length + plan.files.length)
        for (const { path, outputPath } of plan.files) {
          assert.equal(
            outputPath.slice(0, outputPath.lastIndexOf('/') + 1),
            path.slice(0, path.lastIndexOf('/') + 1),
          )
          assert.ok(path.toLowerCase().includes(v.toLowerCase().replaceAll('\\', '/')))
        }
      }),
      { numRuns: 300 },
    )
  })
})
