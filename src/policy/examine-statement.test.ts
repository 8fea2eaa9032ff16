import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../format/dsse.ts'
import { COSIGN_SIGNATURE_PREDICATE, encodeImageStatement } from '../format/image-statement.ts'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import type { DenialReason } from './denial.ts'
import { examine, type Examination, type ExaminationRules } from './examine.ts'

const HEX = 'a'.repeat(64)
const DIGEST = `sha256:${HEX}`
const NAME = 'registry.acme.test/team/app'
const PROVENANCE = 'https://slsa.dev/provenance/v1'
const RULES: ExaminationRules = {
  allowedImages: ['registry.acme.test/team/*'],
  signatureFormats: ['legacy', 'bundle'],
  allowedPredicateTypes: [],
  allowOtherFiles: false,
}
/** Whatever is not for the examination of statements to say. */
const LOOSE: ExaminationRules = { ...RULES, allowOtherFiles: true }
const ATTESTING: ExaminationRules = { ...RULES, allowedPredicateTypes: [PROVENANCE] }

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function file(path: string, content: Uint8Array) {
  return {
    path,
    size: content.length,
    read: () => content,
    readInBackground: () => Promise.resolve(content),
  }
}

function paeOf(statement: unknown, type = IN_TOTO_PAYLOAD_TYPE): Uint8Array {
  return encodePae(
    type,
    bytes(typeof statement === 'string' ? statement : JSON.stringify(statement)),
  )
}

/** A statement of an image signature, changed. */
function statement(change: object = {}, subject: object = {}): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: NAME, digest: { sha256: HEX }, annotations: {}, ...subject }],
    predicateType: COSIGN_SIGNATURE_PREDICATE,
    predicate: {},
    ...change,
  }
}

function one(content: Uint8Array, rules = RULES): Examination {
  return examine({ files: [file('image.dsse', content)] }, rules)
}

function reasonOf(content: Uint8Array, rules = RULES): DenialReason {
  const { decision } = one(content, rules)
  assert.ok(!decision.allowed)
  const [reason, ...others] = decision.reasons
  assert.ok(reason !== undefined && others.length === 0)
  return reason
}

describe('the statement of an image signature', () => {
  it('is allowed where metadata is, and says what is in it', () => {
    const annotations = { build: '7' }
    const encoded = encodeImageStatement({ name: NAME, manifestDigest: DIGEST, annotations })
    assert.deepEqual(one(encodePae(IN_TOTO_PAYLOAD_TYPE, encoded)), {
      images: [
        {
          path: 'image.dsse',
          dockerReference: NAME,
          repository: NAME,
          digest: DIGEST,
          annotations,
          predicateType: COSIGN_SIGNATURE_PREDICATE,
          statementPath: 'image.dsse',
        },
      ],
      decision: { allowed: true },
    })
  })

  it('of an image that the policy does not allow is denied, whatever other files are', () => {
    for (const rules of [RULES, LOOSE]) {
      const reason = reasonOf(paeOf(statement({}, { name: 'evil.test/app' })), rules)
      assert.equal(reason.rule, 'allowedImages')
      assert.equal(reason.value, 'evil.test/app')
      assert.match(reason.reason, /the statement names "evil\.test\/app"/)
      assert.match(reason.fix, /allowed images/)
    }
  })

  it('is denied where one of several images is not allowed', () => {
    const subject = ['app', '../app', 'app'].map((name) => ({
      name: `registry.acme.test/team/${name}`,
      digest: { sha256: HEX },
    }))
    const examination = one(paeOf(statement({ subject })))
    assert.equal(examination.images.length, 1)
    assert.ok(!examination.decision.allowed)
    assert.equal(examination.decision.reasons[0]?.rule, 'allowedImages')
    assert.match(examination.decision.reasons[0].fix, /chancery generate --pae/)
  })

  it('is denied if it is anything else than exactly that, naming what and the fix', () => {
    const good = JSON.stringify(statement())
    const cases: Record<string, [Uint8Array, RegExp]> = {
      'a payload that is longer than said': [bytes(`${text(paeOf(good))} `), /nothing behind/],
      'a payload that is shorter': [paeOf(good).subarray(0, -1), /nothing behind/],
      'a length with a zero before it': [
        bytes(text(paeOf(good)).replace('DSSEv1 28', 'DSSEv1 028')),
        /leading zeros/,
      ],
      'another length of the type': [
        bytes(text(paeOf(good)).replace('DSSEv1 28', 'DSSEv1 27')),
        /payload type of 27 bytes/,
      ],
      'another payload type': [paeOf(good, 'text/plain'), /payload type application\/vnd.in-toto/],
      'the payload type of later versions': [paeOf(good, 'application/vnd.in-toto.x+json'), /type/],
      'no JSON': [paeOf('hello'), /JSON/],
      'a list': [paeOf([]), /object/],
      nothing: [paeOf(''), /JSON/],
      'two statements': [paeOf(`${good}${good}`), /nothing after/],
      'a byte order mark': [paeOf(`\uFEFF${good}`), /byte order mark/],
      'a member twice': [paeOf(good.replace('{', '{"predicateType":"x",')), /predicateType/],
      'a subject twice': [paeOf(good.replace('{', '{"subject":[],')), /subject/],
      'a subject in another case': [paeOf({ ...statement(), Subject: [] }), /no members but/],
      'a name as of protobuf': [paeOf({ ...statement(), predicate_type: 'x' }), /no members but/],
      'an unknown type': [paeOf(statement({ _type: 'https://in-toto.io/Statement/v2' })), /_type/],
      'no subject': [paeOf(statement({ subject: [] })), /at least one subject/],
      'no name': [paeOf(statement({}, { name: undefined })), /expected the name of the image/],
      'an empty name': [paeOf(statement({}, { name: '' })), /expected the name of the image/],
      'two digests': [
        paeOf(statement({}, { digest: { sha256: HEX, sha512: HEX + HEX } })),
        /exactly one digest/,
      ],
      'another digest': [paeOf(statement({}, { digest: { sha512: HEX + HEX } })), /exactly one/],
      'a digest in another case': [
        paeOf(statement({}, { digest: { SHA256: HEX } })),
        /exactly one/,
      ],
      'a digest in capitals': [
        paeOf(statement({}, { digest: { sha256: HEX.toUpperCase() } })),
        /lower-case/,
      ],
      'a digest twice': [
        paeOf(good.replace('"digest":{', `"digest":{"sha256":"${'b'.repeat(64)}",`)),
        /sha256/,
      ],
      'a place elsewhere': [
        paeOf(statement({}, { uri: 'oci://evil.test/app' })),
        /nothing but name, digest and annotations, found uri/,
      ],
      'a predicate': [paeOf(statement({ predicate: { approved: true } })), /no predicate/],
      '1001 subjects': [
        paeOf(statement({ subject: subjects(1001) })),
        /at most 1000 subjects, found 1001/,
      ],
      'much nesting': [
        paeOf(
          good.replace(
            '"annotations":{}',
            `"annotations":{"a":${'['.repeat(99)}${']'.repeat(99)}}`,
          ),
        ),
        /deep|nest|level/,
      ],
      'more than 1 MiB': [
        paeOf(statement({}, { annotations: { a: 'x'.repeat(1024 * 1024) } })),
        /at most 1048576 bytes, found/,
      ],
    }
    for (const [name, [content, message]] of Object.entries(cases)) {
      for (const rules of [RULES, LOOSE]) {
        if (name === 'more than 1 MiB' && rules === RULES) continue
        const reason = reasonOf(content, rules)
        assert.equal(reason.rule, 'statement', name)
        assert.match(reason.reason, message, name)
        assert.match(reason.fix, /chancery generate --pae/, name)
      }
    }
  })

  it('with more subjects than anyone reads is denied where attestations may be large', () => {
    const content = paeOf(statement({ subject: subjects(10_001) }))
    assert.match(reasonOf(content, ATTESTING).reason, /at most 10000/)
  })

  it('is no signature over 1 MiB where attestations may be larger', () => {
    const large = statement({}, { annotations: { a: 'x'.repeat(1024 * 1024) } })
    assert.match(reasonOf(paeOf(large), ATTESTING).reason, /at most 1048576 bytes of a signature/)
    const ofSize = (size: number): Uint8Array => {
      const withAnnotation = (length: number): Uint8Array =>
        paeOf(statement({}, { annotations: { a: 'x'.repeat(length) } }))
      const overhead = withAnnotation(1024 * 1024).length - 1024 * 1024
      return withAnnotation(size - overhead)
    }
    const largest = ofSize(1024 * 1024)
    assert.equal(largest.length, 1024 * 1024)
    for (const rules of [RULES, ATTESTING]) {
      assert.deepEqual(one(largest, rules).decision, { allowed: true })
      assert.equal(one(ofSize(1024 * 1024 + 1), rules).decision.allowed, false)
    }
  })

  it('a text that only starts like one is denied, too', () => {
    for (const text of ['DSSEv1 is a format', 'DSSEv', 'DSSEv2 28 x']) {
      assert.equal(reasonOf(bytes(text), LOOSE).rule, 'statement')
    }
    assert.deepEqual(one(bytes('DSSE is a format'), LOOSE).decision, { allowed: true })
  })

  it('is one image with the metadata file that says the same, and two where they differ', () => {
    const metadata = (annotations?: Record<string, string>) =>
      encodeSimpleSigning({ dockerReference: NAME, manifestDigest: DIGEST, annotations })
    const files = (annotations?: Record<string, string>) => [
      file('a.json', metadata(annotations)),
      file('a.dsse', paeOf(statement())),
      file('b.dsse', paeOf(statement())),
    ]
    assert.deepEqual(examine({ files: files() }, RULES).images, [
      {
        path: 'a.json',
        dockerReference: NAME,
        repository: NAME,
        digest: DIGEST,
        annotations: {},
        predicateType: COSIGN_SIGNATURE_PREDICATE,
        statementPath: 'a.dsse',
      },
    ])
    const two = examine({ files: files({ env: 'prod' }) }, RULES).images
    assert.deepEqual(
      two.map(({ path, statementPath, annotations }) => [path, statementPath, annotations]),
      [
        ['a.json', undefined, { env: 'prod' }],
        ['a.dsse', 'a.dsse', {}],
      ],
    )
  })

  it('and metadata are signed only in the formats of the policy', () => {
    const metadata = encodeSimpleSigning({ dockerReference: NAME, manifestDigest: DIGEST })
    const legacy: ExaminationRules = { ...LOOSE, signatureFormats: ['legacy'] }
    const bundle: ExaminationRules = { ...LOOSE, signatureFormats: ['bundle'] }
    const none: ExaminationRules = { ...LOOSE, signatureFormats: [] }
    assert.deepEqual(one(metadata, legacy).decision, { allowed: true })
    assert.deepEqual(one(paeOf(statement()), bundle).decision, { allowed: true })
    const isMetadata = 'Cosign metadata (format legacy)'
    const isStatement = 'the statement of an image signature (format bundle)'
    for (const [content, rules, format, file, formats] of [
      [metadata, bundle, 'legacy', isMetadata, 'bundle'],
      [metadata, none, 'legacy', isMetadata, 'none'],
      [paeOf(statement()), legacy, 'bundle', isStatement, 'legacy'],
      [paeOf(statement()), none, 'bundle', isStatement, 'none'],
    ] as const) {
      const reason = reasonOf(content, rules)
      assert.deepEqual([reason.rule, reason.value], ['signatureFormats', format])
      assert.match(reason.fix, /signatureFormats/)
      assert.equal(
        reason.reason,
        `the file is ${file}, and the signing policy makes signatures of the formats: ${formats}`,
      )
    }
  })

  it('of an image that is not allowed is denied for that, whatever the formats', () => {
    const other = encodeSimpleSigning({ dockerReference: 'evil.test/x', manifestDigest: DIGEST })
    const rules: ExaminationRules = { ...LOOSE, signatureFormats: ['bundle'] }
    assert.equal(reasonOf(other, rules).rule, 'allowedImages')
  })

  it('a changed one is denied, or no verifier could read another image in it', () => {
    const good = paeOf(statement())
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const changed = good.slice()
        changed[at] = value
        const { images, decision } = one(changed, LOOSE)
        if (!decision.allowed) return
        // It is no encoding of DSSE any more, or it names an allowed image.
        if (images.length === 0) assert.notEqual(text(changed).slice(0, 5), 'DSSEv')
        else assert.match(images[0]?.repository ?? '', /^registry\.acme\.test\/team\/[^/]+$/)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an attestation', () => {
  const attestation = (change: object = {}, subject: object = {}) =>
    paeOf(statement({ predicateType: PROVENANCE, predicate: { a: [1] }, ...change }, subject))

  it('is signed where its predicate type is listed, with its images', () => {
    const { images, decision } = one(attestation(), ATTESTING)
    assert.deepEqual(decision, { allowed: true })
    assert.deepEqual(
      images.map(({ repository, predicateType }) => [repository, predicateType]),
      [[NAME, PROVENANCE]],
    )
  })

  it('is denied where it is not, with the type, what is allowed, and the fix', () => {
    const eleven = Array.from({ length: 11 }, (_, at) => `x:${at}`)
    for (const [types, allowed] of [
      [[], /of which the signing policy allows none$/],
      [[`${PROVENANCE}0`], /allows https:\/\/slsa.dev\/provenance\/v10$/],
      [[`${PROVENANCE}/`, PROVENANCE.toUpperCase()], /allows https:.*\/, HTTPS:/],
      [eleven, /allows x:0, x:1, x:2, .*, x:9$/],
    ] as const) {
      const rules = { ...LOOSE, allowedPredicateTypes: types }
      const reason = reasonOf(attestation(), rules)
      assert.deepEqual([reason.rule, reason.value], ['allowedPredicateTypes', PROVENANCE])
      assert.match(reason.reason, allowed)
      assert.match(reason.fix, /allowedPredicateTypes/)
    }
  })

  it('nothing in a predicate type can hide', () => {
    const reason = reasonOf(attestation({ predicateType: 'x:\u202Egnp\u001b[2J' }), ATTESTING)
    assert.match(reason.reason, /^[ -~]+$/)
    const shown = (length: number): string =>
      reasonOf(attestation({ predicateType: `x:${'y'.repeat(length - 2)}` }), ATTESTING).reason
    assert.match(shown(200), /type "x:y{198}", /)
    assert.match(shown(201), /type "x:y{198}\.\.\.", /)
  })

  it('names allowed images only, each with one digest', () => {
    assert.equal(
      reasonOf(attestation({}, { name: 'evil.test/x' }), ATTESTING).rule,
      'allowedImages',
    )
    assert.equal(reasonOf(attestation({}, { name: undefined }), ATTESTING).rule, 'statement')
    // Nothing that says of which other thing the attestation is, since nobody holds that against the policy.
    const elsewhere = attestation({}, { uri: 'oci://evil.test/app' })
    assert.match(reasonOf(elsewhere, ATTESTING).reason, /nothing but name, digest/)
    const digest = { sha256: HEX, sha1: 'b'.repeat(40) }
    assert.equal(reasonOf(attestation({}, { digest }), ATTESTING).rule, 'statement')
  })

  it('is a second image beside the signature of the same', () => {
    const files = [file('a.dsse', paeOf(statement())), file('b.dsse', attestation())]
    const { images } = examine({ files }, ATTESTING)
    assert.deepEqual(
      images.map(({ path, predicateType }) => [path, predicateType]),
      [
        ['a.dsse', COSIGN_SIGNATURE_PREDICATE],
        ['b.dsse', PROVENANCE],
      ],
    )
  })

  it('may have 16 MiB, and all of a request together 10000 images', () => {
    const large = attestation({ predicate: { a: 'x'.repeat(15 * 1024 * 1024) } })
    assert.deepEqual(one(large, ATTESTING).decision, { allowed: true })
    const larger = attestation({ predicate: { a: 'x'.repeat(16 * 1024 * 1024) } })
    assert.equal(reasonOf(larger, { ...ATTESTING, allowOtherFiles: true }).rule, 'statement')
    assert.equal(reasonOf(larger, ATTESTING).rule, 'allowOtherFiles')
    const many = Array.from({ length: 11 }, (_, index) =>
      file(`${index}.dsse`, attestation({ subject: subjects(1000) })),
    )
    const { decision } = examine({ files: many }, ATTESTING)
    assert.ok(!decision.allowed)
    assert.match(decision.reasons[0]?.reason ?? '', /more than 10000 images/)
    assert.deepEqual(examine({ files: many.slice(1) }, ATTESTING).decision, { allowed: true })
  })
})

function subjects(count: number): readonly object[] {
  return Array.from({ length: count }, (_, index) => ({
    name: NAME,
    digest: { sha256: index.toString(16).padStart(64, '0') },
  }))
}

function text(content: Uint8Array): string {
  return Buffer.from(content).toString('utf8')
}
