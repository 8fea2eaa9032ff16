import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import type { ErrorCode } from '../../src/errors/codes.ts'
import { contextTag, DER_TAG } from '../../src/format/der-reader.ts'
import {
  encodeDer,
  encodeOid,
  encodeSequence,
  encodeSmallInteger,
  encodeTrue,
} from '../../src/format/der-writer.ts'
import type { BundleTrust } from '../../src/verify/bundle-trust.ts'
import { loadTrustedRoot, type TrustedRoot } from '../../src/verify/trusted-root.ts'
import {
  verifyBundle,
  type BundleExpectation,
  type VerifiedBundle,
} from '../../src/verify/verify-bundle.ts'
import { OID } from '../../src/x509/oids.ts'
import {
  encodeExtension,
  issueCertificate,
  utf8,
  type CertificateOptions,
} from './test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signArtifact,
  signStatement,
  trustedRootOf,
  type BundleJson,
  type BundleOptions,
  type TrustedRootJson,
} from './test-sigstore.ts'
import { makeTimestamp } from './test-timestamp.ts'

const sigstore = createTestSigstore()
const trustedRoot = loadTrustedRoot(JSON.stringify(trustedRootOf(sigstore)))
const leaf = issueLeaf(sigstore)
const artifact = utf8('an artifact')
/** The most characters of a pattern for identities. */
const MAX_PATTERN = 2048
const now = new Date('2026-06-02T00:00:00Z')
const expected: BundleExpectation = {
  artifact: { bytes: artifact },
  certificate: { identity, issuer },
  requires: { log: 1 },
}
const digest = `sha256:${'ab'.repeat(32)}`
const predicateType = 'https://sigstore.dev/cosign/sign/v1'
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: 'ab'.repeat(32) }, annotations: { env: 'prod' } }],
  predicateType,
  predicate: {},
}
const expectedStatement: BundleExpectation = {
  ...expected,
  artifact: { digest },
  predicateType,
}

function verify(
  bundle: BundleJson,
  expectation: BundleExpectation = expected,
  trust: BundleTrust = { trustedRoot },
  at = now,
): VerifiedBundle {
  return verifyBundle(JSON.stringify(bundle), trust, expectation, at)
}

function refuses(code: ErrorCode, ...args: Parameters<typeof verify>): void {
  assert.throws(() => verify(...args), { name: 'ChanceryError', code })
}

describe('verifyBundle', () => {
  it('says what was signed, by whom and when', () => {
    const found = verify(signArtifact(sigstore, leaf, artifact))
    assert.deepEqual(found.content, { kind: 'artifact' })
    assert.ok(found.signer.kind === 'certificate')
    assert.deepEqual([found.signer.identity, found.signer.issuer], [identity, issuer])
    assert.deepEqual(found.signedAt, [sigstore.signedAt])
    assert.deepEqual(
      found.logEntries.map(({ log, logIndex }) => [log.baseUrl, logIndex]),
      [[sigstore.log.baseUrl, 1001]],
    )
  })

  it('gives the statement whose type, subject and annotations were asked for', () => {
    const bundle = signStatement(sigstore, leaf, statement)
    const found = verify(bundle, { ...expectedStatement, annotations: { env: 'prod' } })
    assert.ok(found.content.kind === 'statement')
    assert.equal(found.content.statement.predicateType, predicateType)
    assert.deepEqual(found.content.subject.annotations, { env: 'prod' })
    verify(bundle, { ...expectedStatement, predicateType: 'any' })
    refuses('ERR_VERIFY_ANNOTATION', bundle, { ...expectedStatement, annotations: { env: 'test' } })
    refuses('ERR_VERIFY_ANNOTATION', bundle, {
      ...expectedStatement,
      annotations: { toString: '' },
    })
    refuses('ERR_VERIFY_PREDICATE_TYPE', bundle, {
      ...expectedStatement,
      predicateType: 'https://slsa.dev/provenance/v1',
    })
    refuses('ERR_VERIFY_ARTIFACT', bundle, {
      ...expectedStatement,
      artifact: { digest: `sha256:${'cd'.repeat(32)}` },
    })
    refuses('ERR_VERIFY_ARTIFACT', bundle, { ...expectedStatement, artifact: { bytes: artifact } })
  })

  it('never takes a statement for an artifact, or the reverse', () => {
    refuses('ERR_VERIFY_CONTENT', signStatement(sigstore, leaf, statement), {
      ...expected,
      artifact: { digest },
    })
    refuses('ERR_VERIFY_CONTENT', signArtifact(sigstore, leaf, artifact), {
      ...expected,
      predicateType: 'any',
    })
  })

  it('verifies with a key, and never takes a key for a certificate', () => {
    const bundle = signArtifact(sigstore, leaf, artifact, { isKeySigned: true })
    const plain: BundleExpectation = { artifact: { bytes: artifact } }
    const found = verify(bundle, plain, { publicKey: leaf.publicKey })
    assert.equal(found.signer.kind, 'publicKey')
    assert.deepEqual(found.signedAt, [], 'nobody who is trusted vouches for a time')
    const logged = { ...plain, requires: { log: 1 } }
    assert.equal(
      verify(bundle, logged, { publicKey: leaf.publicKey, trustedRoot }).signedAt.length,
      1,
    )
    refuses('ERR_VERIFY_SIGNATURE', bundle, plain, { publicKey: sigstore.root.publicKey })
    refuses('ERR_VERIFY_SIGNER', bundle)
    refuses('ERR_VERIFY_SIGNER', signArtifact(sigstore, leaf, artifact), plain, {
      publicKey: leaf.publicKey,
    })
  })

  it('refuses calls that do not say what is expected', () => {
    const bundle = signArtifact(sigstore, leaf, artifact)
    const keySigned = signArtifact(sigstore, leaf, artifact, { isKeySigned: true })
    const key: BundleTrust = { publicKey: leaf.publicKey }
    const calls: Parameters<typeof verify>[] = [
      [bundle, { artifact: { bytes: artifact } }],
      [bundle, { ...expected, certificate: { identity } }],
      [bundle, { ...expected, certificate: { identity, issuer, issuerPattern: '*' } }],
      [bundle, { ...expected, certificate: { identity: '', issuer } }],
      [bundle, { ...expected, artifact: { digest: 'sha256:ab' } }],
      [bundle, { ...expected, artifact: { digest } }],
      [bundle, { ...expected, requires: { log: -1 } }],
      [bundle, { ...expected, requires: { log: NaN } }],
      [bundle, { ...expected, requires: { timestamp: 0.5 } }],
      [bundle, { ...expected, annotations: { env: 'prod' } }],
      [bundle, expected, { trustedRoot }, new Date(NaN)],
      [keySigned, expected, key],
      [keySigned, { artifact: { bytes: artifact }, requires: { log: 1 } }, key],
    ]
    for (const call of calls) refuses('ERR_VERIFY_EXPECTATION', ...call)
  })

  it('refuses calls that ask for what it does not know, or for what has no value', () => {
    const signed = signStatement(sigstore, leaf, statement)
    const about = expectedStatement
    const certificate = { identity, issuer }
    // What callers without types write: a name that is wrong, a variable that is not set.
    const calls = [
      [{ ...about, require: { log: 1 } }, /"require"/],
      [{ ...about, requires: { logs: 1 } }, /"logs"/],
      [{ ...about, requires: { log: undefined } }, /"log"/],
      [{ ...about, requires: undefined }, /"requires"/],
      [{ ...about, certificate: { ...certificate, workflows: {} } }, /"workflows"/],
      [{ ...about, certificate: { ...certificate, workflow: { repo: 'a/b' } } }, /"repo"/],
      [{ ...about, certificate: { ...certificate, workflow: { ref: undefined } } }, /"ref"/],
      [{ ...about, certificate: { ...certificate, workflow: undefined } }, /"workflow"/],
      [{ ...about, annotations: { env: undefined } }, /"env"/],
      [{ ...about, annotations: { env: 1 } }, /"env"/],
      [{ ...about, annotations: undefined }, /"annotations"/],
      [{ ...about, signerCertificate: undefined }, /"signerCertificate"/],
    ] as const
    for (const [call, message] of calls) {
      const wrong = call as unknown as BundleExpectation
      assert.throws(() => verify(signed, wrong), { code: 'ERR_VERIFY_EXPECTATION', message })
    }
    verify(signed, about)
  })

  it('accepts an identity from end to end only', () => {
    const bundle = signArtifact(sigstore, leaf, artifact)
    const as = (certificate: BundleExpectation['certificate'] & object) => ({
      ...expected,
      certificate,
    })
    verify(bundle, as({ identityPattern: 'release@*', issuerPattern: '*' }))
    verify(bundle, as({ identityPattern: '*@acme.example', issuer }))
    for (const other of ['release@acme.exampl', 'elease@acme.example', 'release@acme-example']) {
      refuses('ERR_VERIFY_CERTIFICATE_IDENTITY', bundle, as({ identity: other, issuer }))
      const pattern = as({ identityPattern: other, issuer })
      refuses('ERR_VERIFY_CERTIFICATE_IDENTITY', bundle, pattern)
    }
    refuses('ERR_VERIFY_CERTIFICATE_IDENTITY', bundle, as({ identity: '*', issuer }))
    refuses('ERR_VERIFY_CERTIFICATE_ISSUER', bundle, as({ identity, issuer: `${issuer}/` }))
    refuses('ERR_VERIFY_CERTIFICATE_ISSUER', bundle, as({ identity, issuerPattern: 'https://x*' }))
    verify(bundle, as({ identityPattern: '*'.repeat(MAX_PATTERN), issuer }))
    const tooLong = as({ identityPattern: '*'.repeat(MAX_PATTERN + 1), issuer })
    assert.throws(() => verify(bundle, tooLong), {
      code: 'ERR_VERIFY_EXPECTATION',
      message: `expected a pattern of at most ${MAX_PATTERN} characters`,
    })
    refuses('ERR_VERIFY_EXPECTATION', bundle, as({ identityPattern: '', issuer }))
  })

  it('reads the user name of a certificate, and nothing that is malformed', () => {
    const named = (...inOtherName: readonly Uint8Array[]): BundleJson => {
      const value = encodeDer(contextTag(0, 'constructed'), ...inOtherName)
      const userName = encodeDer(contextTag(0, 'constructed'), encodeOid(OID.otherName), value)
      const other = encodeDer(contextTag(0, 'constructed'), encodeOid('1.2.3.4'), value)
      const names = encodeSequence(
        other,
        encodeDer(contextTag(2, 'primitive'), utf8('a')),
        userName,
      )
      const certificate = issueCertificate('Release', {
        issuer: sigstore.intermediate,
        oidcIssuer: issuer,
        extensions: [encodeExtension(OID.subjectAlternativeName, names, true)],
      })
      return signArtifact(sigstore, certificate, artifact)
    }
    const asUser = { ...expected, certificate: { identity: 'user!acme.example', issuer } }
    const text = encodeDer(DER_TAG.utf8String, utf8('user!acme.example'))
    verify(named(text), asUser)
    refuses('ERR_VERIFY_CERTIFICATE_IDENTITY', named(text))
    refuses('ERR_FORMAT_DER', named(text, text), asUser)
    refuses('ERR_FORMAT_DER', named(encodeDer(DER_TAG.utf8String, Uint8Array.of(0xff))), asUser)
  })

  it('reads the issuer from either extension, and refuses two that differ', () => {
    const signWith = (options: CertificateOptions) =>
      signArtifact(sigstore, issueLeaf(sigstore, options), artifact)
    verify(signWith({ oidcIssuerRaw: issuer }))
    const raw = issueCertificate('Release', {
      issuer: sigstore.intermediate,
      email: identity,
      oidcIssuerRaw: issuer,
    })
    verify(signArtifact(sigstore, raw, artifact))
    refuses('ERR_FORMAT_DER', signWith({ oidcIssuerRaw: 'https://evil.example' }))
    const text = encodeDer(DER_TAG.utf8String, utf8(issuer))
    const trailing = issueCertificate('Release', {
      issuer: sigstore.intermediate,
      email: identity,
      extensions: [encodeExtension(OID.issuer, Buffer.concat([text, text]))],
    })
    refuses('ERR_FORMAT_DER', signArtifact(sigstore, trailing, artifact))
    const none = issueCertificate('Release', { issuer: sigstore.intermediate, email: identity })
    const bundle = signArtifact(sigstore, none, artifact)
    refuses('ERR_VERIFY_CERTIFICATE_ISSUER', bundle)
    verify(bundle, { ...expected, certificate: { identity, issuerPattern: '*' } })
    refuses('ERR_VERIFY_CERTIFICATE_IDENTITY', signWith({ email: `${identity}\nx` }), {
      ...expected,
      certificate: { identityPattern: `${identity}*`, issuer },
    })
  })
})

describe('pieces of two valid bundles', () => {
  const artifacts = [artifact, utf8('another artifact')] as const
  const bundles = artifacts.map((one) => signArtifact(sigstore, issueLeaf(sigstore), one))

  it('verify as they were made', () => {
    for (const [index, bundle] of bundles.entries()) {
      verify(bundle, { ...expected, artifact: { bytes: artifacts[index]! } })
    }
  })

  for (let mask = 1; mask < 15; mask++) {
    const from = [0, 1, 2, 3].map((bit) => (mask >> bit) & 1)
    it(`do not verify mixed: artifact ${from[0]}, signature ${from[1]}, certificate ${from[2]}, entry ${from[3]}`, () => {
      const [ofArtifact, ofSignature, ofCertificate, ofEntry] = from.map((one) => bundles[one]!)
      const mixed: BundleJson = {
        ...bundles[0]!,
        verificationMaterial: {
          certificate: ofCertificate!.verificationMaterial['certificate'],
          tlogEntries: ofEntry!.verificationMaterial.tlogEntries,
        },
        messageSignature: {
          messageDigest: ofArtifact!.messageSignature!.messageDigest,
          signature: ofSignature!.messageSignature!.signature,
        },
      }
      const expectation = { ...expected, artifact: { bytes: artifacts[from[0]!]! } }
      assert.throws(() => verify(mixed, expectation), {
        code: /^ERR_VERIFY_(SIGNATURE|LOG_ENTRY)$/,
      })
    })
  }

  it('do not verify with the timestamp of the other', () => {
    const [one, other] = [0, 1].map(() =>
      signArtifact(sigstore, leaf, artifact, { timestamps: [sigstore.signedAt] }),
    )
    const mixed = structuredClone(one!)
    mixed.verificationMaterial.timestampVerificationData =
      other!.verificationMaterial.timestampVerificationData
    verify(one!)
    refuses('ERR_VERIFY_TIMESTAMP', mixed)
  })
})

describe('times', () => {
  const minute = 60_000
  const at = (offset: number): Date => new Date(sigstore.signedAt.getTime() + offset * minute)

  it('count only where a trusted log or authority vouches for them', () => {
    const alone: BundleExpectation = { ...expected, requires: {} }
    const unpromised: BundleOptions = { integratedAt: null }
    const bundle = signArtifact(sigstore, leaf, artifact, unpromised)
    // Nothing covers this number.
    bundle.verificationMaterial.tlogEntries[0]!['integratedTime'] = String(
      sigstore.signedAt.getTime() / 1000,
    )
    refuses('ERR_VERIFY_CERTIFICATE_TIME', bundle, alone)
    assert.deepEqual(verify(bundle, alone, { trustedRoot }, sigstore.signedAt).signedAt, [])
    const timed = signArtifact(sigstore, leaf, artifact, {
      integratedAt: null,
      timestamps: [sigstore.signedAt],
    })
    assert.deepEqual(verify(timed).signedAt, [sigstore.signedAt])
  })

  it('all have to lie in the life of every certificate, and none in the future', () => {
    for (const [offset, code] of [
      [-6, 'ERR_VERIFY_CERTIFICATE_TIME'],
      [-5, undefined],
      [0, undefined],
      [5, undefined],
      [6, 'ERR_VERIFY_CERTIFICATE_TIME'],
      [24 * 60, 'future'],
    ] as const) {
      const stamped = signArtifact(sigstore, leaf, artifact, {
        integratedAt: null,
        timestamps: [at(offset)],
      })
      const logged = signArtifact(sigstore, leaf, artifact, { integratedAt: at(offset) })
      const both = signArtifact(sigstore, leaf, artifact, { timestamps: [at(offset)] })
      if (code === undefined) {
        for (const bundle of [stamped, logged, both]) verify(bundle)
      } else if (code === 'future') {
        refuses('ERR_VERIFY_TIMESTAMP', stamped, expected, { trustedRoot }, at(10))
        refuses('ERR_VERIFY_LOG_ENTRY', logged, expected, { trustedRoot }, at(10))
      } else {
        for (const bundle of [stamped, logged, both]) refuses(code, bundle)
      }
    }
  })

  const early = { notBefore: '2025-01-01T00:00:00Z', notAfter: '2026-05-31T00:00:00Z' }
  const late = { notBefore: '2026-06-02T00:00:00Z' }
  for (const [what, validity] of [
    ['over', early],
    ['to come', late],
  ] as const) {
    it(`are refused while the life of any certificate is ${what}`, () => {
      const root = issueCertificate('Root', { isAuthority: true, ...validity })
      const soundRoot = issueCertificate('Root', { isAuthority: true })
      for (const [rootOfPath, options] of [
        [root, {}],
        [soundRoot, validity],
      ] as const) {
        const intermediate = issueCertificate('Signing', {
          isAuthority: true,
          issuer: rootOfPath,
          ...options,
        })
        const other = { ...sigstore, root: rootOfPath, intermediate }
        const trust = { trustedRoot: loadTrustedRoot(JSON.stringify(trustedRootOf(other))) }
        const bundle = signArtifact(other, issueLeaf(other), artifact)
        refuses('ERR_VERIFY_CERTIFICATE_TIME', bundle, expected, trust)
      }
    })
  }

  it('are refused outside of the period of every entry of the trusted root', () => {
    const bundle = signArtifact(sigstore, leaf, artifact, { timestamps: [sigstore.signedAt] })
    const periods = [
      { start: '2026-06-01T12:00:01Z' },
      { start: '2026-01-01T00:00:00Z', end: '2026-06-01T11:59:59Z' },
    ]
    for (const validFor of periods) {
      for (const [change, code] of [
        [(json) => (json.tlogs[0]!.publicKey['validFor'] = validFor), 'ERR_VERIFY_LOG_ENTRY'],
        [
          (json) => (json.certificateAuthorities[0]!['validFor'] = validFor),
          'ERR_VERIFY_CERTIFICATE_TIME',
        ],
        [(json) => (json.timestampAuthorities[0]!['validFor'] = validFor), 'ERR_VERIFY_TIMESTAMP'],
      ] as readonly [(json: ReturnType<typeof trustedRootOf>) => unknown, ErrorCode][]) {
        const json = trustedRootOf(sigstore)
        change(json)
        refuses(code, bundle, expected, { trustedRoot: loadTrustedRoot(JSON.stringify(json)) })
      }
    }
    const json = trustedRootOf(sigstore)
    const exact = { start: '2026-06-01T12:00:00Z', end: '2026-06-01T12:00:00Z' }
    json.tlogs[0]!.publicKey['validFor'] = exact
    json.certificateAuthorities[0]!['validFor'] = exact
    json.timestampAuthorities[0]!['validFor'] = exact
    verify(bundle, expected, { trustedRoot: loadTrustedRoot(JSON.stringify(json)) })
  })
})

describe('required counts', () => {
  const { log, otherLog } = sigstore

  it('are of different logs', () => {
    const two: BundleExpectation = { ...expected, requires: { log: 2 } }
    verify(signArtifact(sigstore, leaf, artifact, { logs: [log, otherLog] }), two)
    refuses('ERR_VERIFY_LOG_COUNT', signArtifact(sigstore, leaf, artifact, { logs: [log] }), two)
    const twice = signArtifact(sigstore, leaf, artifact, { logs: [log, log] })
    refuses('ERR_VERIFY_LOG_COUNT', twice, two)
    const none = signArtifact(sigstore, leaf, artifact, { logs: [] })
    refuses('ERR_VERIFY_LOG_COUNT', none)
    const renamed = { ...log, baseUrl: 'https://alias.example', logId: Buffer.alloc(32, 7) }
    const aliased = trustedRootOf({ ...sigstore, otherLog: renamed })
    const bundle = signArtifact(sigstore, leaf, artifact, { logs: [log, renamed] })
    refuses('ERR_VERIFY_LOG_COUNT', bundle, two, {
      trustedRoot: loadTrustedRoot(JSON.stringify(aliased)),
    })
  })

  it('are of different timestamp authorities', () => {
    const { signedAt } = sigstore
    const one: BundleExpectation = { ...expected, requires: { timestamp: 1 } }
    const two: BundleExpectation = { ...expected, requires: { timestamp: 2 } }
    const bundle = signArtifact(sigstore, leaf, artifact, { timestamps: [signedAt, signedAt] })
    verify(bundle, one)
    refuses('ERR_VERIFY_TIMESTAMP_COUNT', bundle, two)
    refuses('ERR_VERIFY_TIMESTAMP_COUNT', signArtifact(sigstore, leaf, artifact), one)
  })

  it('refuse two logs of one id in a trusted root', () => {
    const json = trustedRootOf({ ...sigstore, otherLog: log })
    assert.throws(() => loadTrustedRoot(JSON.stringify(json)), { code: 'ERR_VERIFY_TRUSTED_ROOT' })
  })

  it('need a trusted root that is one', () => {
    const load = (change: (json: TrustedRootJson) => void): TrustedRoot => {
      const json = trustedRootOf(sigstore)
      change(json)
      return loadTrustedRoot(JSON.stringify(json))
    }
    const type = 'application/vnd.dev.sigstore.trustedroot'
    for (const mediaType of [
      `${type}+json;version=0.1`,
      `${type}+json;version=0.2`,
      `${type}.v0.1+json`,
      `${type}.v0.2+json`,
    ]) {
      assert.equal(load((json) => Object.assign(json, { mediaType })).logs.length, 2)
    }
    load((json) => Object.assign(json.tlogs[0]!, { operator: 'acme.example' }))
    const changes: readonly ((json: TrustedRootJson) => unknown)[] = [
      ...[`x${type}.v0.1+json`, `${type}.v0.1+jsonx`, `${type}+json;version=0.3`, ''].map(
        (mediaType) => (json: TrustedRootJson) => Object.assign(json, { mediaType }),
      ),
      (json) => Object.assign(json.certificateAuthorities[0]!, { certChain: { certificates: [] } }),
      (json) => Object.assign(json.certificateAuthorities[0]!, { operator: 7 }),
      (json) => Object.assign(json.tlogs[0]!, { operator: 7 }),
      (json) => Object.assign(json.tlogs[0]!, { hashAlgorithm: 'SHA2_512' }),
      (json) => Object.assign(json.tlogs[0]!.publicKey as object, { validFor: {} }),
      (json) => Object.assign(json.tlogs[0]!.publicKey as object, { validFor: undefined }),
    ]
    for (const change of changes) {
      assert.throws(() => load(change), { code: 'ERR_FORMAT_TRUSTED_ROOT' }, change.toString())
    }
  })
})

/** Source: RFC 5280, 4.2.1.12. */
const ANY_USAGE = '2.5.29.37.0'
const UNKNOWN_ALGORITHM = encodeSequence(encodeOid('1.2.840.10045.4.3.9'))

describe('paths of certificates', () => {
  const { root, intermediate, signedAt } = sigstore
  const timed: BundleOptions = { logs: [] }
  const free: BundleExpectation = { ...expected, requires: {} }
  const check = (certificate: ReturnType<typeof issueLeaf>, trusted: TrustedRoot = trustedRoot) =>
    verify(
      signArtifact(sigstore, certificate, artifact, timed),
      free,
      { trustedRoot: trusted },
      signedAt,
    )
  const cases: readonly [string, CertificateOptions][] = [
    ['a stranger with the name of the authority', { issuer: issueCertificate('Acme Signing') }],
    ['another name than the one who signed', { issuerName: 'Nobody' }],
    ['no authority', { issuer: issueLeaf(sigstore) }],
    ['another use', { usages: [OID.timeStamping] }],
    ['any use', { usages: [ANY_USAGE] }],
    ['no use for signatures', { keyUsage: [2] }],
    [
      'an unknown critical extension',
      { extensions: [encodeExtension('1.2.3.4', utf8('x'), true)] },
    ],
    ['an unknown signature algorithm', { signatureAlgorithm: UNKNOWN_ALGORITHM }],
    ['name constraints', { extensions: [encodeExtension(OID.nameConstraints, utf8('x'))] }],
  ]
  for (const [what, options] of cases) {
    it(`are refused: ${what}`, () => {
      const certificate = issueLeaf(sigstore, options)
      assert.throws(() => check(certificate), { code: 'ERR_VERIFY_CERTIFICATE' })
    })
  }

  it('hold without extended key usage and without key usage', () => {
    check(issueLeaf(sigstore, { usages: null, keyUsage: null }))
    check(issueLeaf(sigstore, { extensions: [encodeExtension('1.2.3.4', utf8('x'))] }))
  })

  const authorities: readonly [string, CertificateOptions, boolean][] = [
    ['sound', {}, true],
    ['no authority', { isAuthority: false }, false],
    ['no authority but for certificates', { isAuthority: false, keyUsage: [5] }, false],
    ['not for certificates', { keyUsage: [0] }, false],
    ['for timestamps', { usages: [OID.timeStamping] }, false],
    ['for code signing', { usages: [OID.codeSigning] }, true],
    ['signed in an unknown way', { signatureAlgorithm: UNKNOWN_ALGORITHM }, false],
    ['for any use', { usages: [ANY_USAGE] }, true],
    ['for an unknown use', { usages: ['1.2.3.4'] }, false],
  ]
  for (const [what, options, isSound] of authorities) {
    it(`through an authority that is ${what} ${isSound ? 'hold' : 'are refused'}`, () => {
      const issuing = issueCertificate('Issuing', { isAuthority: true, issuer: root, ...options })
      const other = { ...sigstore, intermediate: issuing }
      const trust = loadTrustedRoot(JSON.stringify(trustedRootOf(other)))
      const certificate = issueLeaf(other)
      if (isSound) check(certificate, trust)
      else assert.throws(() => check(certificate, trust), { code: 'ERR_VERIFY_CERTIFICATE' })
    })
  }

  it('lead through intermediates of the bundle, but never end there', () => {
    const json = trustedRootOf(sigstore)
    const raw = (certificate: Uint8Array) => ({
      rawBytes: Buffer.from(certificate).toString('base64'),
    })
    json.certificateAuthorities[0]!['certChain'] = { certificates: [raw(root.certificate)] }
    const rootOnly = { trustedRoot: loadTrustedRoot(JSON.stringify(json)) }
    const bundle = signArtifact(sigstore, leaf, artifact)
    refuses('ERR_VERIFY_CERTIFICATE', bundle, expected, rootOnly)
    const withChain = (...chain: readonly Uint8Array[]): BundleJson => {
      const material = { ...bundle.verificationMaterial, certificate: undefined }
      const certificates = chain.map(raw)
      return {
        ...bundle,
        verificationMaterial: { ...material, x509CertificateChain: { certificates } },
      }
    }
    verify(withChain(leaf.certificate, intermediate.certificate), expected, rootOnly)
    const foreign = issueCertificate('Foreign', { isAuthority: true })
    const between = issueCertificate('Between', { isAuthority: true, issuer: foreign })
    const evil = { ...sigstore, intermediate: between }
    const forged = signArtifact(evil, issueLeaf(evil), artifact)
    const forgedLeaf = forged.verificationMaterial['certificate'] as { rawBytes: string }
    const material = { ...forged.verificationMaterial, certificate: undefined }
    refuses('ERR_VERIFY_CERTIFICATE', {
      ...forged,
      verificationMaterial: {
        ...material,
        x509CertificateChain: { certificates: [forgedLeaf, raw(between.certificate)] },
      },
    })
    refuses(
      'ERR_VERIFY_CERTIFICATE',
      withChain(leaf.certificate, intermediate.certificate, root.certificate),
    )
  })

  /** A trusted root with one authority: these, the anchor last. */
  function trustOf(...parties: readonly (typeof root)[]): TrustedRoot {
    const json = trustedRootOf(sigstore)
    json.certificateAuthorities[0]!['certChain'] = {
      certificates: parties.map(({ certificate }) => ({
        rawBytes: Buffer.from(certificate).toString('base64'),
      })),
    }
    return loadTrustedRoot(JSON.stringify(json))
  }

  it('have ten certificates at most', () => {
    const chain = [root]
    for (let length = 3; length <= 11; length++) {
      chain.unshift(issueCertificate(`CA ${length}`, { isAuthority: true, issuer: chain[0]! }))
      const certificate = issueLeaf({ ...sigstore, intermediate: chain[0]! })
      if (length <= 10) check(certificate, trustOf(...chain))
      else {
        assert.throws(() => check(certificate, trustOf(...chain)), {
          code: 'ERR_VERIFY_CERTIFICATE',
        })
      }
    }
  })

  it('that are refused for want of an issuer say so, others do not', () => {
    const hintsOf = (options: CertificateOptions): readonly string[] => {
      try {
        check(issueLeaf(sigstore, options))
      } catch (error) {
        assert.ok(error instanceof ChanceryError)
        return error.hints
      }
      return assert.fail('expected a refusal')
    }
    assert.deepEqual(hintsOf({ issuer: issueCertificate('Acme Signing') }), [])
    assert.match(hintsOf({ issuerName: 'Nobody' }).join(), /^There is no certificate of the issuer/)
  })

  it('keep to the path length', () => {
    const short = issueCertificate('Short', { isAuthority: true, pathLength: 0, issuer: root })
    const below = issueCertificate('Below', { isAuthority: true, issuer: short })
    check(issueLeaf({ ...sigstore, intermediate: short }), trustOf(short, root))
    assert.throws(
      () => check(issueLeaf({ ...sigstore, intermediate: below }), trustOf(below, short, root)),
      { code: 'ERR_VERIFY_CERTIFICATE' },
    )
    // An authority's next key, which it certifies under its own name, is no level of its own.
    const next = issueCertificate('Short', { isAuthority: true, issuer: short })
    check(issueLeaf({ ...sigstore, intermediate: next }), trustOf(next, short, root))
  })
})

describe('timestamps', () => {
  const { timestampAuthority, timestampRoot, signedAt } = sigstore
  const issuerName = timestampRoot.name
  const one: BundleExpectation = { ...expected, requires: { timestamp: 1 } }
  const bundle = signArtifact(sigstore, leaf, artifact)
  const signature = Uint8Array.from(Buffer.from(bundle.messageSignature!.signature, 'base64'))
  const stamped = (response: Uint8Array): BundleJson => ({
    ...bundle,
    verificationMaterial: {
      ...bundle.verificationMaterial,
      timestampVerificationData: {
        rfc3161Timestamps: [{ signedTimestamp: Buffer.from(response).toString('base64') }],
      },
    },
  })
  const stranger = issueCertificate('Time', {
    issuer: timestampRoot,
    usages: [OID.timeStamping],
    isUsageCritical: true,
  })

  it('hold with the signer’s certificate among strangers, wherever it stands', () => {
    const sound = { issuerName }
    verify(stamped(makeTimestamp(timestampAuthority, signature, signedAt, sound)), one)
    for (const certificates of [
      [stranger.certificate, leaf.certificate],
      [leaf.certificate, timestampAuthority.certificate],
    ]) {
      const options = { issuerName, certificates }
      verify(stamped(makeTimestamp(timestampAuthority, signature, signedAt, options)), one)
    }
    // Not in the trusted root, but sent along, and issued by the trusted authority.
    const options = { issuerName, certificates: [leaf.certificate, stranger.certificate] }
    verify(stamped(makeTimestamp(stranger, signature, signedAt, options)), one)
  })

  const faults: readonly [string, Parameters<typeof makeTimestamp>[3], ErrorCode][] = [
    [
      'another certificate in the attributes',
      { issuerName, namedCertificate: leaf.certificate },
      'ERR_VERIFY_TIMESTAMP_COUNT',
    ],
    [
      'no certificate in the attributes',
      { issuerName, namedCertificate: null },
      'ERR_VERIFY_TIMESTAMP',
    ],
    ['another issuer', { issuerName: 'Nobody' }, 'ERR_VERIFY_TIMESTAMP_COUNT'],
    ['attributes of another content', { issuerName, digested: utf8('x') }, 'ERR_VERIFY_TIMESTAMP'],
    ['another type of content', { issuerName, contentType: OID.data }, 'ERR_VERIFY_TIMESTAMP'],
    ['attributes of another type', { issuerName, signedType: OID.data }, 'ERR_VERIFY_TIMESTAMP'],
    ['a refusal', { issuerName, status: 2 }, 'ERR_VERIFY_TIMESTAMP'],
    [
      'extensions',
      { issuerName, trailing: encodeDer(contextTag(1, 'constructed')) },
      'ERR_VERIFY_TIMESTAMP',
    ],
    ...[
      '20260230120000Z',
      '20260601250000Z',
      '20260601120000',
      '20260601120000+0000',
      '20260601120000.0Z',
      '20260601120000.Z',
      'x20260601120000Z',
      '20260601120000Zx',
      '',
    ].map((genTime): [string, Parameters<typeof makeTimestamp>[3], ErrorCode] => [
      `the time "${genTime}"`,
      { issuerName, genTime },
      'ERR_VERIFY_TIMESTAMP',
    ]),
  ]

  it('may have an order, a nonce and the name of the authority', () => {
    const trailing = Buffer.concat([
      encodeTrue(),
      encodeSmallInteger(7),
      encodeDer(contextTag(0, 'constructed')),
    ])
    const options = { issuerName, trailing }
    verify(stamped(makeTimestamp(timestampAuthority, signature, signedAt, options)), one)
  })

  it('may have a fraction of a second', () => {
    const options = { issuerName, genTime: '20260601120000.25Z' }
    const found = verify(
      stamped(makeTimestamp(timestampAuthority, signature, signedAt, options)),
      one,
    )
    assert.deepEqual(found.signedAt[0], new Date('2026-06-01T12:00:00.250Z'))
  })
  for (const [what, options, code] of faults) {
    it(`are refused: ${what}`, () => {
      refuses(code, stamped(makeTimestamp(timestampAuthority, signature, signedAt, options)), one)
    })
  }

  it('are refused of something else, and with a signature of another key', () => {
    const other = makeTimestamp(timestampAuthority, utf8('x'), signedAt, { issuerName })
    refuses('ERR_VERIFY_TIMESTAMP', stamped(other), one)
    const forger = { ...timestampAuthority, privateKey: stranger.privateKey }
    const forged = makeTimestamp(forger, signature, signedAt, { issuerName })
    refuses('ERR_VERIFY_TIMESTAMP', stamped(forged), one)
  })

  it('come from a certificate for timestamps alone, critically', () => {
    for (const [usages, isUsageCritical] of [
      [[OID.timeStamping], false],
      [[OID.timeStamping, OID.codeSigning], true],
      [[OID.codeSigning], true],
      [null, true],
    ] as const) {
      const wrong = issueCertificate('Time', { issuer: timestampRoot, usages, isUsageCritical })
      const options = { issuerName, certificates: [wrong.certificate] }
      refuses(
        'ERR_VERIFY_TIMESTAMP_COUNT',
        stamped(makeTimestamp(wrong, signature, signedAt, options)),
        one,
      )
    }
  })
})
