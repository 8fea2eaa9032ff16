import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  encodeAttestation,
  readPredicate,
  requireAttestation,
  type AttestedImage,
} from './attestation.ts'
import { encodePae, IN_TOTO_PAYLOAD_TYPE, MAX_PAYLOAD_BYTES } from './dsse.ts'
import { COSIGN_SIGNATURE_PREDICATE, encodeImageStatement } from './image-statement.ts'
import { parseStatement } from './in-toto.ts'
import { parsePredicateType, PREDICATE_TYPES } from './predicate-type.ts'

const NOW = new Date('2026-11-28T10:00:00.789Z')
const HEX = 'ab'.repeat(32)
const IMAGE: AttestedImage = { name: 'registry.acme.test/app', manifestDigest: `sha256:${HEX}` }
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const attest = (type: string, file: string): string =>
  text(encodeAttestation(IMAGE, readPredicate(type, utf8(file), NOW)))

describe('the statement of an attestation', () => {
  it('is what cosign attest writes', () => {
    // Source: cosign 2.6.5, `attest --type custom --no-upload`, with this file.
    assert.equal(
      attest('custom', 'tested "well"\n'),
      `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://cosign.sigstore.dev/attestation/v1",` +
        `"subject":[{"name":"registry.acme.test/app","digest":{"sha256":"${HEX}"}}],` +
        `"predicate":{"Data":"tested \\"well\\"\\n","Timestamp":"2026-11-28T10:00:00Z"}}`,
    )
  })

  it('has the predicate byte for byte, without the white space around it', () => {
    const predicate = '{ "z": 1.50,\n "a": "\\u003c<" }'
    const statement = attest('https://acme.test/tested/v1', `\n ${predicate}\r\n`)
    assert.ok(statement.endsWith(`,"predicate":${predicate}}`))
    const { type, predicateType, subjects } = parseStatement(utf8(statement))
    assert.equal(type, 'https://in-toto.io/Statement/v0.1')
    assert.equal(predicateType, 'https://acme.test/tested/v1')
    assert.deepEqual(subjects[0]?.digest, { sha256: HEX })
  })

  it('says the same where nothing has a time', () => {
    assert.equal(attest('cyclonedx', '{}'), attest('https://cyclonedx.org/bom', '{}'))
  })

  it('is never larger than what is signed may be', () => {
    const file = (length: number): Uint8Array => utf8(`{"a":"${'x'.repeat(length - 8)}"}`)
    for (const [length, fits] of [
      [MAX_PAYLOAD_BYTES - 500, true],
      [MAX_PAYLOAD_BYTES - 100, false],
      [17 * 1024 * 1024, false],
    ] as const) {
      const make = (): Uint8Array =>
        encodeAttestation(IMAGE, readPredicate('openvex', file(length), NOW))
      if (fits) assert.ok(encodePae(IN_TOTO_PAYLOAD_TYPE, make()).length <= MAX_PAYLOAD_BYTES)
      else assert.throws(make, { code: 'ERR_FORMAT_PREDICATE', message: /at most 16777152 bytes/ })
    }
    // Escaping makes it longer.
    const quotes = readPredicate('custom', utf8('"'.repeat(10 * 1024 * 1024)), NOW)
    assert.throws(() => encodeAttestation(IMAGE, quotes), { code: 'ERR_FORMAT_PREDICATE' })
  })
})

describe('a predicate', () => {
  it('is a strict JSON object', () => {
    for (const [file, code] of [
      ['', 'ERR_FORMAT_JSON'],
      ['{"a":1,"a":2}', 'ERR_FORMAT_JSON'],
      ['{"a":1} {}', 'ERR_FORMAT_JSON'],
      ['{"a":12345678901234567890}', 'ERR_FORMAT_JSON'],
      [`{"a":${'['.repeat(63)}${']'.repeat(63)}}`, 'ERR_FORMAT_JSON'],
      ['[1]', 'ERR_FORMAT_PREDICATE'],
      ['"text"', 'ERR_FORMAT_PREDICATE'],
      ['null', 'ERR_FORMAT_PREDICATE'],
    ] as const) {
      assert.throws(() => readPredicate('openvex', utf8(file), NOW), { code }, file.slice(0, 20))
    }
    const deepest = attest('openvex', `{"a":${'['.repeat(62)}${']'.repeat(62)}}`)
    assert.ok(parseStatement(utf8(deepest)))
    const members = Array.from({ length: 990_001 }, (_, n) => `"${n}":0`).join()
    assert.throws(() => readPredicate('openvex', utf8(`{${members}}`), NOW), {
      code: 'ERR_FORMAT_JSON',
    })
  })

  it('has the members that its type has to have', () => {
    for (const [type, file, missing] of [
      ['slsaprovenance', '{"builder":{}}', 'buildType'],
      ['slsaprovenance1', '{"spdxVersion":"SPDX-2.3"}', 'buildDefinition, runDetails'],
      ['https://slsa.dev/provenance/v1', '{}', 'buildDefinition, runDetails'],
      ['link', '{}', 'name, materials'],
    ] as const) {
      assert.throws(
        () => readPredicate(type, utf8(file), NOW),
        (error: Error) => error.message.includes(missing),
      )
    }
    assert.ok(attest('slsaprovenance1', '{"buildDefinition":{},"runDetails":{}}'))
  })

  it('is no SPDX text, which cosign 3 cannot verify', () => {
    assert.throws(() => attest('spdx', 'SPDXVersion: SPDX-2.3\n'), /SPDX document in JSON/)
    assert.equal(attest('spdx', ' {}'), attest('spdxjson', '{}'))
  })

  it('of the type custom is any text in UTF-8', () => {
    assert.throws(() => readPredicate('custom', Uint8Array.of(0xff), NOW), {
      code: 'ERR_FORMAT_PREDICATE',
    })
    assert.match(attest('custom', ''), /"Data":""/)
  })
})

describe('a predicate type', () => {
  it("is a URI, or one of cosign's names", () => {
    for (const uri of Object.values(PREDICATE_TYPES)) assert.equal(parsePredicateType(uri), uri)
    assert.equal(parsePredicateType('spdx'), 'https://spdx.dev/Document')
    for (const wrong of [
      '',
      'SPDX',
      'toString',
      'https://a b',
      'https://é',
      ':x',
      `a:${'b'.repeat(1024)}`,
    ]) {
      assert.throws(() => parsePredicateType(wrong), { code: 'ERR_FORMAT_PREDICATE' }, wrong)
    }
  })

  it('of an attestation is not that of image signatures', () => {
    assert.throws(() => attest(COSIGN_SIGNATURE_PREDICATE, '{}'), { code: 'ERR_FORMAT_PREDICATE' })
    const signature = encodeImageStatement(IMAGE)
    assert.throws(() => requireAttestation(signature, IMAGE), { code: 'ERR_FORMAT_PREDICATE' })
  })
})

describe('a ready statement', () => {
  const statement = utf8(attest('openvex', '{"a":1}'))

  it('has to be about the image', () => {
    assert.equal(requireAttestation(statement, IMAGE).predicateType, 'https://openvex.dev/ns')
    const other = { ...IMAGE, manifestDigest: `sha256:${'0'.repeat(64)}` }
    assert.throws(() => requireAttestation(statement, other), {
      code: 'ERR_FORMAT_PREDICATE',
      message: /found one about sha256:abab/,
    })
    const sha512 = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha512":"${'ab'.repeat(64)}"}}],"predicateType":"a:b"}`
    assert.throws(() => requireAttestation(utf8(sha512), IMAGE), /found one about none/)
  })

  it('has to be a statement', () => {
    assert.throws(() => requireAttestation(utf8('{}'), IMAGE), { code: 'ERR_FORMAT_STATEMENT' })
    const twice = text(statement).replace('"predicate"', '"predicateType":"a:b","predicate"')
    assert.throws(() => requireAttestation(utf8(twice), IMAGE), { code: 'ERR_FORMAT_JSON' })
  })
})
