import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodePem } from '../../src/format/pem.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { realRegistries, type RunningRegistry } from '../support/registries.ts'
import { BY_KEY, OFFLINE, openCosignWorkshop } from '../support/signed-image.ts'
import { issueCertificate, type Party } from '../verify/test-certificates.ts'

const BUILT = 'https://acme.test/built/v1'
const DAY_MS = 24 * 3_600_000
const cosign2 = component('cosign-2')
const cosign3 = component('cosign-3')
const LEGACY = ['--tlog-upload=false', '--key']

/** A registry, cosign with two key pairs `cosign` and `other`, and `chancery verify` beside them. */
async function prepare(start: () => Promise<RunningRegistry>, validForMs = DAY_MS) {
  const registry = await start()
  const workshop = await openCosignWorkshop(cosign3)
  for (const end of ['key', 'pub']) {
    await rename(workshop.path(`cosign.${end}`), workshop.path(`other.${end}`))
  }
  await workshop.must(cosign3, 'generate-key-pair')
  const certificates = await writeCertificates(workshop.directory, validForMs)
  await workshop.must(cosign3, 'import-key-pair', '--key', 'leaf.key')
  const verify = (...args: readonly string[]) => workshop.chancery(['verify', ...args])
  return {
    workshop,
    certificates,
    attestation: (...args: readonly string[]) => workshop.chancery(['verify-attestation', ...args]),
    async attachExpired(image: string): Promise<void> {
      const run = (...args: readonly string[]) => workshop.chancery(args)
      const { stdoutBytes } = await run('generate', image)
      await writeFile(workshop.path('payload.json'), stdoutBytes)
      const signature = sign('sha256', stdoutBytes, certificates.privateKey)
      await writeFile(workshop.path('payload.sig'), signature)
      const files = ['--payload', 'payload.json', '--signature', 'payload.sig']
      const chain = ['--certificate', 'leaf.pem', '--certificate-chain', 'chain.pem']
      const attached = await run('attach', 'signature', ...files, ...chain, image)
      assert.equal(attached.code, 0, attached.stderr)
    },
    push: (name: string) => pushTestImage(`${registry.host}/team/${name}:1`),
    /** @param codes The exit code, and what stderr has to say. */
    async expect(code: number, said: RegExp, ...args: readonly string[]): Promise<string> {
      const finished = await verify(...args)
      assert.equal(finished.code, code, finished.stderr)
      assert.match(finished.stderr, said)
      return finished.stdout
    },
    async [Symbol.asyncDispose]() {
      await workshop[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

/** An own authority with an intermediate, and one leaf, as files in a directory. */
async function writeCertificates(path: string, validForMs: number) {
  const at = (ms: number): string => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`
  const long = { notBefore: at(-DAY_MS), notAfter: at(DAY_MS) }
  const root = issueCertificate('Acme Root', { ...long, isAuthority: true })
  const other = issueCertificate('Other Root', { ...long, isAuthority: true })
  const issuing = { ...long, isAuthority: true, issuer: root }
  const intermediate = issueCertificate('Acme Signing', issuing)
  const email = 'release@acme.test'
  const short = { notBefore: at(-DAY_MS), notAfter: at(validForMs) }
  const leaf = issueCertificate('Release', { ...short, issuer: intermediate, email })
  const pem = (...all: readonly Party[]) =>
    all.map(({ certificate }) => encodePem('CERTIFICATE', certificate)).join('')
  for (const [name, content] of [
    ['root.pem', pem(root)],
    ['other.pem', pem(other)],
    ['intermediate.pem', pem(intermediate)],
    ['chain.pem', pem(intermediate, root)],
    ['leaf.pem', pem(leaf)],
    ['leaf.key', leaf.privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ] as const) {
    await writeFile(join(path, name), content)
  }
  return { email, privateKey: leaf.privateKey }
}

for (const [registry, start] of realRegistries) {
  const skip = anyAbsent(cosign2, cosign3, registry)
  describe(`chancery verify on ${registry.name}`, { skip }, () => {
    it('accepts what cosign 3 signs with a key, and nothing beside it', async () => {
      await using flow = await prepare(start)
      const { byDigest, digest } = await flow.push('app')
      await flow.workshop.must(cosign3, 'sign', ...OFFLINE, '-a', 'env=prod', byDigest)
      const key = ['--key', 'cosign.pub']

      const said = /Bundle sha256:\w+: over this digest; no repository was signed/
      const json = await flow.expect(0, said, ...key, '-a', 'env=prod', '-o', 'json', byDigest)
      const theirs = await flow.workshop.must(cosign3, 'verify', ...BY_KEY, byDigest)
      assert.deepEqual(JSON.parse(json), JSON.parse(theirs.stdout))
      const document = await flow.expect(0, said, ...key, '--json', byDigest)
      assert.partialDeepStrictEqual(JSON.parse(document), {
        isAccepted: true,
        results: [
          { manifests: [{ digest, signatures: [{ format: 'bundle', repository: null }] }] },
        ],
      })

      await flow.expect(1, /ERR_VERIFY_SIGNATURE/, '--key', 'other.pub', byDigest)
      await flow.expect(1, /ERR_VERIFY_ANNOTATION/, ...key, '-a', 'env=test', byDigest)
      await flow.expect(1, /ERR_VERIFY_IDENTITY/, ...key, '--require-identity', byDigest)
      const refused = await flow.expect(1, /error: /, '--key', 'other.pub', '--json', byDigest)
      assert.partialDeepStrictEqual(JSON.parse(refused), {
        isAccepted: false,
        results: [{ manifests: [{ signatures: [], refused: [{ code: 'ERR_VERIFY_SIGNATURE' }] }] }],
      })
    })

    it('does not take an attestation for a signature, as cosign 3 does', async () => {
      await using flow = await prepare(start)
      const { byDigest } = await flow.push('attested')
      const attest = ['attest', ...OFFLINE, '--predicate', 'predicate.json', byDigest]
      await flow.workshop.must(cosign3, ...attest)
      await flow.workshop.must(cosign3, 'verify', ...BY_KEY, byDigest)
      await flow.expect(1, /has no signature\nhint: It has 1 ref/, '--key', 'cosign.pub', byDigest)
    })

    it('finds a signature of either format, whatever others added in the other', async () => {
      await using flow = await prepare(start)
      const { byDigest } = await flow.push('mixed')
      await flow.workshop.must(cosign2, 'sign', ...LEGACY, 'cosign.key', byDigest)
      const byOther = OFFLINE.with(1, 'other.key')
      await flow.workshop.must(cosign3, 'sign', ...byOther, byDigest)
      const theirs = await flow.workshop.run(cosign3, 'verify', ...BY_KEY, byDigest)
      assert.notEqual(theirs.code, 0)
      const all = ['--all', byDigest]
      await flow.expect(0, /Signature 1 under sha256-\w+\.sig: /, '--key', 'cosign.pub', byDigest)
      await flow.expect(0, /not accepted, Bundle sha256/, '--key', 'cosign.pub', ...all)
      await flow.expect(0, /Bundle sha256:\w+: /, '--key', 'other.pub', byDigest)
    })

    it('accepts the attestations of both cosigns, of the type that is asked for', async () => {
      await using flow = await prepare(start)
      const { byDigest } = await flow.push('built')
      const { workshop } = flow
      const attest = ['attest', '--predicate', 'predicate.json', '--tlog-upload=false']
      const mine = ['--key', 'cosign.key', '--type', BUILT]
      await workshop.must(cosign2, ...attest, ...mine, byDigest)
      const offline = ['--use-signing-config=false']
      await workshop.must(cosign3, ...attest, ...mine, ...offline, byDigest)
      const others = ['--key', 'other.key', '--type', 'custom']
      await workshop.must(cosign3, ...attest, ...others, ...offline, byDigest)
      const verify = (...args: readonly string[]) => flow.attestation(...args, byDigest)

      const key = ['--key', 'cosign.pub']
      const accepted = await verify(...key, '--type', BUILT)
      assert.equal(accepted.code, 0, accepted.stderr)
      const envelopes = accepted.stdout.trim().split('\n')
      const statements = envelopes.map((line) => {
        const { payload, payloadType } = JSON.parse(line) as Record<string, string>
        assert.equal(payloadType, 'application/vnd.in-toto+json')
        return JSON.parse(Buffer.from(payload ?? '', 'base64').toString()) as Record<
          string,
          unknown
        >
      })
      assert.deepEqual(
        statements.map(({ predicateType }) => predicateType),
        Array.from({ length: 2 }, () => BUILT),
      )
      assert.match(accepted.stderr, /Attestation 1 under sha256-\w+\.att.*\n[^]*Bundle sha256/)
      const theirs = ['verify-attestation', ...BY_KEY, '--type', BUILT, byDigest]
      const byCosign = await workshop.must(cosign3, ...theirs, '--new-bundle-format=false')
      const printed = byCosign.stdout.trim().split('\n')
      assert.ok(
        printed.every((line) =>
          envelopes.some((ours) => {
            const [one, other] = [ours, line].map((text) => JSON.parse(text) as { payload: string })
            return one?.payload === other?.payload
          }),
        ),
      )

      const none = await verify(...key, '--type', 'spdxjson')
      assert.equal(none.code, 1)
      assert.match(none.stderr, /has no attestation of the type https:\/\/spdx\.dev\/Document/)
      const byOther = await verify('--key', 'other.pub', '--type', BUILT)
      assert.equal(byOther.code, 1)
      assert.match(byOther.stderr, /Attestation 1 under .*ERR_VERIFY_SIGNATURE/)
      assert.equal((await verify(...key, '--type', 'custom')).code, 1)
      assert.equal((await verify('--key', 'other.pub')).code, 0)
      assert.equal((await verify(...key, '--type', 'no such')).code, 2)
      await flow.expect(1, /has no signature/, ...key, byDigest)
    })

    it('judges what attestations of both cosigns say by policies', async () => {
      await using flow = await prepare(start)
      const { byDigest } = await flow.push('judged')
      const { workshop } = flow
      const write = (name: string, text: string) => writeFile(workshop.path(name), text)
      const attest = ['attest', '--tlog-upload=false', '--key', 'cosign.key', '--type', BUILT]
      await write('made.json', '{ "builder": { "id": "https://ci.acme.test" } }')
      await write('evil.json', `{ "builder": { "id": "https://evil.test/${'a'.repeat(40)}" } }`)
      await workshop.must(cosign2, ...attest, '--predicate', 'evil.json', byDigest)
      const offline = ['--use-signing-config=false', '--predicate', 'made.json']
      await workshop.must(cosign3, ...attest, ...offline, byDigest)
      const policy = (type: string, id: string) => `type: object
required: [predicateType, predicate]
properties:
  predicateType: { const: ${type} }
  predicate:
    type: object
    required: [builder]
    properties:
      builder: { type: object, required: [id], properties: { id: { ${id} } } }
`
      await write('ours.yaml', policy(BUILT, 'const: https://ci.acme.test'))
      await write('any.yaml', policy(BUILT, `type: string, pattern: '^https://'`))
      await write('none.yaml', policy(BUILT, 'const: https://none.test'))
      await write('slow.yaml', policy(BUILT, `type: string, pattern: '^([a-z:\/.]+)+!$'`))
      await write('twice.yaml', 'type: object\ntype: object\n')
      await write('typo.json', '{"type":"object","require":["predicate"]}')
      await write('old.cue', 'predicate: builder: id: "x"')
      const verify = async (code: number, said: RegExp, ...policies: readonly string[]) => {
        const flags = policies.flatMap((name) => ['--policy', name])
        const key = ['--key', 'cosign.pub', '--type', BUILT]
        const finished = await flow.attestation(...key, ...flags, byDigest)
        assert.equal(finished.code, code, finished.stderr)
        assert.match(finished.stderr, said)
        return finished.stdout.trim().split('\n').filter(Boolean).length
      }
      assert.equal(await verify(0, /Verified/, 'any.yaml'), 2)
      const refused =
        /not accepted.*"\/predicate\/builder\/id".*ci\.acme.*evil.*ERR_VERIFY_PREDICATE/
      assert.equal(await verify(0, refused, 'any.yaml', 'ours.yaml'), 1)
      assert.equal(await verify(1, /none\.test.*ERR_VERIFY_PREDICATE/, 'ours.yaml', 'none.yaml'), 0)
      assert.equal(await verify(2, /takes longer/, 'slow.yaml'), 0)
      assert.equal(await verify(2, /twice\.yaml:2:1: expected each key once/, 'twice.yaml'), 0)
      assert.equal(await verify(2, /typo\.json: .*require/, 'ours.yaml', 'typo.json'), 0)
      assert.equal(await verify(2, /CUE and Rego are not read\n.*JSON Schema/, 'old.cue'), 0)
      assert.equal(await verify(2, /absent\.json/, 'absent.json'), 0)
    })

    it('accepts what cosign signs with a certificate of an own authority', async () => {
      await using flow = await prepare(start)
      const { certificates, workshop } = flow
      const { byDigest } = await flow.push('legacy')
      const theirs = ['--key', 'import-cosign.key', '--certificate', 'leaf.pem']
      const chained = [...theirs, '--certificate-chain', 'chain.pem', '--tlog-upload=false']
      await workshop.must(cosign2, 'sign', ...chained, byDigest)
      const who = ['--certificate-identity', certificates.email]
      const roots = ['--ca-roots', 'root.pem']
      const said = new RegExp(`signed by "${certificates.email}"`)
      for (const own of [
        roots,
        [...roots, '--ca-intermediates', 'intermediate.pem'],
        ['--certificate-chain', 'chain.pem'],
        [...roots, '--certificate', 'leaf.pem', '--insecure-ignore-tlog'],
      ]) {
        await flow.expect(0, said, ...own, ...who, byDigest)
      }
      await flow.expect(0, /signed with the key/, '--key', 'leaf.pem', byDigest)
      const other = ['--certificate-identity', `x${certificates.email}`]
      await flow.expect(1, /CERTIFICATE_IDENTITY/, ...roots, ...other, byDigest)
      const issuer = ['--certificate-oidc-issuer', 'https://login.acme.example']
      await flow.expect(1, /CERTIFICATE_ISSUER/, ...roots, ...who, ...issuer, byDigest)
      await flow.expect(1, /ERR_VERIFY_CERTIFICATE\)/, '--ca-roots', 'other.pem', ...who, byDigest)

      // Cosign 3 leaves the chain out of the bundle.
      const bundled = await flow.push('bundled')
      const offline = OFFLINE.with(1, 'import-cosign.key')
      const certified = ['--certificate', 'leaf.pem', '--certificate-chain', 'chain.pem']
      await workshop.must(cosign3, 'sign', ...offline, ...certified, bundled.byDigest)
      const all = [...roots, '--ca-intermediates', 'intermediate.pem', ...who]
      await flow.expect(0, said, ...all, bundled.byDigest)
      await flow.expect(1, /ERR_VERIFY_SIGNER/, '--key', 'leaf.pem', bundled.byDigest)
    })

    it('refuses a certificate of an own authority that has expired', async () => {
      await using flow = await prepare(start, -60_000)
      const { byDigest } = await flow.push('expired')
      // Cosign does not sign with it any more; the signature is attached as it is.
      await flow.attachExpired(byDigest)
      const own = ['--ca-roots', 'root.pem', '--certificate-identity', flow.certificates.email]
      await flow.expect(1, /CERTIFICATE_TIME/, ...own, byDigest)
      await flow.expect(0, /Verified/, '--key', 'leaf.pem', byDigest)
    })
  })
}
