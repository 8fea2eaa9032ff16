import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import {
  verifyBundle,
  type BundleExpectation,
  type VerifiedBundle,
} from '../../src/verify/verify-bundle.ts'

const read = (name: string): Buffer =>
  readFileSync(new URL(`../vectors/sigstore-public-good/${name}`, import.meta.url))

const trustedRoot = loadTrustedRoot(read('trusted_root.json'))
const now = new Date('2026-06-01T00:00:00Z')

/** `MUTATIONS=all` tries every byte value at every place, which takes a quarter of an hour; else one at each. */
const isExhaustive = process.env['MUTATIONS'] === 'all'

const BUNDLES: readonly {
  readonly name: string
  readonly expected: BundleExpectation
  readonly signedAt: string
  readonly logIndex: number
}[] = [
  {
    name: 'provenance.sigstore.json',
    expected: {
      artifact: {
        digest:
          'sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1' +
          'e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c',
      },
      predicateType: 'https://slsa.dev/provenance/v1',
      certificate: {
        identity:
          'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main',
        issuer: 'https://token.actions.githubusercontent.com',
      },
      requires: { log: 1, sct: 1 },
    },
    signedAt: '2023-08-18T16:05:35.000Z',
    logIndex: 31821305,
  },
  {
    name: 'attestation.sigstore.json',
    expected: {
      artifact: {
        digest: 'sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4',
      },
      predicateType: 'https://cosign.sigstore.dev/attestation/v1',
      certificate: { identityPattern: '*', issuer: 'https://github.com/login/oauth' },
      requires: { log: 1, sct: 1 },
    },
    signedAt: '2025-02-28T19:18:11.000Z',
    logIndex: 175508996,
  },
]

/** What a verifier goes by: what was signed, by whom, when, and who vouches for it. */
function describeProof({ content, signer, signedAt, logEntries }: VerifiedBundle): string {
  assert.ok(content.kind === 'statement' && signer.kind === 'certificate')
  return JSON.stringify([
    Buffer.from(content.payload).toString('base64'),
    Buffer.from(signer.certificate.der).toString('base64'),
    signer.identity,
    signer.issuer,
    signer.certificateTimestamps.map(({ log, issuedAt }) => [log.baseUrl, issuedAt]),
    signedAt,
    logEntries.map(({ log, integratedAt }) => [log.baseUrl, integratedAt]),
  ])
}

for (const { name, expected, signedAt, logIndex } of BUNDLES) {
  const bundle = read(name)
  const verify = (bytes: Uint8Array): VerifiedBundle =>
    verifyBundle(bytes, { trustedRoot }, expected, now)

  describe(`${name} of the public-good instance`, () => {
    it('verifies, its certificate transparency included', () => {
      const found = verify(bundle)
      assert.deepEqual(found.signedAt, [new Date(signedAt)])
      assert.deepEqual(
        found.logEntries.map((entry) => entry.logIndex),
        [logIndex],
      )
      assert.ok(found.signer.kind === 'certificate')
      assert.deepEqual(
        found.signer.certificateTimestamps.map(({ log }) => log.baseUrl),
        ['https://ctfe.sigstore.dev/2022'],
      )
    })

    it('is refused, or proves the same, with any one byte changed', () => {
      const proof = describeProof(verify(bundle))
      const mutated = Buffer.from(bundle)
      let refused = 0
      for (const [place, byte] of bundle.entries()) {
        const changes = isExhaustive ? 255 : 1
        for (let step = 1; step <= changes; step++) {
          // A different bit at each place, unless all values are tried.
          mutated[place] = isExhaustive ? byte ^ step : byte ^ (1 << (place % 7))
          try {
            assert.equal(describeProof(verify(mutated)), proof, `byte ${place}`)
          } catch (thrown) {
            assert.ok(thrown instanceof ChanceryError, `byte ${place}: ${String(thrown)}`)
            refused++
          }
        }
        mutated[place] = byte
      }
      assert.ok(refused > bundle.length * 0.9)
    })
  })
}
