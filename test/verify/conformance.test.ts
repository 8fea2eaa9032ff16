import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import type { ErrorCode } from '../../src/errors/codes.ts'
import { verifyVector, vectors } from './conformance-vectors.ts'

/** Why each bundle that has to be refused is refused. */
const reasons: Readonly<Record<string, ErrorCode>> = {
  'bundle-empty-certificate-chain_fail': 'ERR_FORMAT_BUNDLE',
  'bundle-from-wrong-instance_fail': 'ERR_VERIFY_LOG_COUNT',
  'bundle-invalid-base64-signature_fail': 'ERR_FORMAT_BUNDLE',
  'bundle-malformed-json_fail': 'ERR_FORMAT_JSON',
  'bundle-negative-log-index_fail': 'ERR_FORMAT_BUNDLE',
  'bundle-unknown-version_fail': 'ERR_FORMAT_BUNDLE',
  'bundle-with-root-cert_fail': 'ERR_VERIFY_CERTIFICATE',
  'checkpoint-bad-keyhint_fail': 'ERR_VERIFY_LOG_ENTRY',
  'checkpoint-wrong-roothash_fail': 'ERR_VERIFY_LOG_ENTRY',
  'dsse-invalid-sig_fail': 'ERR_VERIFY_SIGNATURE',
  'dsse-mismatch-envelope_fail': 'ERR_VERIFY_LOG_ENTRY',
  'dsse-mismatch-sig_fail': 'ERR_VERIFY_LOG_ENTRY',
  'inclusion-proof-corrupted-hash_fail': 'ERR_VERIFY_LOG_ENTRY',
  'incorrect-public-key_fail': 'ERR_VERIFY_LOG_ENTRY',
  'integrated-time-in-future_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'intoto-expired-certificate_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'intoto-log-entry-mismatch_fail': 'ERR_VERIFY_LOG_ENTRY',
  'intoto-missing-inclusion-proof_fail': 'ERR_FORMAT_BUNDLE',
  'intoto-set-outside-signing-cert-validity_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'intoto-tsa-timestamp-outside-cert-validity_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'invalid-checkpoint-signature_fail': 'ERR_VERIFY_LOG_ENTRY',
  'invalid-inclusion-proof_fail': 'ERR_FORMAT_BUNDLE',
  'managed-key-no-key_fail': 'ERR_VERIFY_SIGNER',
  'managed-key-wrong-key_fail': 'ERR_VERIFY_KEY',
  'message-digest-mismatch_fail': 'ERR_VERIFY_ARTIFACT',
  'rekor2-checkpoint-missing-log-signature_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-checkpoint-missing-origin_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-checkpoint-missing-root-hash_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-checkpoint-missing-size_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-checkpoint-no-matching-signature_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-dsse-invalid-sig_fail': 'ERR_VERIFY_SIGNATURE',
  'rekor2-dsse-mismatch-envelope_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-dsse-mismatch-sig_fail': 'ERR_VERIFY_LOG_ENTRY',
  'rekor2-no-inclusion-proof_fail': 'ERR_FORMAT_BUNDLE',
  'rekor2-no-timestamp_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'rekor2-timestamp-outside-trust-root-tsa-validity_fail': 'ERR_VERIFY_TIMESTAMP',
  'rekor2-timestamp-outside-tsa-cert-validity_fail': 'ERR_VERIFY_TIMESTAMP',
  'rekor2-timestamp-payload-mismatch_fail': 'ERR_VERIFY_TIMESTAMP',
  'rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail': 'ERR_VERIFY_CERTIFICATE_TIME',
  'rekor2-timestamp-with-incorrect-time_fail': 'ERR_FORMAT_BUNDLE',
  'set-invalid-signature_fail': 'ERR_VERIFY_LOG_ENTRY',
  'signature-mismatch_fail': 'ERR_VERIFY_SIGNATURE',
  'trust-root-tlog-missing-validity-start_fail': 'ERR_FORMAT_TRUSTED_ROOT',
  'wrong-hashedrekord-artifact_fail': 'ERR_VERIFY_LOG_ENTRY',
  'wrong-hashedrekord-cert-and-sig_fail': 'ERR_VERIFY_LOG_ENTRY',
  'wrong-hashedrekord-entry_fail': 'ERR_VERIFY_LOG_ENTRY',
  'wrong-material_fail': 'ERR_VERIFY_SIGNATURE',
}

/** Certificate transparency is not checked; docs/verify.md says so. */
const exceptions: readonly string[] = ['invalid-ct-key_fail']

describe('the conformance suite of Sigstore', () => {
  it('is there, and every refusal is accounted for', () => {
    const names = readdirSync(vectors, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
    assert.ok(names.length > 60)
    const failing = names.filter((name) => name.endsWith('_fail'))
    assert.deepEqual(failing.sort(), [...Object.keys(reasons), ...exceptions].sort())
  })

  for (const name of readdirSync(vectors)) {
    if (!existsSync(join(vectors, name, 'bundle.sigstore.json'))) continue
    if (exceptions.includes(name)) continue
    const reason = reasons[name]
    if (reason === undefined) {
      it(`accepts ${name}`, () => {
        assert.ok(verifyVector(name).signedAt.length > 0)
      })
    } else {
      it(`refuses ${name}`, () => {
        assert.throws(() => verifyVector(name), { name: 'ChanceryError', code: reason })
      })
    }
  }

  it('asks for the identity and the issuer', () => {
    const name = 'happy-path-v0.3'
    assert.throws(() => verifyVector(name, { identity: 'https://github.com/evil' }), {
      code: 'ERR_VERIFY_CERTIFICATE_IDENTITY',
    })
    assert.throws(() => verifyVector(name, { issuer: 'https://token.actions.example' }), {
      code: 'ERR_VERIFY_CERTIFICATE_ISSUER',
    })
  })
})

/** Changes each byte of a bundle; whatever still verifies has to prove the same, or less about when. */
function mutate(name: string): number {
  const bundle = readFileSync(join(vectors, name, 'bundle.sigstore.json'))
  const original = verifyVector(name)
  let accepted = 0
  for (const [at, byte] of bundle.entries()) {
    const changed = Uint8Array.from(bundle)
    changed[at] = byte ^ (at % 2 === 0 ? 0x01 : 0x20)
    try {
      const found = verifyVector(name, { bundle: changed })
      const where = `byte ${at} of ${name}`
      assert.deepEqual(provenBy(found), provenBy(original), where)
      const times = original.signedAt.map(Number)
      assert.ok(
        found.signedAt.every((time) => times.includes(Number(time))),
        where,
      )
      accepted++
    } catch (thrown) {
      if (!(thrown instanceof ChanceryError)) throw thrown
    }
  }
  return accepted
}

function provenBy({ content, signer }: ReturnType<typeof verifyVector>): unknown {
  return {
    content: content.kind === 'statement' ? content.statement : content,
    signer: signer.kind === 'certificate' ? [signer.identity, signer.issuer] : signer,
  }
}

describe('a bundle in which one byte is changed', () => {
  for (const name of [
    'happy-path-v0.1',
    'happy-path-v0.3',
    'happy-path-intoto-in-dsse-v3',
    'rekor2-timestamp-with-embedded-cert',
    'managed-key-happy-path',
  ]) {
    it(`is refused, or proves the same: ${name}`, () => {
      const accepted = mutate(name)
      const size = readFileSync(join(vectors, name, 'bundle.sigstore.json')).length
      assert.ok(accepted < size / 8, `${accepted} of ${size} accepted`)
    })
  }
})
