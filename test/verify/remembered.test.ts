import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { VerificationKey } from '../../src/crypto/verification-key.ts'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { loadTrustedRoot, type TrustedRoot } from '../../src/verify/trusted-root.ts'
import {
  verifyBundle,
  type BundleExpectation,
  type VerifiedBundle,
} from '../../src/verify/verify-bundle.ts'
import { utf8 } from './test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signArtifact,
  trustedRootOf,
  type BundleJson,
  type TrustedRootJson,
} from './test-sigstore.ts'

const sigstore = createTestSigstore()
const artifact = utf8('an artifact')
const now = new Date('2026-06-02T00:00:00Z')
const expected: BundleExpectation = {
  artifact: { bytes: artifact },
  certificate: { identity, issuer },
  requires: { log: 1, timestamp: 1 },
}
const signArtifactWithAll = (): BundleJson =>
  signArtifact(sigstore, issueLeaf(sigstore), artifact, { timestamps: [sigstore.signedAt] })
const bundle = signArtifactWithAll()

function verify(
  trustedRoot: TrustedRoot,
  text = JSON.stringify(bundle),
  at = now,
  expectation = expected,
): VerifiedBundle {
  return verifyBundle(text, { trustedRoot }, expectation, at)
}

/** A trusted root that has verified the bundle, and remembers every signature in it. */
function load(change: (root: TrustedRootJson) => void = () => undefined): TrustedRoot {
  const json = trustedRootOf(sigstore)
  change(json)
  return loadTrustedRoot(JSON.stringify(json))
}

function loadTaught(): TrustedRoot {
  const trustedRoot = load()
  for (let i = 0; i < 3; i++) verify(trustedRoot)
  return trustedRoot
}

function countSignatures(test: TestContext, run: () => void): number {
  const { mock } = test.mock.method(VerificationKey.prototype, 'verify')
  run()
  const count = mock.callCount()
  mock.restore()
  return count
}

describe('a trusted root that has verified a bundle before', () => {
  it('verifies none of its signatures again, and those of another bundle all', (test) => {
    const taught = loadTaught()
    const again = countSignatures(test, () => verify(taught))
    assert.equal(again, 0)
    // The artifact's, the certificate's, the log's promise and checkpoint, the timestamp's.
    const other = JSON.stringify(signArtifactWithAll())
    assert.equal(
      countSignatures(test, () => verify(taught, other)),
      5,
    )
  })

  it('proves the same as one that has not', () => {
    const found = verify(loadTaught())
    const fresh = verify(load())
    assert.deepEqual(found.signedAt, fresh.signedAt)
    assert.deepEqual(found.content, fresh.content)
    assert.deepEqual(
      found.logEntries.map(({ integratedAt, logIndex }) => [integratedAt, logIndex]),
      fresh.logEntries.map(({ integratedAt, logIndex }) => [integratedAt, logIndex]),
    )
  })

  it('still looks at every time, identity, artifact and count', () => {
    const taught = loadTaught()
    const text = JSON.stringify(bundle)
    const before = new Date(sigstore.signedAt.getTime() - 1000)
    assert.throws(() => verify(taught, text, before), { code: 'ERR_VERIFY_LOG_ENTRY' })
    const cases: readonly [Partial<BundleExpectation>, string][] = [
      [{ certificate: { identity: 'x', issuer } }, 'ERR_VERIFY_CERTIFICATE_IDENTITY'],
      [{ certificate: { identity, issuer: 'x' } }, 'ERR_VERIFY_CERTIFICATE_ISSUER'],
      [{ artifact: { bytes: utf8('another') } }, 'ERR_VERIFY_SIGNATURE'],
      [{ requires: { log: 2 } }, 'ERR_VERIFY_LOG_COUNT'],
      [{ requires: { timestamp: 2 } }, 'ERR_VERIFY_TIMESTAMP_COUNT'],
    ]
    for (const [change, code] of cases) {
      assert.throws(() => verify(taught, text, now, { ...expected, ...change }), { code })
    }
    // Without anybody who vouches for a time the present counts, in which the certificate has expired.
    const bare = structuredClone(bundle)
    bare.verificationMaterial.tlogEntries = []
    delete bare.verificationMaterial.timestampVerificationData
    assert.throws(() => verify(taught, JSON.stringify(bare), now, { ...expected, requires: {} }), {
      code: 'ERR_VERIFY_CERTIFICATE_TIME',
    })
    verify(taught)
  })

  it('does not speak for a trusted root that trusts less', () => {
    loadTaught()
    const ended = { start: '2026-01-01T00:00:00Z', end: '2026-05-31T00:00:00Z' }
    const stranger = createTestSigstore()
    const cases: readonly [(root: TrustedRootJson) => void, string][] = [
      [
        ({ certificateAuthorities: [one] }) => (one!['validFor'] = ended),
        'ERR_VERIFY_CERTIFICATE_TIME',
      ],
      [({ tlogs: [one] }) => (one!.publicKey['validFor'] = ended), 'ERR_VERIFY_LOG_ENTRY'],
      [(root) => root.tlogs.shift(), 'ERR_VERIFY_LOG_COUNT'],
      [(root) => root.timestampAuthorities.shift(), 'ERR_VERIFY_TIMESTAMP_COUNT'],
      [(root) => root.certificateAuthorities.shift(), 'ERR_VERIFY_CERTIFICATE'],
      [
        (root) => (root.certificateAuthorities = trustedRootOf(stranger).certificateAuthorities),
        'ERR_VERIFY_CERTIFICATE',
      ],
      [
        // Another key under the same id.
        ({ tlogs: [one] }) => (one!.publicKey = trustedRootOf(stranger).tlogs[0]!.publicKey),
        'ERR_VERIFY_LOG_ENTRY',
      ],
    ]
    for (const [change, code] of cases) {
      const less = load(change)
      for (let i = 0; i < 3; i++) assert.throws(() => verify(less), { code })
    }
  })

  it('refuses the bundle with any one byte changed, or it proves the same', () => {
    const taught = loadTaught()
    const prove = (text: string): unknown => {
      const { signedAt, signer, logEntries } = verify(taught, text)
      assert.ok(signer.kind === 'certificate')
      const der = Buffer.from(signer.certificate.der).toString('base64')
      return [signedAt, der, signer.identity, logEntries.map((one) => one.integratedAt)]
    }
    const text = Buffer.from(JSON.stringify(bundle))
    const proof = prove(text.toString())
    let refused = 0
    for (const [place, byte] of text.entries()) {
      const mutated = Buffer.from(text)
      mutated[place] = byte ^ (1 << (place % 7))
      try {
        assert.deepEqual(prove(mutated.toString()), proof, `byte ${place}`)
      } catch (thrown) {
        assert.ok(thrown instanceof ChanceryError, `byte ${place}: ${String(thrown)}`)
        refused++
      }
    }
    assert.ok(refused > text.length * 0.9)
  })
})
