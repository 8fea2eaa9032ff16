import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeOctetString } from '../../src/format/der-writer.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import {
  verifyBundle,
  type BundleExpectation,
  type VerifiedBundle,
} from '../../src/verify/verify-bundle.ts'
import {
  certificateLogsOf,
  createCertificateLog,
  listOf,
  makeSct as makeSctOf,
  SCT_LIST,
  withScts,
  type CertificateLog,
  type SctOptions,
} from './test-certificate-log.ts'
import { encodeExtension, utf8, type CertificateOptions } from './test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signArtifact,
  trustedRootOf,
} from './test-sigstore.ts'

const CODE = 'ERR_VERIFY_CERTIFICATE_TRANSPARENCY'

const sigstore = createTestSigstore()
const artifact = utf8('an artifact')
const now = new Date('2026-06-02T00:00:00Z')
const signedAt = Date.parse('2026-06-01T11:59:00Z')

const log = createCertificateLog('ct')
const otherLog = createCertificateLog('other-ct')
const rsaLog = createCertificateLog('rsa-ct', 'rsa')
const stranger = createCertificateLog('stranger')

const SIGNED: SctOptions = { time: signedAt, issuerKey: sigstore.intermediate.publicKey }

function makeSct(
  by: CertificateLog,
  body: Uint8Array,
  options: Partial<SctOptions> = {},
): Uint8Array {
  return makeSctOf(by, body, { ...SIGNED, ...options })
}

function rootWith(...args: Parameters<typeof certificateLogsOf>): string {
  return JSON.stringify({ ...trustedRootOf(sigstore), ctlogs: certificateLogsOf(...args) })
}

const bothLogs = rootWith([log, otherLog, rsaLog])

function verify(
  options: CertificateOptions,
  root = bothLogs,
  requires: BundleExpectation['requires'] = { log: 1 },
): VerifiedBundle {
  return verifyBundle(
    JSON.stringify(signArtifact(sigstore, issueLeaf(sigstore, options), artifact)),
    { trustedRoot: loadTrustedRoot(root) },
    { artifact: { bytes: artifact }, certificate: { identity, issuer }, requires },
    now,
  )
}

function logsOf({ signer }: VerifiedBundle): readonly string[] {
  assert.ok(signer.kind === 'certificate')
  return signer.certificateTimestamps.map((one) => one.log.baseUrl)
}

function refuses(message: RegExp, ...args: Parameters<typeof verify>): void {
  assert.throws(() => verify(...args), { name: 'ChanceryError', code: CODE, message })
}

describe('certificate timestamps', () => {
  it('are verified, of ECDSA and RSA logs, with and without extensions', () => {
    const found = verify(withScts((body) => listOf(makeSct(log, body))))
    assert.deepEqual(logsOf(found), [log.baseUrl])
    assert.ok(found.signer.kind === 'certificate')
    assert.equal(found.signer.certificateTimestamps[0]!.issuedAt.getTime(), signedAt)
    assert.deepEqual(logsOf(verify(withScts((body) => listOf(makeSct(rsaLog, body))))), [
      rsaLog.baseUrl,
    ])
    const extensions = Uint8Array.from([0, 0, 5, 0, 0, 0, 0, 0x70])
    verify(withScts((body) => listOf(makeSct(log, body, { extensions }))))
  })

  it('are required where the trusted root names logs, unless the caller says otherwise', () => {
    refuses(/found 0 among 0/, {})
    assert.deepEqual(logsOf(verify({}, bothLogs, { log: 1, sct: 0 })), [])
    assert.deepEqual(logsOf(verify({}, rootWith([]))), [])
    refuses(/expected timestamps of 1 different/, {}, rootWith([]), { sct: 1 })
    assert.throws(
      () =>
        verifyBundle(
          JSON.stringify(
            signArtifact(sigstore, issueLeaf(sigstore), artifact, { isKeySigned: true }),
          ),
          { publicKey: sigstore.root.publicKey, trustedRoot: loadTrustedRoot(bothLogs) },
          { artifact: { bytes: artifact }, requires: { sct: 1 } },
          now,
        ),
      { code: 'ERR_VERIFY_EXPECTATION' },
    )
  })

  it('of one log count once, and those of strangers for nothing', () => {
    const twice = withScts((body) =>
      listOf(makeSct(log, body), makeSct(log, body, { time: signedAt - 1 })),
    )
    assert.equal(logsOf(verify(twice)).length, 2)
    refuses(/of 2 different .* found 1 among 2/, twice, bothLogs, { sct: 2 })
    verify(
      withScts((body) => listOf(makeSct(log, body), makeSct(otherLog, body))),
      bothLogs,
      { sct: 2 },
    )
    refuses(
      /found 0 among 1/,
      withScts((body) => listOf(makeSct(stranger, body))),
    )
    verify(withScts((body) => listOf(makeSct(stranger, body), makeSct(log, body))))
    // Another name for the same key is the same log.
    const renamed = rootWith([log, { ...log, baseUrl: 'https://renamed.acme.example' }])
    refuses(/found 1 among 2/, twice, renamed, { sct: 2 })
  })

  it('of a trusted log all have to hold', () => {
    for (const options of [
      { signer: stranger },
      { issuerKey: sigstore.root.publicKey },
      { signer: rsaLog, algorithms: [4, 1] },
      // What ECDSA signed is not RSA because it says so.
      { algorithms: [4, 1] },
    ] as const) {
      refuses(
        /found another signature/,
        withScts((body) => listOf(makeSct(otherLog, body), makeSct(log, body, options))),
      )
    }
    refuses(
      /found another signature/,
      withScts((body) => listOf(makeSct(log, body.slice(0, -1)))),
    )
  })

  it('are for the certificate that carries them', () => {
    let list: Uint8Array | undefined
    verify(withScts((body) => (list = listOf(makeSct(log, body)))))
    refuses(
      /found another signature/,
      withScts(() => list!),
    )
  })

  it('are of a time for which the log is trusted, and that has come', () => {
    const at = (time: string): CertificateOptions =>
      withScts((body) => listOf(makeSct(log, body, { time: Date.parse(time) })))
    const root = rootWith([log], { start: '2026-05-01T00:00:00Z', end: '2026-06-01T12:00:00Z' })
    verify(at('2026-05-01T00:00:00Z'), root)
    verify(at('2026-06-01T12:00:00Z'), root)
    refuses(/not trusted for/, at('2026-04-30T23:59:59.999Z'), root)
    refuses(/not trusted for/, at('2026-06-01T12:00:00.001Z'), root)
    refuses(/found a later one/, at('2026-06-02T00:00:00.001Z'))
  })

  it('are refused where the list is not what the format says', () => {
    const sct = (body: Uint8Array): Uint8Array => makeSct(log, body)
    const malformed: Readonly<Record<string, (body: Uint8Array) => Uint8Array>> = {
      empty: () => listOf(),
      'no length': () => new Uint8Array(),
      'bytes after the list': (body) => Buffer.concat([listOf(sct(body)), Uint8Array.from([0])]),
      'a list cut short': (body) => listOf(sct(body)).slice(0, -1),
      'bytes after the signature': (body) =>
        listOf(Buffer.concat([sct(body), Uint8Array.from([0])])),
      'version 2': (body) => listOf(makeSct(log, body, { version: 1 })),
      'SHA-1': (body) => listOf(makeSct(log, body, { algorithms: [2, 3] })),
      DSA: (body) => listOf(makeSct(log, body, { algorithms: [4, 2] })),
      'a time beyond all calendars': (body) => listOf(Buffer.from(sct(body)).fill(0xff, 33, 41)),
      'seventeen of them': (body) => listOf(...Array<Uint8Array>(17).fill(sct(body))),
    }
    for (const make of Object.values(malformed)) {
      refuses(/certificate timestamps: expected/, withScts(make))
    }
    refuses(/expected/, {
      lastExtension: (body) => encodeExtension(SCT_LIST, listOf(makeSct(log, body))),
    })
    refuses(/expected the end/, {
      lastExtension: (body) =>
        encodeExtension(
          SCT_LIST,
          Buffer.concat([encodeOctetString(listOf(makeSct(log, body))), Uint8Array.from([5, 0])]),
        ),
    })
  })
})
