import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  encodeSimpleSigning,
  parseSimpleSigning,
  resemblesSimpleSigning,
  SIMPLE_SIGNING_TYPE,
} from './simple-signing.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const REFERENCE = 'registry.acme.test/team/app'
const PLAIN =
  `{"critical":{"identity":{"docker-reference":"${REFERENCE}"},` +
  `"image":{"docker-manifest-digest":"${DIGEST}"},"type":"${SIMPLE_SIGNING_TYPE}"},"optional":null}`

function utf8(text: string) {
  return new TextEncoder().encode(text)
}

interface GoCase {
  dockerReference: string
  annotations: Record<string, string> | null
  printed: string
}

describe('encodeSimpleSigning', () => {
  const path = new URL('../../test/vectors/simple-signing/go-json.json', import.meta.url)
  const cases = JSON.parse(readFileSync(path, 'utf8')) as GoCase[]

  it('prints what Go prints', () => {
    assert.equal(cases.length, 11)
    for (const { dockerReference, annotations, printed } of cases) {
      const bytes = encodeSimpleSigning({
        dockerReference,
        manifestDigest: DIGEST,
        annotations: annotations ?? undefined,
      })
      assert.equal(new TextDecoder().decode(bytes), printed)
    }
  })

  it('prints null for no annotations and no newline', () => {
    const content = { dockerReference: REFERENCE, manifestDigest: DIGEST }
    assert.deepEqual(encodeSimpleSigning(content), utf8(PLAIN))
    assert.deepEqual(encodeSimpleSigning({ ...content, annotations: {} }), utf8(PLAIN))
  })

  it('replaces lone surrogates, and nothing that looks like their escape', () => {
    const bytes = encodeSimpleSigning({
      dockerReference: REFERENCE,
      manifestDigest: DIGEST,
      annotations: { a: '\ud800x\udfff', b: '\\ud800', c: '\\\ud800', d: '😀' },
    })
    const expected = String.raw`"optional":{"a":"\ufffdx\ufffd","b":"\\ud800","c":"\\\ufffd","d":"😀"}}`
    assert.ok(new TextDecoder().decode(bytes).endsWith(expected))
  })

  it('refuses what is no sha256 digest', () => {
    for (const manifestDigest of ['', 'sha256:12', `sha512:${'a'.repeat(128)}`, `${DIGEST}\n`]) {
      assert.throws(() => encodeSimpleSigning({ dockerReference: REFERENCE, manifestDigest }), {
        code: 'ERR_FORMAT_DIGEST',
      })
    }
  })
})

describe('parseSimpleSigning', () => {
  it('reads what encodeSimpleSigning printed', () => {
    const text = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(fc.dictionary(text, text), (annotations) => {
        const bytes = encodeSimpleSigning({
          dockerReference: REFERENCE,
          manifestDigest: DIGEST,
          annotations,
        })
        const payload = parseSimpleSigning(bytes)
        assert.equal(payload.dockerReference, REFERENCE)
        assert.equal(payload.manifestDigest, DIGEST)
        assert.deepEqual({ ...payload.annotations }, { ...annotations })
        assert.equal(payload.annotations === null, Object.keys(annotations).length === 0)
        assert.equal(resemblesSimpleSigning(bytes), true)
      }),
    )
  })

  it('keeps annotations of any type, allows any order, white space inside and one newline', () => {
    const text = `{ "optional": {"n":1,"o":{"a":[null]}},\n "critical":{"type":"${SIMPLE_SIGNING_TYPE}",
      "image":{"docker-manifest-digest":"${DIGEST}"},"identity":{"docker-reference":"x"}}}\n`
    assert.deepEqual(parseSimpleSigning(utf8(text)), {
      dockerReference: 'x',
      manifestDigest: DIGEST,
      annotations: { n: 1, o: { a: [null] } },
    })
  })

  /** Each row: what is replaced in the valid payload, by what, and the field of the error. */
  const malformed: [from: string | RegExp, to: string, field: string][] = [
    [/^/, '\ufeff', '$'],
    [/^/, ' ', '$'],
    [/^/, '\n', '$'],
    [/$/, '\n\n', '$'],
    [/$/, ' ', '$'],
    [/$/, '\r\n', '$'],
    [/$/, '{}', '$'],
    [/.*/, '', '$'],
    [/.*/, '[]', '$'],
    [/.*/, 'null', '$'],
    [/.*/, '"critical"', '$'],
    [/^\{/, '[{', '$'],
    [/^\{/, '{"critical":{},', '$'],
    [/^\{/, '{"\\u0063ritical":{},', '$'],
    [/^\{/, '{"Critical":{},', '$'],
    [/^\{/, '{"extra":1,', '$'],
    [/^\{/, '{"__proto__":1,', '$'],
    ['"critical"', '"Critical"', 'critical'],
    ['"critical"', '"critical "', 'critical'],
    ['"critical":{', '"critical":{"x":1,', 'critical'],
    ['"critical":{', '"critical":{"Type":"x",', 'critical'],
    ['"critical":{', '"critical":{"type":"x",', '$'],
    ['"type"', '"Type"', 'critical.type'],
    [SIMPLE_SIGNING_TYPE, 'atomic container signature', 'critical.type'],
    [SIMPLE_SIGNING_TYPE, 'Cosign container image signature', 'critical.type'],
    [`"${SIMPLE_SIGNING_TYPE}"`, 'null', 'critical.type'],
    [`"${SIMPLE_SIGNING_TYPE}"`, `["${SIMPLE_SIGNING_TYPE}"]`, 'critical.type'],
    ['"image":{', '"image":{"x":1,', 'critical.image'],
    ['"image":{', '"image":{"Docker-Manifest-Digest":"x",', 'critical.image'],
    ['"image":{', '"image":[],"y":{', 'critical'],
    ['"image":', '"image":[],"Image":', 'critical'],
    [/"image":[^}]*}/, '"image":null', 'critical.image'],
    [/"image":[^}]*}/, '"image":[]', 'critical.image'],
    [/"image":[^}]*}/, '"image":"x"', 'critical.image'],
    ['docker-manifest-digest', 'Docker-manifest-digest', 'critical.image.docker-manifest-digest'],
    [`"${DIGEST}"`, `["${DIGEST}"]`, 'critical.image.docker-manifest-digest'],
    [DIGEST, DIGEST.toUpperCase(), 'critical.image.docker-manifest-digest'],
    [DIGEST, `${DIGEST},${DIGEST}`, 'critical.image.docker-manifest-digest'],
    [DIGEST, `sha512:${'a'.repeat(128)}`, 'critical.image.docker-manifest-digest'],
    [DIGEST, '', 'critical.image.docker-manifest-digest'],
    [DIGEST, 'latest', 'critical.image.docker-manifest-digest'],
    ['"identity":{', '"identity":{"x":1,', 'critical.identity'],
    ['"identity":{', '"identity":{"docker-reference":"evil.test/x",', '$'],
    ['"docker-reference"', '"docker-Reference"', 'critical.identity.docker-reference'],
    [REFERENCE, '', 'critical.identity.docker-reference'],
    [REFERENCE, 'a\\nb', 'critical.identity.docker-reference'],
    [REFERENCE, 'a\\u0000', 'critical.identity.docker-reference'],
    [REFERENCE, 'a'.repeat(1025), 'critical.identity.docker-reference'],
    [`"${REFERENCE}"`, '7', 'critical.identity.docker-reference'],
    [`"${REFERENCE}"`, 'null', 'critical.identity.docker-reference'],
    [`"${REFERENCE}"`, `["${REFERENCE}"]`, 'critical.identity.docker-reference'],
    [',"optional":null', '', 'optional'],
    ['"optional":null', '"Optional":null', 'optional'],
    ['"optional":null', '"optional":[]', 'optional'],
    ['"optional":null', '"optional":"x"', 'optional'],
    ['"optional":null', '"optional":{"a":1,"a":2}', '$'],
    ['"optional":null', `"optional":{"a":${'['.repeat(70)}${']'.repeat(70)}}`, '$'],
    ['"optional":null', `"optional":{"a":"${'a'.repeat(1024 * 1024)}"}`, '$'],
    ['"optional":null', '"optional":{"a":"\\ud800"}', '$'],
  ]
  for (const [from, to, field] of malformed) {
    it(`refuses ${String(from).slice(0, 30)} -> ${JSON.stringify(to.slice(0, 40))}`, () => {
      const text = PLAIN.replace(from, to)
      assert.notEqual(text, PLAIN)
      assert.throws(() => parseSimpleSigning(utf8(text)), { code: 'ERR_FORMAT_PAYLOAD', field })
    })
  }

  it('says what was expected, and of which member', () => {
    const messageOf = (from: string, to: string): string => {
      try {
        parseSimpleSigning(utf8(PLAIN.replace(from, to)))
      } catch (error) {
        return (error as Error).message
      }
      return 'read'
    }
    const start = 'Cosign metadata file: expected'
    assert.equal(messageOf('"type"', '"Type"'), `${start} this member at critical.type`)
    assert.equal(messageOf('{', '{"x":1,'), `${start} no members but "critical", "optional"`)
    assert.equal(
      messageOf(REFERENCE, ''),
      `${start} the image's registry and repository, at most 1024 characters` +
        ' at critical.identity.docker-reference',
    )
    assert.match(
      messageOf('{', '['),
      /^Cosign metadata file: expected strict JSON \(1:12: expected /,
    )
  })

  it('reads the longest reference and the largest file, and nothing beyond', () => {
    const reference = 'a'.repeat(1024)
    const { dockerReference } = parseSimpleSigning(utf8(PLAIN.replace(REFERENCE, reference)))
    assert.equal(dockerReference, reference)
    const fill = (bytes: number): string =>
      PLAIN.replace('null', `{"a":"${'a'.repeat(bytes - PLAIN.length - 4)}"}`)
    const megabyte = 1024 * 1024
    const largest = [fill(megabyte), `${fill(megabyte - 1)}\n`]
    for (const text of largest) {
      assert.equal(text.length, megabyte)
      assert.equal(parseSimpleSigning(utf8(text)).manifestDigest, DIGEST)
    }
    for (const text of [fill(megabyte + 1), `${fill(megabyte)}\n`]) {
      assert.throws(() => parseSimpleSigning(utf8(text)), {
        code: 'ERR_FORMAT_PAYLOAD',
        message: 'Cosign metadata file: expected at most 1048576 bytes',
      })
    }
  })

  it('refuses UTF-16, malformed UTF-8 and 10 MB', () => {
    const broken = utf8(PLAIN.replace('"optional":null', '"optional":{"a":"x"}'))
    broken[broken.lastIndexOf(0x78)] = 0xff
    for (const bytes of [Buffer.from(PLAIN, 'utf16le'), broken, new Uint8Array(10_000_000)]) {
      assert.throws(() => parseSimpleSigning(bytes), { code: 'ERR_FORMAT_PAYLOAD', field: '$' })
    }
  })

  it('never repeats the payload in a message', () => {
    const text = PLAIN.replace(DIGEST, 's3cret-value').replace(REFERENCE, 's3cret-value')
    assert.throws(
      () => parseSimpleSigning(utf8(text)),
      (error: Error) => !error.message.includes('s3cret'),
    )
  })
})

/** Nothing but the name of the digest tells what it is. */
const ONE_MARK = PLAIN.replace('docker-reference', 'x').replace(SIMPLE_SIGNING_TYPE, 'y')

describe('resemblesSimpleSigning', () => {
  const lookalikes: Record<string, string | Uint8Array> = {
    'the real thing': PLAIN,
    'a byte order mark': `\ufeff${PLAIN}`,
    'leading white space': `\r\n\t \u00a0\u2028${PLAIN}`,
    'UTF-16LE': Buffer.from(PLAIN, 'utf16le'),
    'UTF-16LE with a byte order mark': Buffer.from(`\ufeff${PLAIN}`, 'utf16le'),
    'UTF-16BE': Buffer.from(PLAIN, 'utf16le').swap16(),
    'UTF-32': Buffer.from(Array.from(PLAIN, (c) => `${c}\0\0\0`).join(''), 'latin1'),
    'upper case': PLAIN.toUpperCase(),
    'mixed case': PLAIN.replace('critical', 'CriTicaL').replace('image', 'IMAGE'),
    'the Kelvin sign': ONE_MARK.replace('docker', 'doc\u212aer'),
    'the long s': ONE_MARK.replace('manifest', 'manife\u017ft'),
    'an escaped name': ONE_MARK.replace('manifest', 'manif\\u0065st'),
    'names escaped as in JavaScript': ONE_MARK.replace('critical', '\\x63ritical').replace(
      'manifest',
      'manif\\u{65}st',
    ),
    'names with an escape that is none': ONE_MARK.replace('critical', '\\critical'),
    'names on two lines, as in JavaScript': ONE_MARK.replace('critical', 'crit\\\nical'),
    'a DEL before it': `\x7f${PLAIN}`,
    'a comment of a shell before it': `# x\n${PLAIN}`,
    'escaped names': PLAIN.replace('"critical"', '"\\u0063RITICAL"').replace(
      'manifest',
      'manif\\u0065st',
    ),
    'duplicate members, the first one false': `{"critical":1,${PLAIN.slice(1)}`,
    'duplicate members, the last one false': PLAIN.replace(/\}$/, ',"critical":1}'),
    'unknown members': PLAIN.replace('{', '{"x":{"y":[1,{"z":"}"}]},'),
    'another type': PLAIN.replace(SIMPLE_SIGNING_TYPE, 'something else'),
    podman: PLAIN.replace(SIMPLE_SIGNING_TYPE, 'atomic container signature'),
    'no type': `{"critical":{"image":{"docker-manifest-digest":"${DIGEST}"}}}`,
    'no digest': `{"critical":{"type":"${SIMPLE_SIGNING_TYPE}"}}`,
    'something after it': `${PLAIN} trailing`,
    'a second payload after another value': `{}\n${PLAIN}`,
    'no end': PLAIN.slice(0, -12),
    'a comment before it': `// x\n/* { */ # y\n${PLAIN}`,
    'comments within': PLAIN.replace('{', '{/* " { */'),
    'single quotes': PLAIN.replaceAll('"', "'"),
    'unquoted names': PLAIN.replace('"critical"', 'critical').replace('"image"', 'image'),
    'malformed UTF-8': Buffer.from(PLAIN.replace('null', '{"a":"\xff"}'), 'latin1'),
    'control characters': PLAIN.replace('null', '{"a":"\n\u0001"}'),
    'numbers JavaScript changes': PLAIN.replace('null', '{"a":1e999}'),
    'deep nesting': PLAIN.replace('null', '['.repeat(10_000) + ']'.repeat(10_000)),
    'a megabyte of annotations': PLAIN.replace('null', `{"a":"${'b'.repeat(2_000_000)}"}`),
    'a megabyte of white space': ' '.repeat(1_000_000) + PLAIN,
  }
  for (const [name, content] of Object.entries(lookalikes)) {
    it(`true: ${name}`, () => {
      assert.equal(
        resemblesSimpleSigning(typeof content === 'string' ? utf8(content) : content),
        true,
      )
    })
  }

  const others: Record<string, string | Uint8Array> = {
    nothing: '',
    'white space': ' \n '.repeat(10_000),
    'plain text': 'Release notes for 1.0\n',
    'plain text that quotes a payload': `The file holds ${PLAIN}`,
    'a shell script that prints one': `#!/bin/sh\necho '${PLAIN}'\n`,
    'a source file that holds one': `/* signs */\nconst payload = ${PLAIN}\n`,
    'what cosign verify prints': `[${PLAIN}]`,
    'a JSON string': JSON.stringify(PLAIN),
    'a document that holds one deeper': JSON.stringify({ payloads: [JSON.parse(PLAIN)] }),
    'a document that quotes one': JSON.stringify({ critical: 3, text: PLAIN }),
    'a count of findings': '{"critical":3,"high":{"image":"docker"},"type":"scan"}',
    'package.json': '{"name":"chancery","version":"0.1.0","dependencies":{"x":"1"}}',
    'an empty object': '{}',
    numbers: `{"a":[${'1,'.repeat(500_000)}1]}`,
    strings: `{"a":"${'\\n'.repeat(500_000)}"}`,
    'an image manifest': '{"schemaVersion":2,"config":{"digest":"sha256:00"},"layers":[]}',
    YAML: `critical:\n  image:\n    docker-manifest-digest: ${DIGEST}\n`,
    XML: '<critical><image docker-manifest-digest="x"/></critical>',
    'an ELF binary': Buffer.from('\x7fELF\x02\x01\x01\0\0\0critical docker-reference', 'latin1'),
    'a ZIP archive': Buffer.from('PK\x03\x04{"critical":', 'latin1'),
    zeros: new Uint8Array(1_000_000),
    'a malformed document about something critical': '{"critical":"\\n",oops}',
    'a malformed document about an image': '{"docker-reference":"x",oops}',
  }
  for (const [name, content] of Object.entries(others)) {
    it(`false: ${name}`, () => {
      assert.equal(
        resemblesSimpleSigning(typeof content === 'string' ? utf8(content) : content),
        false,
      )
    })
  }

  it('is true for every mutation that a lenient reader takes for a payload', () => {
    const bytes = utf8(PLAIN)
    let taken = 0
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 9, max: 126 })), {
          maxLength: 3,
        }),
        (changes) => {
          const mutated = bytes.slice()
          for (const [at, byte] of changes) mutated[at] = byte
          if (!lenientReaderSeesImage(mutated)) return
          taken++
          assert.equal(resemblesSimpleSigning(mutated), true)
        },
      ),
      { numRuns: 3000 },
    )
    assert.ok(taken > 300)
  })
})

/** What Go's encoding/json and `cosign verify` do: names in any case, the last of equal ones, one path that counts. */
function lenientReaderSeesImage(bytes: Uint8Array): boolean {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return false
  }
  for (const name of ['critical', 'image', 'docker-manifest-digest']) {
    if (typeof value !== 'object' || value === null) return false
    value = Object.entries(value).findLast(([key]) => key.toLowerCase() === name)?.[1]
  }
  return typeof value === 'string'
}
