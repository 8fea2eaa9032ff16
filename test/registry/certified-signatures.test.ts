import assert from 'node:assert/strict'
import { hash, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { encodePem } from '../../src/format/pem.ts'
import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../src/format/dsse.ts'
import { OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { encodeSimpleSigning } from '../../src/format/simple-signing.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { describeAttestation } from '../../src/registry/attestation-manifest.ts'
import { describeSignature, encodeSignatures } from '../../src/registry/signature-manifest.ts'
import { verifyImage, type ImageRequirements } from '../../src/registry/verify-image.ts'
import { trustOwnAuthorities } from '../../src/verify/own-authorities.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import {
  appendEntry,
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  trustedRootOf,
  type TestLog,
} from '../verify/test-sigstore.ts'
import { encodeExtension, issueCertificate, utf8, type Party } from '../verify/test-certificates.ts'
import { makeTimestamp } from '../verify/test-timestamp.ts'
import { encodeJson, startMapRegistry, type MapRegistry } from './map-registry.ts'

const sigstore = createTestSigstore()
const leaf = issueLeaf(sigstore)
const trustedRoot = loadTrustedRoot(JSON.stringify(trustedRootOf(sigstore)))
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const pem = (...parties: readonly Party[]): string =>
  parties.map(({ certificate }) => encodePem('CERTIFICATE', certificate)).join('')
const own = (root: Party, ...intermediates: readonly Party[]) =>
  trustOwnAuthorities({
    roots: [root.certificate],
    intermediates: intermediates.map(({ certificate }) => certificate),
    timestampChain: [],
  })
const who = { identity, issuer }
/** While the leaf is valid. */
const then = sigstore.signedAt
const later = new Date('2026-07-01T00:00:00Z')

interface Made {
  readonly signer?: Party
  readonly certificate?: string
  readonly chain?: string
  readonly log?: TestLog
  readonly integratedAt?: Date
  readonly stampedAt?: Date
  /** What the log is told that was signed. */
  readonly logged?: Uint8Array
  readonly annotations?: Readonly<Record<string, string>>
}

/** An image with one signature under the tag, and a call that verifies it. */
async function prepare(made: Made = {}) {
  const registry = await startMapRegistry()
  const image = registry.add(emptyImage(registry), '1')
  const name = `${registry.host}/team/app`
  const payload = encodeSimpleSigning({ dockerReference: name, manifestDigest: image.digest })
  registry.addBlob(payload, 'x')
  const signer = made.signer ?? leaf
  const signature = sign('sha256', payload, signer.privateKey)
  const described = describeSignature({
    payload,
    signature: base64(signature),
    certificate: made.certificate ?? pem(signer),
    certificateChain: made.chain ?? pem(sigstore.intermediate, sigstore.root),
  })
  const annotations = {
    ...described.annotations,
    ...(made.log === undefined
      ? {}
      : {
          'dev.sigstore.cosign/bundle': attachedEntry(
            made.log,
            signer,
            made.logged ?? payload,
            signature,
            made.integratedAt ?? then,
          ),
        }),
    ...(made.stampedAt === undefined
      ? {}
      : { 'dev.sigstore.cosign/rfc3161timestamp': attachedStamp(signature, made.stampedAt) }),
    ...made.annotations,
  }
  const { bytes } = encodeSignatures([{ ...described, annotations }])
  registry.add(bytes, `${image.digest.replace(':', '-')}.sig`)
  return verifierOf(registry, `${name}:1`)
}

const ATTESTED = 'https://acme.test/tested/v1'

/** An image with one attestation under the tag, whose timestamp is over what `stamped` makes of envelope and signature. */
async function prepareAttestation(
  stamped: (envelope: Uint8Array, signature: Uint8Array) => string | undefined,
) {
  const registry = await startMapRegistry()
  const image = registry.add(emptyImage(registry), '1')
  const sha256 = image.digest.replace('sha256:', '')
  const statement = encodeJson({
    _type: 'https://in-toto.io/Statement/v0.1',
    subject: [{ name: `${registry.host}/team/app`, digest: { sha256 } }],
    predicateType: ATTESTED,
    predicate: {},
  })
  const signature = sign('sha256', encodePae(IN_TOTO_PAYLOAD_TYPE, statement), leaf.privateKey)
  const envelope = encodeJson({
    payloadType: IN_TOTO_PAYLOAD_TYPE,
    payload: base64(statement),
    signatures: [{ keyid: '', sig: base64(signature) }],
  })
  registry.addBlob(envelope, 'x')
  const timestamp = stamped(envelope, signature)
  const described = describeAttestation({
    envelope,
    predicateType: ATTESTED,
    certificate: pem(leaf),
    certificateChain: pem(sigstore.intermediate, sigstore.root),
  })
  const annotations = {
    ...described.annotations,
    ...(timestamp === undefined ? {} : { 'dev.sigstore.cosign/rfc3161timestamp': timestamp }),
  }
  const { bytes } = encodeSignatures([{ ...described, annotations }])
  registry.add(bytes, `${image.digest.replace(':', '-')}.att`)
  return verifierOf(registry, `${registry.host}/team/app:1`)
}

function emptyImage(registry: MapRegistry): Uint8Array {
  const config = registry.addBlob(encodeJson({}), 'application/vnd.oci.image.config.v1+json')
  return encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_MANIFEST, config, layers: [] })
}

function verifierOf(registry: MapRegistry, name: string) {
  const verify = (requirements: ImageRequirements) =>
    verifyImage(new RegistryClient(), parseReference(name), { now: then, ...requirements })
  return {
    verify,
    async refuses(reason: RegExp, requirements: ImageRequirements): Promise<void> {
      await assert.rejects(verify(requirements), (error) => {
        const { code, hints } = error as { code: string; hints: readonly string[] }
        assert.equal(code, 'ERR_VERIFY_NOTHING_ACCEPTED')
        assert.match(hints.join('\n'), reason)
        return true
      })
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}

/** What Rekor v1 answers, in the form in which cosign attaches it. */
function attachedEntry(
  log: TestLog,
  signer: Party,
  logged: Uint8Array,
  signature: Uint8Array,
  at: Date,
): string {
  const hash = Buffer.from(digestBytes(logged)).toString('hex')
  const entry = {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: hash } },
      signature: { content: base64(signature), publicKey: { content: base64(utf8(pem(signer))) } },
    },
  }
  const answered = appendEntry(log, entry, at)
  const { inclusionPromise } = answered as { inclusionPromise: { signedEntryTimestamp: string } }
  return JSON.stringify({
    SignedEntryTimestamp: inclusionPromise.signedEntryTimestamp,
    Payload: {
      body: answered['canonicalizedBody'],
      integratedTime: at.getTime() / 1000,
      logIndex: 1001,
      logID: Buffer.from(log.logId).toString('hex'),
    },
  })
}

function attachedStamp(stamped: Uint8Array, at: Date, by = sigstore): string {
  const issuerName = by.timestampRoot.name
  const stamp = makeTimestamp(by.timestampAuthority, stamped, at, { issuerName })
  return JSON.stringify({ SignedRFC3161Timestamp: base64(stamp) })
}

function digestBytes(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}

describe('a signature under the tag, with a certificate', () => {
  it('leads to an own authority, by what is given or by what came along', async () => {
    await using flow = await prepare()
    for (const trusted of [
      own(sigstore.root),
      own(sigstore.root, sigstore.intermediate),
      own(sigstore.intermediate),
    ]) {
      const { verified } = await flow.verify({ trustedRoot: trusted, certificate: who })
      assert.partialDeepStrictEqual(verified[0]?.signer, { kind: 'certificate', identity, issuer })
    }
    const stranger = createTestSigstore()
    const foreign = own(stranger.root, sigstore.intermediate)
    await flow.refuses(/ERR_VERIFY_CERTIFICATE\)/, { trustedRoot: foreign, certificate: who })
    await using alone = await prepare({ chain: '' })
    await alone.verify({ trustedRoot: own(sigstore.root, sigstore.intermediate), certificate: who })
    const rootOnly = { trustedRoot: own(sigstore.root), certificate: who }
    await alone.refuses(/ERR_VERIFY_CERTIFICATE\)/, rootOnly)
  })

  it('is of the identity, the issuer and the workflow', async () => {
    const text = (last: string, value: string) =>
      encodeExtension(`1.3.6.1.4.1.57264.1.${last}`, utf8(value))
    const signer = issueLeaf(sigstore, {
      extensions: [text('5', 'acme/app'), text('6', 'refs/heads/main')],
    })
    await using flow = await prepare({ signer })
    const trusted = own(sigstore.root)
    const repository = 'acme/app'
    const right = { ...who, workflow: { repository, ref: 'refs/heads/main' } }
    await flow.verify({ trustedRoot: trusted, certificate: right })
    for (const [certificate, reason] of [
      [{ ...who, identity: 'x@acme.example' }, /ERR_VERIFY_CERTIFICATE_IDENTITY/],
      [{ ...who, issuer: 'https://x' }, /ERR_VERIFY_CERTIFICATE_ISSUER/],
      [{ ...who, workflow: { repository, ref: 'refs/heads/x' } }, /CERTIFICATE_WORKFLOW/],
      [{ ...who, workflow: { sha: 'abc' } }, /CERTIFICATE_WORKFLOW/],
    ] as const) {
      await flow.refuses(reason, { trustedRoot: trusted, certificate })
    }
  })

  it('is of the one certificate that is given, which may also be missing there', async () => {
    const requirements = { trustedRoot: own(sigstore.root), certificate: who }
    await using flow = await prepare()
    await flow.verify({ ...requirements, signerCertificate: leaf.certificate })
    const other = { ...requirements, signerCertificate: issueLeaf(sigstore).certificate }
    await flow.refuses(/ERR_VERIFY_CERTIFICATE_IDENTITY/, other)
    await using bare = await prepare({ certificate: '', chain: '' })
    await bare.refuses(/ERR_VERIFY_SIGNER/, requirements)
    await bare.verify({
      trustedRoot: own(sigstore.root, sigstore.intermediate),
      certificate: who,
      signerCertificate: leaf.certificate,
    })
    await bare.refuses(/ERR_VERIFY_SIGNATURE\)/, other)
  })

  it('is verified by the key, whatever certificate came along', async () => {
    await using flow = await prepare({ certificate: pem(issueCertificate('x')), chain: 'junk' })
    const { publicKey } = leaf
    assert.equal((await flow.verify({ publicKey, now: later })).verified.length, 1)
  })

  it('that has expired counts with the time of a trusted log or authority, not of a stranger', async () => {
    const trusted = { trustedRoot, certificate: who, now: later }
    await using bare = await prepare()
    await bare.refuses(/ERR_VERIFY_CERTIFICATE_TIME/, trusted)

    await using logged = await prepare({ log: sigstore.log })
    const { verified } = await logged.verify({ ...trusted, requires: { log: 1 } })
    assert.deepEqual(verified[0]?.signedAt, [then])
    assert.equal(verified[0].logEntries[0]?.logIndex, 1001)
    const ownOnly = { trustedRoot: own(sigstore.root), certificate: who }
    await logged.refuses(/ERR_VERIFY_CERTIFICATE_TIME/, { ...ownOnly, now: later })

    await using stamped = await prepare({ stampedAt: then })
    await stamped.verify({ ...trusted, requires: { timestamp: 1 } })
    await stamped.refuses(/ERR_VERIFY_LOG_COUNT/, { ...trusted, requires: { log: 1 } })
    await stamped.refuses(/ERR_VERIFY_CERTIFICATE_TIME/, { ...ownOnly, now: later })
    await using late = await prepare({ stampedAt: new Date('2026-06-02T00:00:00Z') })
    await late.refuses(/ERR_VERIFY_CERTIFICATE_TIME/, trusted)

    await using foreign = await prepare({ log: createTestSigstore().log })
    await foreign.refuses(/ERR_VERIFY_LOG_COUNT/, { ...trusted, requires: { log: 1 } })
    await foreign.refuses(/ERR_VERIFY_CERTIFICATE_TIME/, trusted)
  })

  it('does not count with an entry for something else, or a malformed one', async () => {
    const requirements = { trustedRoot, certificate: who, now: later }
    await using other = await prepare({ log: sigstore.log, logged: utf8('something else') })
    await other.refuses(/ERR_VERIFY_LOG_ENTRY/, requirements)
    for (const text of ['{}', '[]', 'null', '{"SignedEntryTimestamp":"","Payload":{}}', 'x']) {
      const annotations = { 'dev.sigstore.cosign/bundle': text }
      await using flow = await prepare({ annotations })
      await flow.refuses(/ERR_FORMAT_(ATTACHED_EVIDENCE|JSON)/, requirements)
      const stamp = { 'dev.sigstore.cosign/rfc3161timestamp': text }
      await using stamped = await prepare({ annotations: stamp })
      await stamped.refuses(/ERR_FORMAT_(ATTACHED_EVIDENCE|JSON)/, requirements)
    }
  })

  it('with more certificates, or other things, than belong there is refused', async () => {
    const requirements = { trustedRoot: own(sigstore.root), certificate: who }
    for (const made of [
      { chain: pem(...Array.from({ length: 21 }, () => sigstore.intermediate)) },
      { chain: encodePem('PUBLIC KEY', leaf.publicKey) },
      { certificate: encodePem('CERTIFICATE', utf8('x')) },
    ]) {
      await using flow = await prepare(made)
      await flow.refuses(/ERR_(FORMAT_PEM|X509_CERTIFICATE|FORMAT_DER)/, requirements)
    }
  })
})

describe('an attestation under the tag, with a certificate that has expired', () => {
  const requirements = { trustedRoot, certificate: who, predicateType: ATTESTED, now: later }

  it('counts with a timestamp of a trusted authority over the envelope, or over the signature', async () => {
    for (const stamped of [
      (envelope: Uint8Array) => attachedStamp(envelope, then),
      (_: Uint8Array, signature: Uint8Array) => attachedStamp(signature, then),
    ]) {
      await using flow = await prepareAttestation(stamped)
      const { verified } = await flow.verify({ ...requirements, requires: { timestamp: 1 } })
      assert.deepEqual(verified[0]?.signedAt, [then])
      const ownOnly = { ...requirements, trustedRoot: own(sigstore.root) }
      await flow.refuses(/ERR_VERIFY_CERTIFICATE_TIME/, ownOnly)
    }
  })

  it('does not count without one, or with one that says nothing about it', async () => {
    const day = new Date('2026-06-02T00:00:00Z')
    for (const [reason, stamped] of [
      [/ERR_VERIFY_CERTIFICATE_TIME/, () => undefined],
      // When the certificate had ended, and of an authority that nobody trusts.
      [/ERR_VERIFY_CERTIFICATE_TIME/, (envelope) => attachedStamp(envelope, day)],
      [
        /ERR_VERIFY_CERTIFICATE_TIME/,
        (envelope) => attachedStamp(envelope, then, createTestSigstore()),
      ],
      [/ERR_VERIFY_TIMESTAMP\)/, () => attachedStamp(utf8('x'), then)],
      [/ERR_FORMAT_ATTACHED_EVIDENCE/, () => '{}'],
      [
        /ERR_VERIFY_TIMESTAMP\)/,
        () => JSON.stringify({ SignedRFC3161Timestamp: base64(utf8('x')) }),
      ],
    ] satisfies readonly (readonly [RegExp, Parameters<typeof prepareAttestation>[0]])[]) {
      await using flow = await prepareAttestation(stamped)
      await flow.refuses(reason, requirements)
    }
  })
})
