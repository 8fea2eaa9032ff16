import assert from 'node:assert/strict'
import { createHash, createPublicKey, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { encodePem } from '../../src/format/pem.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import { verifyBundle } from '../../src/verify/verify-bundle.ts'
import { utf8 } from './test-certificates.ts'
import {
  appendEntry,
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signArtifact,
  signStatement,
  trustedRootOf,
  type BundleJson,
} from './test-sigstore.ts'

/*
 * What a log signs can be wrong in one way at a time: each check is on its own, with everything else right.
 */

const sigstore = createTestSigstore()
const trustedRoot = loadTrustedRoot(JSON.stringify(trustedRootOf(sigstore)))
const leaf = issueLeaf(sigstore)
const { log, otherLog, signedAt } = sigstore
const now = new Date('2026-06-02T00:00:00Z')
const artifact = utf8('an artifact')
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: 'ab'.repeat(32) } }],
  predicateType: 'https://example.com/type',
  predicate: {},
}
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const pem = (label: string, der: Uint8Array): string => base64(utf8(encodePem(label, der)))

type Entry = BundleJson['verificationMaterial']['tlogEntries'][number]
type Body = Parameters<typeof appendEntry>[1] & { spec: unknown }

const bundles = {
  message: signArtifact(sigstore, leaf, artifact),
  envelope: signStatement(sigstore, leaf, statement),
}

function bodyOf(bundle: BundleJson): Body {
  const [entry] = bundle.verificationMaterial.tlogEntries
  const text = Buffer.from(String(entry!['canonicalizedBody']), 'base64').toString('utf8')
  return JSON.parse(text) as Body
}

function verify(
  bundle: BundleJson,
  entries = bundle.verificationMaterial.tlogEntries,
  by = trustedRoot,
) {
  const changed = structuredClone(bundle)
  changed.verificationMaterial.tlogEntries = entries
  const content =
    bundle.dsseEnvelope === undefined
      ? { artifact: { bytes: artifact } }
      : {
          artifact: { digest: `sha256:${'ab'.repeat(32)}` },
          predicateType: statement.predicateType,
        }
  const expected = { ...content, certificate: { identity, issuer }, requires: { log: 1 } }
  return verifyBundle(JSON.stringify(changed), { trustedRoot: by }, expected, now)
}

function refuses(message: RegExp, ...args: Parameters<typeof verify>): void {
  assert.throws(() => verify(...args), { code: 'ERR_VERIFY_LOG_ENTRY', message })
}

describe('an entry of a log', () => {
  const { privateKey } = leaf
  const keys = { privateKey, publicKey: createPublicKey(privateKey) }
  const stranger = issueLeaf(sigstore, { keys })
  const again = {
    message: sign('sha256', artifact, leaf.privateKey),
    envelope: sign('sha256', utf8('something else'), leaf.privateKey),
  }

  for (const [what, message, forMessage, forEnvelope] of [
    [
      'other content',
      /expected an entry for sha256/,
      { data: { hash: { algorithm: 'sha256', value: hex(utf8('another')) } } },
      { payloadHash: { algorithm: 'sha256', value: hex(utf8('another')) } },
    ],
    [
      'another signature of the same key',
      /expected the signature of the bundle/,
      { signature: { content: base64(again.message) } },
      { signatures: [{ signature: base64(again.envelope) }] },
    ],
    [
      'another certificate of the same key',
      /expected the certificate of the bundle/,
      { signature: { publicKey: { content: pem('CERTIFICATE', stranger.certificate) } } },
      { signatures: [{ verifier: pem('CERTIFICATE', stranger.certificate) }] },
    ],
    [
      'the key without its certificate',
      /expected the certificate of the bundle/,
      { signature: { publicKey: { content: pem('PUBLIC KEY', leaf.publicKey) } } },
      { signatures: [{ verifier: pem('PUBLIC KEY', leaf.publicKey) }] },
    ],
    [
      'the certificate as if it were a key',
      /expected the certificate of the bundle/,
      { signature: { publicKey: { content: pem('PUBLIC KEY', leaf.certificate) } } },
      { signatures: [{ verifier: pem('PUBLIC KEY', leaf.certificate) }] },
    ],
  ] as const) {
    it(`is refused that is about ${what}`, () => {
      for (const [bundle, change] of [
        [bundles.message, forMessage],
        [bundles.envelope, forEnvelope],
      ] as const) {
        const body = bodyOf(bundle)
        verify(bundle, [appendEntry(log, body, signedAt)])
        const spec = merge(body.spec, change)
        refuses(message, bundle, [appendEntry(log, { ...body, spec } as Body, signedAt)])
      }
    })
  }

  it('is refused for an artifact that is about an envelope', () => {
    const body = bodyOf(bundles.envelope)
    const signature = bundles.message.messageSignature!.signature
    const spec = merge(body.spec, {
      payloadHash: { algorithm: 'sha256', value: hex(artifact) },
      signatures: [{ signature }],
    })
    refuses(/found one for an envelope/, bundles.message, [
      appendEntry(log, { ...body, spec } as Body, signedAt),
    ])
  })

  it('of an attestation in the older form names its payload type', () => {
    const { payload, signatures } = bundles.envelope.dsseEnvelope!
    const [{ sig }] = signatures as [{ sig: string }]
    const inToto = (payloadType: string) => ({
      apiVersion: '0.0.2',
      kind: 'intoto',
      spec: {
        content: {
          envelope: {
            payloadType,
            signatures: [
              { sig: base64(utf8(sig)), publicKey: pem('CERTIFICATE', leaf.certificate) },
            ],
          },
          hash: { algorithm: 'sha256', value: hex(utf8('the envelope')) },
          payloadHash: { algorithm: 'sha256', value: hex(Buffer.from(payload, 'base64')) },
        },
      },
    })
    verify(bundles.envelope, [appendEntry(log, inToto('application/vnd.in-toto+json'), signedAt)])
    refuses(/expected the payload type/, bundles.envelope, [
      appendEntry(log, inToto('application/vnd.in-toto'), signedAt),
    ])
  })
})

/** The document with the members of the change in it, and in its objects. */
function merge(document: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null) return change
  const copy = structuredClone(document) as Record<string, unknown>
  for (const [name, to] of Object.entries(change)) copy[name] = merge(copy[name], to)
  return copy
}

describe('the promise of a log', () => {
  const body = bodyOf(bundles.message)

  it('is refused of a time that does not exist, or is to come', () => {
    for (const time of [9_007_199_254_740_991_000, now.getTime() + 1000]) {
      const later = { getTime: () => time } as Date
      const entry = appendEntry(log, body, later)
      refuses(/found a later one/, bundles.message, [entry])
    }
  })

  it('is refused by another key, and of another index', () => {
    const entry = appendEntry(log, body, signedAt)
    const { inclusionPromise } = appendEntry(
      { ...log, privateKey: otherLog.privateKey },
      body,
      signedAt,
    )
    const message = /expected a promise signed by the log's key/
    refuses(message, bundles.message, [{ ...entry, inclusionPromise }])
    refuses(message, bundles.message, [{ ...entry, logIndex: '1002' }])
  })

  it('counts only in the period of its log, and so does a proof without one', () => {
    const timed = signArtifact(sigstore, leaf, artifact, {
      integratedAt: null,
      timestamps: [signedAt],
    })
    const json = trustedRootOf(sigstore)
    json.tlogs[0]!.publicKey['validFor'] = { start: '2026-06-01T12:00:01Z' }
    const later = loadTrustedRoot(JSON.stringify(json))
    verify(timed)
    for (const bundle of [timed, bundles.message]) {
      refuses(/is not trusted for 2026-06-01T12:00:00/, bundle, undefined, later)
    }
  })
})

interface Proof {
  logIndex: string
  treeSize: string
  rootHash: string
  hashes: string[]
  checkpoint: { envelope: string }
}

describe('the proof of a log', () => {
  const host = new URL(log.baseUrl).host
  /** With a time of its own and no promise, so that only the proof can be wrong. */
  const bundle = signArtifact(sigstore, leaf, artifact, {
    integratedAt: null,
    timestamps: [signedAt],
  })
  const [entry] = bundle.verificationMaterial.tlogEntries
  const own = entry!['inclusionProof'] as Proof
  const other = appendEntry(log, bodyOf(bundles.envelope), null)['inclusionProof'] as Proof

  const withProof = (change: Partial<Proof>): Entry[] => [
    { ...entry, inclusionProof: { ...own, ...change } },
  ]

  function signNote(
    options: {
      origin?: string
      size?: string
      root?: string
      keyName?: string
      keyId?: Uint8Array
      signer?: typeof log
    } = {},
  ): { text: string; line: string } {
    const { origin = `${host} - 42`, size = '3', root = own.rootHash } = options
    const { keyName = host, keyId = log.logId.subarray(0, 4), signer = log } = options
    const text = `${origin}\n${size}\n${root}\n`
    const signature = Buffer.concat([keyId, sign('sha256', utf8(text), signer.privateKey)])
    return { text, line: `\u2014 ${keyName} ${base64(signature)}\n` }
  }
  const checkpoint = (options: Parameters<typeof signNote>[0] = {}) => {
    const { text, line } = signNote(options)
    return { checkpoint: { envelope: `${text}\n${line}` } }
  }

  it('leads to the root of the checkpoint, which is the one that it names', () => {
    verify(bundle, withProof({}))
    verify(bundle, withProof(checkpoint()))
    verify(bundle, withProof(checkpoint({ origin: host })))
    const another = /for another tree/
    refuses(another, bundle, withProof({ hashes: [other.hashes[1]!, other.hashes[0]!] }))
    refuses(another, bundle, withProof({ checkpoint: other.checkpoint }))
    refuses(another, bundle, withProof(checkpoint({ root: base64(Buffer.alloc(32)) })))
    refuses(another, bundle, withProof(checkpoint({ size: '4' })))
    refuses(/the root hash of the checkpoint/, bundle, withProof({ rootHash: other.rootHash }))
  })

  it('has a checkpoint that this log signed, under its name', () => {
    const none = /expected a checkpoint signed by the log, found none/
    refuses(none, bundle, withProof(checkpoint({ keyId: otherLog.logId.subarray(0, 4) })))
    for (const keyName of ['rekor.evil.example', host.slice(1), `${host}.evil.example`]) {
      refuses(none, bundle, withProof(checkpoint({ keyName })))
    }
    for (const origin of [`${host} - 42x`, `${host} -`, `${host}.evil.example`, `x${host}`]) {
      refuses(none, bundle, withProof(checkpoint({ origin })))
    }
    refuses(
      /expected a checkpoint signed by the log's key/,
      bundle,
      withProof(checkpoint({ signer: otherLog })),
    )
  })

  it('holds with one signature that is right, among others', () => {
    const { text, line } = signNote()
    const wrong = signNote({ signer: otherLog }).line
    const witness = signNote({ keyName: 'witness.example', signer: otherLog }).line
    for (const lines of [
      [wrong, line],
      [line, wrong],
      [witness, wrong, line],
    ]) {
      verify(bundle, withProof({ checkpoint: { envelope: `${text}\n${lines.join('')}` } }))
    }
    refuses(
      /expected a checkpoint signed by the log's key/,
      bundle,
      withProof({ checkpoint: { envelope: `${text}\n${witness}${wrong}` } }),
    )
  })
})
