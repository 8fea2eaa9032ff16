import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { encodeSignatures, SIMPLE_SIGNING_LAYER } from '../../src/registry/signature-manifest.ts'
import { digestOf, encodeJson, startMapRegistry, type Described } from '../registry/map-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { runProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage, pushTestIndex } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signStatement,
  trustedRootOf,
} from '../verify/test-sigstore.ts'
import { signaturesIn, type TreeDocument } from './tree-document.ts'

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const WHO = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]
const PROVENANCE = 'https://slsa.dev/provenance/v1'

/** Chancery in a directory with two key pairs, `cosign` and `other`. */
async function prepare() {
  const directory = await createTemporaryDirectory()
  const run = (...args: readonly string[]) =>
    runChancery(args, {
      cwd: directory.path,
      env: { HOME: directory.path, COSIGN_PASSWORD: '' },
    })
  const must = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
  }
  await must('generate-key-pair')
  await must('generate-key-pair', '--output-key-prefix', 'other')
  return {
    run,
    must,
    path: (...names: readonly string[]) => join(directory.path, ...names),
    /** The document, and the text of the same. */
    async tree(...args: readonly string[]) {
      const { code, stdout, stderr } = await run('tree', '--json', ...args)
      assert.notEqual(stdout, '', stderr)
      const text = await run('tree', ...args)
      assert.equal(text.code, code, text.stderr)
      const document = JSON.parse(stdout) as TreeDocument
      return { code, document, json: stdout, text: text.stdout, stderr }
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

type Shown = Awaited<ReturnType<Awaited<ReturnType<typeof prepare>>['tree']>>

/** Nothing in it is valid, or can be taken for it. */
function requireNothingValid({ document, text }: Shown): void {
  assert.equal(document.verdicts['valid'], 0)
  assert.ok(signaturesIn(document).every(({ proven }) => proven === null))
  assert.doesNotMatch(text, /^[│├└─ ]*valid|^\d+ valid/m)
}

describe('chancery tree', () => {
  it('says of each signature who signed it, or why it is not valid, and claims nothing unasked', async () => {
    await using flow = await prepare()
    await using registry = await startEmbeddedRegistry()
    const index = await pushTestIndex(`${registry.host}/team/app:1`, 2)
    const [first, second] = index.children
    await flow.must('sign', '-r', '--key', 'cosign.key', index.byDigest)
    await flow.must('sign', '--key', 'other.key', first!.byDigest)
    await writeFile(flow.path('predicate.json'), '{"x":1}')
    const predicate = ['--type', 'https://acme.test/x/v1', '--predicate', 'predicate.json']
    await flow.must('attest', '--key', 'cosign.key', ...predicate, index.byDigest)

    const checked = await flow.tree('--key', 'cosign.pub', index.byDigest)
    assert.equal(checked.code, 0, checked.stderr)
    const { document, text } = checked
    assert.deepEqual(
      document.children.map(({ digest }) => digest),
      [first!.digest, second!.digest],
    )
    const counts = { valid: 8, refused: 2, unchecked: 0, unreadable: 0, unknown: 0 }
    assert.deepEqual(document.verdicts, counts)
    const fingerprint = createHash('sha256')
      .update(
        Buffer.from((await readFile(flow.path('cosign.pub'), 'utf8')).split('-----')[2]!, 'base64'),
      )
      .digest('hex')
    for (const one of signaturesIn(document).filter(({ verdict }) => verdict === 'valid')) {
      assert.deepEqual(one.proven?.signer, { publicKeySha256: fingerprint })
      assert.equal(one.proven.repository, `${registry.host}/team/app`)
    }
    for (const one of signaturesIn(document).filter(({ verdict }) => verdict === 'refused')) {
      assert.equal(one.error?.code, 'ERR_VERIFY_SIGNATURE')
    }
    assert.match(
      text,
      /signatures under .*\.sig\n. {3}└── valid: signature 1\n.*signed with the key sha256:/,
    )
    assert.match(text, /valid: attestation 1 of the type "https:\/\/acme\.test\/x\/v1"/)
    assert.match(text, /NOT VALID: signature 2\n.*expected a signature.*\(ERR_VERIFY_SIGNATURE\)/)
    assert.match(text, /\n8 valid, 2 not valid\n$/)

    const unchecked = await flow.tree(index.byDigest)
    assert.equal(unchecked.code, 0, unchecked.stderr)
    requireNothingValid(unchecked)
    assert.equal(unchecked.document.verdicts['unchecked'], 10)
    assert.match(
      unchecked.text,
      new RegExp(`unverified: signed with the key sha256:${fingerprint}`),
    )
    assert.match(unchecked.text, /unverified: signed with an unknown key/)
    assert.match(unchecked.text, /10 not checked\. Nothing is verified/)

    const shallow = await flow.tree('--no-recursive', '--key', 'cosign.pub', index.byDigest)
    assert.deepEqual(shallow.document.children, [])
    assert.match(shallow.text, new RegExp(`${second!.digest} for linux/arm64, not looked into`))

    const copied = `${registry.host}/team/copy`
    await flow.must('copy', index.byDigest, `${copied}:1`)
    const there = ['--key', 'cosign.pub', `${copied}:1`]
    const foreign = await flow.tree(...there)
    requireNothingValid(foreign)
    const allowed = await flow.tree('--allow-identity', `${registry.host}/team/app`, ...there)
    assert.equal(allowed.document.verdicts['valid'], 8)
    const bare = await flow.run('tree', '--require-identity', `${copied}:1`)
    assert.deepEqual([bare.code, bare.stdout], [2, ''])
  })

  it('does not call valid what `verify` does not look at: the signature of an image among attestations', async () => {
    await using flow = await prepare()
    await using registry = await startEmbeddedRegistry()
    const index = await pushTestIndex(`${registry.host}/team/app:1`, 1)
    const image = index.children[0]!
    const sign = ['sign', '--key', 'cosign.key', '--no-publish', '--signature-format', 'bundle']
    await flow.must(...sign, '--bundle', 'app.json', image.byDigest)
    const { dsseEnvelope } = JSON.parse(await readFile(flow.path('app.json'), 'utf8')) as {
      readonly dsseEnvelope: object
    }
    const envelope = encodeJson(dsseEnvelope)
    using client = new RegistryClient()
    await client.blobs.push(image.repository, envelope)
    const described = { size: envelope.length, digest: digestOf(envelope) }
    const layer = { mediaType: 'application/vnd.dsse.envelope.v1+json', ...described }
    const { bytes, config, mediaType } = encodeSignatures([layer])
    await client.blobs.push(image.repository, config)
    const tag = `${image.digest.replace(':', '-')}.att`
    await client.pushManifest(image.repository, tag, { mediaType, bytes })
    assert.equal((await flow.run('verify', '--key', 'cosign.pub', image.byDigest)).code, 1)
    const shown = await flow.tree('--key', 'cosign.pub', image.byDigest)
    requireNothingValid(shown)
    const [one] = signaturesIn(shown.document)
    assert.deepEqual([one?.verdict, one?.error?.code], ['refused', 'ERR_VERIFY_PREDICATE_TYPE'])
    assert.match(shown.text, /NOT VALID: signature 1\n.*`verify` does not look here/)
    // What the image runs on is said by the index.
    const whole = await flow.tree(index.byDigest)
    assert.match(whole.text, new RegExp(`@${image.digest} for linux/amd64\n`))
    assert.deepEqual(whole.document.children[0]?.platforms, ['linux/amd64'])
    const listed = await flow.tree('--no-recursive', index.byDigest)
    assert.match(listed.text, new RegExp(`@${image.digest} for linux/amd64, not looked into\n`))
  })

  it('says when, by whose word, and whether that is proven', async () => {
    await using flow = await prepare()
    await using registry = await startEmbeddedRegistry()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const sigstore = createTestSigstore()
    const bundle = signStatement(sigstore, issueLeaf(sigstore), {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: image.digest.slice(7) } }],
      predicateType: COSIGN_SIGNATURE_PREDICATE,
      predicate: {},
    })
    using client = new RegistryClient()
    const published = { bytes: encodeJson(bundle), createdAt: new Date(0) }
    const predicateType = COSIGN_SIGNATURE_PREDICATE
    await publishBundle(client, image, { ...published, predicateType })
    const root = trustedRootOf(sigstore)
    await writeFile(flow.path('root.json'), JSON.stringify(root))
    const bare = { ...root, tlogs: [], timestampAuthorities: [] }
    await writeFile(flow.path('bare.json'), JSON.stringify(bare))

    const at = '2026-06-01T12:00:00.000Z'
    const checked = await flow.tree('--trusted-root', 'root.json', ...WHO, image.byDigest)
    const [valid] = signaturesIn(checked.document)
    assert.equal(valid?.verdict, 'valid')
    assert.partialDeepStrictEqual(valid.proven, {
      signer: { identity, issuer, certificate: { notAfter: '2026-06-01T12:05:00.000Z' } },
      signedAt: [at],
      logEntries: [{ log: 'https://rekor.acme.example', integratedAt: at }],
    })
    assert.match(checked.text, new RegExp(`signed by "${identity}", as "${issuer}" says`))
    assert.match(
      checked.text,
      new RegExp(`signed at or before ${at}, as entry 1001 of https://rekor`),
    )

    const expired = ['--trusted-root', 'bare.json', '--insecure-ignore-tlog', ...WHO]
    const late = await flow.tree(...expired, image.byDigest)
    requireNothingValid(late)
    assert.equal(signaturesIn(late.document)[0]?.error?.code, 'ERR_VERIFY_CERTIFICATE_TIME')
    const other = ['--certificate-identity', 'x@acme.example', ...WHO.slice(2)]
    const foreign = await flow.tree('--trusted-root', 'root.json', ...other, image.byDigest)
    requireNothingValid(foreign)
    assert.match(foreign.text, /expected a certificate for x@acme\.example, found release@/)

    const unchecked = await flow.tree(image.byDigest)
    requireNothingValid(unchecked)
    assert.equal(signaturesIn(unchecked.document)[0]?.claimed?.logEntries[0]?.integratedAt, at)
    assert.match(unchecked.text, /unverified: signed by "release@acme\.example", as "https/)
    assert.match(unchecked.text, new RegExp(`unverified: entry 1001 of a log, of ${at}`))
    assert.match(unchecked.text, /unverified: made at "1970-01-01T00:00:00Z"/)

    // Who asks for the type on the label gets something else, and who asks for the other gets nothing.
    await flow.must('clean', '--force', image.byDigest)
    await publishBundle(client, image, { ...published, predicateType: PROVENANCE })
    const mislabelled = await flow.tree('--trusted-root', 'root.json', ...WHO, image.byDigest)
    requireNothingValid(mislabelled)
    assert.equal(signaturesIn(mislabelled.document)[0]?.error?.code, 'ERR_VERIFY_PREDICATE_TYPE')
  })

  it('shows a saved image as it shows one in a registry, and what is missing in it', async () => {
    await using flow = await prepare()
    const registry = await startEmbeddedRegistry()
    const index = await pushTestIndex(`${registry.host}/team/app:1`, 2)
    await flow.must('sign', '-r', '--key', 'cosign.key', index.byDigest)
    await flow.must('save', '--dir', 'saved', index.byDigest)
    await registry[Symbol.asyncDispose]()
    const saved = ['--key', 'cosign.pub', '--local-image']
    const { document } = await flow.tree(...saved, 'saved')
    assert.equal(document.verdicts['valid'], 6)
    if (component('gnu-tar').absent === false) {
      const packed = ['-C', flow.path('saved'), '-cf', flow.path('app.tar'), '.']
      assert.equal((await runProgram(component('gnu-tar').path, packed, {})).code, 0)
      assert.deepEqual((await flow.tree(...saved, 'app.tar')).document.verdicts, document.verdicts)
    }
    requireNothingValid(await flow.tree('--local-image', 'saved'))

    await rm(flow.path('saved', 'blobs', 'sha256', index.children[1]!.digest.slice(7)))
    const partial = await flow.tree(...saved, 'saved')
    assert.partialDeepStrictEqual(partial.document.unread, [
      { part: 'child', code: 'ERR_REGISTRY_NOT_FOUND' },
    ])
    assert.equal(partial.document.verdicts['valid'], 4)
    assert.match(partial.text, new RegExp(`UNREADABLE: image .*${index.children[1]!.digest}`))
  })
})

/** Of what a terminal obeys: a title, a colour, the end of a line, the other direction, and one that nobody sees. */
const HOSTILE = '\u001b]0;x\u0007\u001b[32mvalid\r\n\u009b2J\u202e\u200f\u{e0041}'
const RAW = /[^\n\P{C}]|[\u2028\u2029]/u

describe('a hostile registry', () => {
  it('gets nothing of what is not readable, or not known, taken for valid, and no control character out', async () => {
    await using flow = await prepare()
    await using registry = await startMapRegistry()
    const config = registry.addBlob(encodeJson({}), 'application/vnd.oci.empty.v1+json')
    const manifest = (layers: readonly object[], more: object = {}) =>
      encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_MANIFEST, config, layers, ...more })
    const image = registry.add(manifest([]), '1')
    const tag = (end: string) => `${image.digest.replace(':', '-')}.${end}`
    const blob = (text: string, mediaType: string, annotations: object = {}) => ({
      ...registry.addBlob(new TextEncoder().encode(text), mediaType),
      annotations,
    })
    const signature = (text: string) => ({ 'dev.cosignproject.cosign/signature': text })
    const payload = JSON.stringify({
      critical: {
        identity: { 'docker-reference': 'x\u202e\u{e0041}' },
        image: { 'docker-manifest-digest': image.digest },
        type: 'cosign container image signature',
      },
      optional: null,
    })
    const absent = { digest: digestOf(encodeJson('absent')), size: 8 }
    const tagged = [
      // What can be read, and is signed by nobody.
      blob(payload, SIMPLE_SIGNING_LAYER, signature('AAAA')),
      blob('{}', SIMPLE_SIGNING_LAYER, signature('AAAA')),
      blob(payload.slice(0, -9), SIMPLE_SIGNING_LAYER, signature('AAAA')),
      blob(payload, 'text/plain', signature('AAAA')),
      blob(payload, SIMPLE_SIGNING_LAYER, signature('*')),
      blob(payload, SIMPLE_SIGNING_LAYER),
      { ...blob(payload, SIMPLE_SIGNING_LAYER, signature('AAAA')), size: 7 },
      { mediaType: SIMPLE_SIGNING_LAYER, ...absent, annotations: signature('AAAA') },
      blob(payload, SIMPLE_SIGNING_LAYER, {
        ...signature('AAAA'),
        'dev.sigstore.cosign/certificate':
          '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      }),
      blob(payload, SIMPLE_SIGNING_LAYER, {
        ...signature('AAAA'),
        'dev.sigstore.cosign/bundle': 'x',
      }),
    ]
    registry.add(manifest(tagged), tag('sig'))
    const envelope = 'application/vnd.dsse.envelope.v1+json'
    registry.add(
      manifest([
        blob('{}', envelope, { predicateType: HOSTILE }),
        blob('x', envelope),
        { mediaType: envelope, ...absent },
      ]),
      tag('att'),
    )
    const index = encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] })
    registry.add(index, tag('sbom'), OCI_IMAGE_INDEX)
    const refer = (layers: readonly object[], artifactType: string, annotations: object = {}) => {
      const bytes = manifest(layers, {
        subject: image satisfies Described,
        artifactType,
        annotations,
      })
      registry.referrers.push({ ...registry.add(bytes), artifactType })
    }
    const labelled = { 'dev.sigstore.bundle.predicateType': HOSTILE }
    refer([blob('{}', BUNDLE)], BUNDLE, labelled)
    refer([blob('{"mediaType":"application/vnd.dev.sigstore.bundle.v9.9+json"}', BUNDLE)], BUNDLE)
    refer([{ mediaType: BUNDLE, ...absent }], BUNDLE)
    // Which call themselves signatures and hold none that is read here.
    refer([blob('junk', 'text/plain')], BUNDLE)
    refer([blob('{}', 'application/jose+json')], 'application/vnd.cncf.notary.signature')
    refer([blob('{}', BUNDLE)], 'application/x.other')
    refer([blob('{}', 'text/spdx')], 'text/spdx', { 'org.opencontainers.image.created': HOSTILE })
    registry.referrers.push({ mediaType: OCI_IMAGE_MANIFEST, ...absent })

    for (const trust of [[], ['--key', 'cosign.pub']]) {
      const shown = await flow.tree(...trust, `${registry.host}/team/app:1`)
      assert.equal(shown.code, 0, shown.stderr)
      requireNothingValid(shown)
      const { refused, unchecked, unreadable, unknown } = shown.document.verdicts
      assert.deepEqual([refused! + unchecked!, unreadable, unknown], [1, 15, 3])
      assert.equal(trust.length === 0 ? unchecked : refused, 1)
      assert.ok(shown.document.refused.length > 0)
      assert.match(shown.text, /UNREADABLE: signature 2\n.*expected/)
      assert.match(shown.text, /UNKNOWN/)
      for (const output of [shown.text, shown.json, shown.stderr]) assert.doesNotMatch(output, RAW)
      assert.ok(shown.json.includes('\\u202e') && JSON.stringify(shown.document).includes('\u202e'))
    }
  })

  it('that does not answer in one place has the rest shown, and is told by the exit code', async () => {
    await using flow = await prepare()
    await using registry = await startMapRegistry()
    const config = registry.addBlob(encodeJson({}), 'application/vnd.oci.empty.v1+json')
    const layers: object[] = []
    const bytes = encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_MANIFEST, config, layers })
    const image = registry.add(bytes, '1')
    registry.add(bytes, `${image.digest.replace(':', '-')}.sbom`)
    registry.referrersStatus = 403
    const shown = await flow.tree('--key', 'cosign.pub', `${registry.host}/team/app:1`)
    assert.equal(shown.code, 3)
    assert.partialDeepStrictEqual(shown.document.unread, [{ part: 'referrers' }])
    assert.match(shown.text, /SBOMs under/)
    assert.match(shown.text, /UNREADABLE: referrers of/)
    assert.match(shown.stderr, /ERR_REGISTRY_FORBIDDEN|403/)
  })
})
