import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseStatement } from './in-toto.ts'

const sha256 = 'ab'.repeat(32)
/** The most digests of a subject. */
const MAX_DIGESTS = 16
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256 } }],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  predicate: {},
}

function parse(change: object = {}): ReturnType<typeof parseStatement> {
  return parseStatement(new TextEncoder().encode(JSON.stringify({ ...statement, ...change })))
}

const digests = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`algorithm${at}`, 'x']))

describe('parseStatement', () => {
  it('reads both versions', () => {
    const { subjects, predicate, type } = parse()
    assert.deepEqual(subjects, [
      { name: undefined, digest: { sha256 }, annotations: {}, otherMembers: [] },
    ])
    assert.deepEqual([predicate, type], [{}, statement._type])
    assert.equal(parse({ predicate: undefined }).predicate, undefined)
    assert.ok(parse({ subject: [{ digest: digests(MAX_DIGESTS) }] }))
    const first = { _type: 'https://in-toto.io/Statement/v0.1' }
    const named = [{ name: 'registry.example/app', digest: { sha256, gitCommit: 'x' } }]
    assert.equal(parse({ ...first, subject: named }).subjects[0]?.name, 'registry.example/app')
    assert.throws(() => parse(first), { code: 'ERR_FORMAT_STATEMENT' }, 'v0.1 names its subjects')
  })

  it('refuses whatever else it could be', () => {
    for (const change of [
      { _type: 'https://in-toto.io/Statement/v2' },
      { _type: undefined },
      { subject: [] },
      { subject: undefined },
      { subject: [{}] },
      { subject: [{ digest: {} }] },
      { subject: [{ digest: { sha256: sha256.toUpperCase() } }] },
      { subject: [{ digest: { sha256: sha256.slice(2) } }] },
      { subject: [{ digest: { sha1: 7 } }] },
      { subject: [{ digest: { other: '' } }] },
      { subject: [{ digest: { sha256: `x${sha256.slice(1)}` } }] },
      { subject: [{ digest: { sha256: `${sha256.slice(1)}x` } }] },
      { subject: [{ digest: digests(MAX_DIGESTS + 1) }] },
      { subject: [{ digest: { sha256 }, other: 1 }] },
      { subject: { digest: { sha256 } } },
      { predicateType: '' },
      { predicateType: undefined },
      { predicate: 'x' },
      { predicate: [] },
      { PredicateType: 'https://example.com' },
    ]) {
      assert.throws(() => parse(change), { code: 'ERR_FORMAT_STATEMENT' }, JSON.stringify(change))
    }
    const twice = new TextEncoder().encode('{"_type":"x","_type":"x"}')
    assert.throws(() => parseStatement(twice), { code: 'ERR_FORMAT_JSON' })
  })
})
