import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import type { ErrorCode } from '../../src/errors/codes.ts'
import { encodePae } from '../../src/format/dsse.ts'
import type { BundleTrust } from '../../src/verify/bundle-trust.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import { verifyBundle, type BundleExpectation } from '../../src/verify/verify-bundle.ts'
import { utf8 } from './test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signArtifact,
  signStatement,
  trustedRootOf,
  type BundleJson,
} from './test-sigstore.ts'

const sigstore = createTestSigstore()
const trustedRoot = loadTrustedRoot(JSON.stringify(trustedRootOf(sigstore)))
const leaf = issueLeaf(sigstore)
const artifact = utf8('an artifact')
const hash = (
  algorithm: string,
  encoding: 'hex' | 'base64',
  bytes: Uint8Array = artifact,
): string => createHash(algorithm).update(bytes).digest(encoding)
const predicateType = 'https://example.com/type'
const other = 'cd'.repeat(32)

function verify(bundle: BundleJson, expected: Partial<BundleExpectation>, root = trustedRoot) {
  const expectation: BundleExpectation = {
    artifact: { bytes: artifact },
    certificate: { identity, issuer },
    ...expected,
  }
  const trust = { trustedRoot: root }
  return verifyBundle(JSON.stringify(bundle), trust, expectation, sigstore.signedAt)
}

function refuses(code: ErrorCode, ...args: Parameters<typeof verify>): void {
  assert.throws(() => verify(...args), { name: 'ChanceryError', code })
}

/** A bundle over a statement about a subject with these digests. */
function statementAbout(digest: Readonly<Record<string, string>>): BundleJson {
  const subject = [{ digest }]
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType }
  return signStatement(sigstore, leaf, { ...statement, predicate: {} })
}

describe('a statement', () => {
  const right = { sha256: hash('sha256', 'hex'), sha512: hash('sha512', 'hex') }
  const digest = `sha256:${right.sha256}`

  it('is about an artifact where each hash that is known is its, and at least one is', () => {
    const { sha256, sha512 } = right
    for (const known of [right, { sha256 }, { sha512 }, { sha256, gitCommit: other }]) {
      verify(statementAbout(known), { predicateType })
    }
    for (const known of [
      { sha256: other },
      { sha256, sha512: other.repeat(2) },
      { sha256: other, sha512 },
      { gitCommit: sha256 },
      { sha1: hash('sha1', 'hex') },
    ]) {
      refuses('ERR_VERIFY_ARTIFACT', statementAbout(known), { predicateType })
    }
  })

  it('is about a digest only where it has a hash of that kind', () => {
    verify(statementAbout({ sha256: right.sha256 }), { predicateType, artifact: { digest } })
    for (const known of [{ sha512: right.sha512 }, { gitCommit: right.sha256 }]) {
      const expected = { predicateType, artifact: { digest } }
      refuses('ERR_VERIFY_ARTIFACT', statementAbout(known), expected)
    }
  })

  it('is none where it was signed as something else', () => {
    const bundle = statementAbout(right)
    const envelope = bundle.dsseEnvelope!
    const payload = Buffer.from(envelope.payload, 'base64')
    for (const [payloadType, code] of [
      ['application/vnd.in-toto+json', undefined],
      ['application/json', 'ERR_VERIFY_CONTENT'],
      ['application/vnd.in-toto+json ', 'ERR_VERIFY_CONTENT'],
    ] as const) {
      const sig = sign('sha256', encodePae(payloadType, payload), leaf.privateKey)
      const signed = structuredClone(bundle)
      signed.dsseEnvelope = {
        ...envelope,
        payloadType,
        signatures: [{ sig: sig.toString('base64') }],
      }
      signed.verificationMaterial.tlogEntries = []
      if (code === undefined) verify(signed, { predicateType })
      else refuses(code, signed, { predicateType })
    }
  })
})

describe('the digest beside a signature', () => {
  it('is refused where it is wrong, though nobody signed it', () => {
    const bundle = signArtifact(sigstore, leaf, artifact)
    const message = bundle.messageSignature!
    for (const [algorithm, digest, code] of [
      ['SHA2_256', hash('sha256', 'base64'), undefined],
      ['SHA2_512', hash('sha512', 'base64'), undefined],
      ['SHA2_256', hash('sha256', 'base64', utf8('another')), 'ERR_VERIFY_ARTIFACT'],
      ['SHA2_512', hash('sha512', 'base64', utf8('another')), 'ERR_VERIFY_ARTIFACT'],
    ] as const) {
      const changed = structuredClone(bundle)
      changed.messageSignature = { ...message, messageDigest: { algorithm, digest } }
      if (code === undefined) verify(changed, {})
      else refuses(code, changed, {})
    }
    const { signature } = message
    verify({ ...bundle, messageSignature: { signature } as typeof message }, {})
  })
})

describe('a certificate', () => {
  const bundle = signArtifact(sigstore, leaf, artifact)

  it('is the one that was given, where one was', () => {
    verify(bundle, { signerCertificate: leaf.certificate })
    const stranger = issueLeaf(sigstore).certificate
    refuses('ERR_VERIFY_CERTIFICATE_IDENTITY', bundle, { signerCertificate: stranger })
  })

  it('proves nothing without a trusted root and an identity', () => {
    const expected: BundleExpectation = { artifact: { bytes: artifact } }
    const text = JSON.stringify(bundle)
    for (const [trust, expectation] of [
      [{ trustedRoot }, expected],
      [{}, { ...expected, certificate: { identity, issuer } }],
    ] as const) {
      assert.throws(
        () => verifyBundle(text, trust as BundleTrust, expectation, sigstore.signedAt),
        {
          code: 'ERR_VERIFY_EXPECTATION',
        },
      )
    }
  })
})

describe('an expectation', () => {
  it('has to say what is expected', () => {
    const about = statementAbout({ sha256: hash('sha256', 'hex') })
    const digest = `sha256:${hash('sha256', 'hex')}`
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, 'x']))
    for (const expected of [
      { artifact: {} },
      { artifact: { digest, bytes: artifact } },
      { artifact: { digest: 'sha256:ab' } },
      { artifact: { digest: hash('sha256', 'hex') } },
      { predicateType: '' },
      { annotations: { a: 'b' } },
      { predicateType, annotations: many(1001) },
    ]) {
      refuses('ERR_VERIFY_EXPECTATION', about, expected as Partial<BundleExpectation>)
    }
    refuses('ERR_VERIFY_ANNOTATION', about, { predicateType, annotations: many(1000) })
  })
})
