import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { MAX_BUNDLE_BYTES, parseBundle } from '../../src/format/bundle.ts'
import { parseCheckpoint } from '../../src/format/checkpoint.ts'
import { parseLogBody } from '../../src/format/log-body.ts'
import { parseTrustedRoot } from '../../src/format/trusted-root.ts'
import {
  createTestSigstore,
  issueLeaf,
  signArtifact,
  signStatement,
  trustedRootOf,
} from './test-sigstore.ts'

const sigstore = createTestSigstore()
const leaf = issueLeaf(sigstore)
const timestamps = [sigstore.signedAt]
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: 'ab'.repeat(32) } }],
  predicateType: 'https://example.com/type',
}
const bundles = {
  message: signArtifact(sigstore, leaf, new Uint8Array(3), { timestamps }),
  envelope: signStatement(sigstore, leaf, statement, { timestamps }),
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** Every path to an object's member, as far as `root` goes. */
function pathsOf(value: Json, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return []
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.flatMap(([name, inner]) => [[...path, name], ...pathsOf(inner, [...path, name])])
}

/** The document with one member replaced; removed where the replacement is undefined. */
function change(document: unknown, path: readonly (string | number)[], to: unknown): string {
  const copy = structuredClone(document)
  let parent = copy as Record<string | number, unknown>
  for (const name of path.slice(0, -1)) parent = parent[name] as typeof parent
  parent[path.at(-1)!] = to
  return JSON.stringify(copy)
}

/** What a bundle may do without: nothing that is left out makes it say anything else. */
const optional = new Set([
  'messageDigest',
  'tlogEntries',
  'timestampVerificationData',
  'rfc3161Timestamps',
  'integratedTime',
  'inclusionPromise',
  'logIndex',
  'hashes',
])

describe('parseBundle', () => {
  for (const [kind, bundle] of Object.entries(bundles)) {
    it(`refuses a ${kind} bundle that lacks any member, has it twice, unknown or of another type`, () => {
      parseBundle(JSON.stringify(bundle))
      const paths = pathsOf(bundle as unknown as Json)
      assert.ok(paths.length > 30)
      for (const path of paths) {
        const name = path.at(-1)!
        const where = path.join('.')
        const refuses = (text: string, why: string): void => {
          const throwsOurs = (thrown: unknown): boolean =>
            thrown instanceof ChanceryError && /^ERR_FORMAT_(BUNDLE|DSSE|JSON)$/.test(thrown.code)
          assert.throws(() => parseBundle(text), throwsOurs, `${where}: ${why}`)
        }
        refuses(change(bundle, path, 7), 'a number')
        refuses(change(bundle, path, true), 'a boolean')
        if (typeof name === 'number') continue
        if (!optional.has(name)) {
          refuses(change(bundle, path, undefined), 'missing')
          refuses(change(bundle, path, null), 'null')
        }
        refuses(change(bundle, [...path.slice(0, -1), `${name}X`], 'x'), 'unknown')
        const text = JSON.stringify(bundle)
        const doubled = text.replace(`"${name}":`, `"${name}":null,"${name}":`)
        refuses(doubled, 'twice')
      }
    })
  }

  it('refuses every beginning of a bundle', () => {
    const text = JSON.stringify(bundles.message)
    for (let length = 0; length < text.length; length += 7) {
      assert.throws(() => parseBundle(text.slice(0, length)), { code: 'ERR_FORMAT_JSON' })
    }
  })

  it('knows the spellings of its versions and no other', () => {
    const spell = (mediaType: string) =>
      parseBundle(JSON.stringify({ ...bundles.message, mediaType }))
    const prefix = 'application/vnd.dev.sigstore.bundle'
    assert.equal(spell(`${prefix}+json;version=0.3`).version, '0.3')
    assert.equal(spell(`${prefix}.v0.3+json`).version, '0.3')
    for (const mediaType of [
      `${prefix}+json;version=0.4`,
      `${prefix}.v0.3`,
      `${prefix}.v0.3+json;version=0.3`,
      `${prefix}.v1.0+json`,
      `x${prefix}.v0.3+json`,
      `${prefix}.v0.3+json\n`,
      // The single certificate came with 0.3.
      `${prefix}+json;version=0.1`,
      `${prefix}.v0.2+json`,
    ]) {
      assert.throws(() => spell(mediaType), { code: 'ERR_FORMAT_BUNDLE' }, mediaType)
    }
    // With a chain, which every version may have, nothing but the name of the version is wrong.
    const { certificate, ...material } = bundles.message.verificationMaterial
    const verificationMaterial = {
      ...material,
      x509CertificateChain: { certificates: [certificate] },
    }
    const chained = (mediaType: string) =>
      parseBundle(JSON.stringify({ ...bundles.message, mediaType, verificationMaterial }))
    assert.equal(chained(`${prefix}.v0.2+json`).version, '0.2')
    for (const mediaType of [
      `${prefix}+json;version=0.4`,
      `${prefix}.v1.0+json`,
      `${prefix}.v0.3`,
    ]) {
      assert.throws(() => chained(mediaType), { code: 'ERR_FORMAT_BUNDLE' }, mediaType)
    }
  })

  it('asks for a promise in version 0.1, and for a proof with its checkpoint from 0.2 on', () => {
    const { certificate, ...material } = bundles.message.verificationMaterial
    const old = (version: string, remove: string): string => {
      const entry = { ...material.tlogEntries[0], [remove]: undefined }
      return JSON.stringify({
        ...bundles.message,
        mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}`,
        verificationMaterial: {
          ...material,
          x509CertificateChain: { certificates: [certificate] },
          tlogEntries: [entry],
        },
      })
    }
    parseBundle(old('0.1', 'inclusionProof'))
    parseBundle(old('0.2', 'inclusionPromise'))
    for (const [version, member] of [
      ['0.1', 'inclusionPromise'],
      ['0.2', 'inclusionProof'],
    ] as const) {
      assert.throws(() => parseBundle(old(version, member)), { code: 'ERR_FORMAT_BUNDLE' })
    }
  })

  it('refuses two kinds of content or signer, and what is huge', () => {
    const both = { ...bundles.message, ...bundles.envelope }
    const { verificationMaterial } = bundles.message
    const material = { ...verificationMaterial, publicKey: { hint: '' } }
    const entries = Array.from({ length: 33 }, () => verificationMaterial.tlogEntries[0])
    for (const bundle of [
      both,
      { ...bundles.message, verificationMaterial: material },
      {
        ...bundles.message,
        verificationMaterial: { ...verificationMaterial, tlogEntries: entries },
      },
    ]) {
      assert.throws(() => parseBundle(JSON.stringify(bundle)), { code: 'ERR_FORMAT_BUNDLE' })
    }
    const huge = new Uint8Array(MAX_BUNDLE_BYTES + 1).fill(0x20)
    assert.throws(() => parseBundle(huge), { code: 'ERR_FORMAT_JSON' })
  })

  it('reads each part up to its limit, and refuses more', () => {
    const { certificate, ...material } = bundles.message.verificationMaterial
    const chained = {
      ...bundles.message,
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
      verificationMaterial: { ...material, x509CertificateChain: { certificates: [certificate] } },
    }
    const timestamps = ['timestampVerificationData', 'rfc3161Timestamps']
    const entry = ['tlogEntries', 0]
    const proof = [...entry, 'inclusionProof']
    const bytes = (length: number) => Buffer.alloc(length, 1).toString('base64')
    const list = (one: unknown) => (length: number) => Array.from({ length }, () => one)
    for (const [path, most, valueOf] of [
      [timestamps, 32, list({ signedTimestamp: 'AAAA' })],
      [[...timestamps, 0, 'signedTimestamp'], 64 * 1024, bytes],
      [['x509CertificateChain', 'certificates'], 20, list({ rawBytes: 'AAAA' })],
      [['x509CertificateChain', 'certificates', 0, 'rawBytes'], 64 * 1024, bytes],
      [['tlogEntries'], 32, list(material.tlogEntries[0])],
      [[...entry, 'canonicalizedBody'], 1024 * 1024, bytes],
      [[...entry, 'logId', 'keyId'], 64, bytes],
      [[...entry, 'kindVersion', 'kind'], 64, (length) => 'x'.repeat(length)],
      [[...proof, 'hashes'], 64, list(bytes(32))],
      [[...proof, 'checkpoint', 'envelope'], 64 * 1024, (length) => 'x'.repeat(length)],
    ] as readonly (readonly [(string | number)[], number, (length: number) => unknown])[]) {
      const inside = ['verificationMaterial', ...path]
      parseBundle(change(chained, inside, valueOf(most)))
      assert.throws(
        // Three bytes are four characters of base64.
        () =>
          parseBundle(change(chained, inside, valueOf(valueOf === bytes ? most + 3 : most + 1))),
        { code: 'ERR_FORMAT_BUNDLE' },
        path.join('.'),
      )
    }
    const hashes = ['verificationMaterial', ...proof, 'hashes']
    for (const length of [0, 31, 33]) {
      for (const path of [
        [...hashes, 0],
        [...hashes.slice(0, -1), 'rootHash'],
      ]) {
        assert.throws(() => parseBundle(change(chained, path, bytes(length))), {
          code: 'ERR_FORMAT_BUNDLE',
        })
      }
    }
  })

  it('refuses digests of other algorithms, and chains without a certificate', () => {
    const algorithm = ['messageSignature', 'messageDigest', 'algorithm']
    for (const name of ['SHA2_224', 'SHA1', 'sha256', '', 'HASH_ALGORITHM_UNSPECIFIED']) {
      assert.throws(() => parseBundle(change(bundles.message, algorithm, name)), {
        code: 'ERR_FORMAT_BUNDLE',
      })
    }
    const { certificate, ...material } = bundles.message.verificationMaterial
    const chain = (certificates: unknown) =>
      JSON.stringify({
        ...bundles.message,
        verificationMaterial: { ...material, x509CertificateChain: { certificates } },
      })
    parseBundle(chain([certificate]))
    assert.throws(() => parseBundle(chain([])), { code: 'ERR_FORMAT_BUNDLE' })
  })

  it('takes integers as texts in their shortest form', () => {
    const path = ['verificationMaterial', 'tlogEntries', 0, 'logIndex']
    assert.equal(parseBundle(change(bundles.message, path, '0')).logEntries[0]?.logIndex, 0)
    for (const index of ['-1', '01', '1.0', '1e3', '9007199254740992', ' 1']) {
      assert.throws(() => parseBundle(change(bundles.message, path, index)), {
        code: 'ERR_FORMAT_BUNDLE',
      })
    }
  })
})

describe('parseTrustedRoot', () => {
  const document = trustedRootOf(sigstore)

  it('reads four spellings of its media type', () => {
    const prefix = 'application/vnd.dev.sigstore.trustedroot'
    for (const mediaType of [
      `${prefix}+json;version=0.1`,
      `${prefix}+json;version=0.2`,
      `${prefix}.v0.1+json`,
      `${prefix}.v0.2+json`,
    ]) {
      assert.equal(parseTrustedRoot(JSON.stringify({ ...document, mediaType })).logs.length, 2)
    }
    for (const mediaType of [`${prefix}+json`, `${prefix}.v0.3+json`, '']) {
      assert.throws(() => parseTrustedRoot(JSON.stringify({ ...document, mediaType })), {
        code: 'ERR_FORMAT_TRUSTED_ROOT',
      })
    }
  })

  it('may hold nothing at all', () => {
    const { mediaType } = document
    assert.deepEqual(parseTrustedRoot(JSON.stringify({ mediaType })).certificateAuthorities, [])
  })

  it('refuses members that are unknown or of another type', () => {
    for (const path of pathsOf(document as unknown as Json)) {
      const where = path.join('.')
      assert.throws(
        () => parseTrustedRoot(change(document, path, 7)),
        { code: 'ERR_FORMAT_TRUSTED_ROOT' },
        where,
      )
      if (typeof path.at(-1) === 'number') continue
      const unknown = change(document, [...path.slice(0, -1), 'unknown'], 'x')
      assert.throws(() => parseTrustedRoot(unknown), { code: 'ERR_FORMAT_TRUSTED_ROOT' }, where)
    }
  })

  it('refuses times that do not exist', () => {
    const path = ['certificateAuthorities', 0, 'validFor', 'start']
    for (const time of ['2026-02-30T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00+01:00']) {
      assert.throws(() => parseTrustedRoot(change(document, path, time)), {
        code: 'ERR_FORMAT_TRUSTED_ROOT',
      })
    }
    const exact = parseTrustedRoot(change(document, path, '2022-12-31T23:59:59.999999Z'))
    assert.equal(
      exact.certificateAuthorities[0]?.validFor.start?.toISOString(),
      '2022-12-31T23:59:59.999Z',
    )
  })
})

describe('parseCheckpoint', () => {
  const hash = Buffer.alloc(32, 1).toString('base64')
  const signature = Buffer.alloc(68, 2).toString('base64')
  const note = `log.example\n7\n${hash}\n\n\u2014 log.example ${signature}\n`

  it('reads notes with further lines and several signatures', () => {
    const checkpoint = parseCheckpoint(
      `log.example\n7\n${hash}\nmore\n\n\u2014 log.example ${signature}\n\u2014 witness ${signature}\n`,
    )
    assert.equal(checkpoint.treeSize, 7)
    assert.equal(checkpoint.signatures.length, 2)
    assert.equal(
      Buffer.from(checkpoint.signedBytes).toString('utf8'),
      `log.example\n7\n${hash}\nmore\n`,
    )
  })

  it('refuses whatever else it could be', () => {
    for (const text of [
      '',
      '\n\n',
      note.slice(0, -1),
      `${note.slice(0, -1)}x`,
      `${note}\n`,
      note.replace('\u2014', 'x\u2014'),
      note.replace(signature, `${signature} x`),
      note.replace('\n\n', '\n'),
      note.replace('\n\n', '\n\n\n'),
      note.replace('log.example\n', '\n'),
      note.replace('\n7\n', '\n07\n'),
      note.replace('\n7\n', '\n-7\n'),
      note.replace('\n7\n', '\n99999999999999999\n'),
      note.replace(hash, hash.slice(4)),
      note.replace(hash, 'x'),
      note.replace('\u2014', '-'),
      note.replace(signature, 'AAAA'),
      note.replace(signature, 'AAAAAA=='),
      note.replace(signature, '?'),
      note.replace('\n7', '\r\n7'),
      note + `\u2014 log.example ${signature}\n`.repeat(32),
    ]) {
      assert.throws(() => parseCheckpoint(text), { code: 'ERR_FORMAT_CHECKPOINT' }, text)
    }
    const line = `\u2014 log.example ${signature}\n`
    assert.equal(parseCheckpoint(note + line.repeat(31)).signatures.length, 32)
    for (const [text, message] of [
      ['text\n', /^checkpoint: expected a text, a blank line and signatures$/],
      [note.replace('\u2014 ', ''), /^checkpoint: expected signature lines such as "\u2014 name/],
      [note.replace(signature, 'AAAAAA=='), /^checkpoint: expected a key id and a signature$/],
      [note + line.repeat(32), /^checkpoint: expected at most 32 signatures$/],
    ] as const) {
      assert.throws(() => parseCheckpoint(text), { message })
    }
  })
})

describe('parseLogBody', () => {
  it('refuses bodies that lack a member, or are of another kind than the entry says', () => {
    for (const bundle of Object.values(bundles)) {
      const entry = parseBundle(JSON.stringify(bundle)).logEntries[0]!
      const { body, kind, version } = entry
      parseLogBody(body, kind, version)
      const document = JSON.parse(Buffer.from(body).toString('utf8')) as Json
      for (const path of pathsOf(document)) {
        const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
        for (const to of [undefined, 7, [], '!']) {
          assert.throws(() => parseLogBody(bytes(change(document, path, to)), kind, version), {
            code: 'ERR_FORMAT_LOG_BODY',
          })
        }
      }
      for (const [otherKind, otherVersion] of [
        ['rekord', version],
        [kind, '0.0.2'],
        ['intoto', '0.0.1'],
      ] as const) {
        assert.throws(() => parseLogBody(body, otherKind, otherVersion), {
          code: 'ERR_FORMAT_LOG_BODY',
        })
      }
    }
  })
})
