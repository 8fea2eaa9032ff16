import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  issuer,
  signStatement,
  trustedRootOf,
} from '../verify/test-sigstore.ts'

const SIGN = 'https://sigstore.dev/cosign/sign/v1'
const WHO = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]

/** An image with a bundle that a certificate signed and a log has, and the trusted root of both. */
async function prepare() {
  const registry = await startEmbeddedRegistry()
  const directory = await createTemporaryDirectory()
  const write = (name: string, content: unknown) =>
    writeFile(join(directory.path, name), JSON.stringify(content))
  const image = await pushTestImage(`${registry.host}/team/app:1`)
  const sigstore = createTestSigstore()
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `${registry.host}/team/app`, digest: { sha256: image.digest.slice(7) } }],
    predicateType: SIGN,
    predicate: {},
  }
  const bundle = signStatement(sigstore, issueLeaf(sigstore), statement)
  const bytes = new TextEncoder().encode(JSON.stringify(bundle))
  using client = new RegistryClient()
  await publishBundle(client, image, { bytes, predicateType: SIGN, createdAt: new Date(0) })
  const root = trustedRootOf(sigstore)
  await write('root.json', root)
  await write('ct.json', { ...root, ctlogs: root.tlogs })
  await write('bare.json', { ...root, tlogs: [], timestampAuthorities: [] })
  return {
    image,
    verify: (...args: readonly string[]) =>
      runChancery(['verify', ...args, image.byDigest], {
        cwd: directory.path,
        env: { HOME: directory.path },
      }),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

describe('chancery verify with a certificate', () => {
  it('accepts whom it was asked for, and says who signed and when', async () => {
    await using flow = await prepare()
    const accepted = await flow.verify('--trusted-root', 'root.json', ...WHO)
    assert.equal(accepted.code, 0, accepted.stderr)
    const lines = [
      `Verified ${flow.image.byDigest}`,
      `    signed by "${identity}", as "${issuer}" says`,
      '    signed at or before 2026-06-01T12:00:00.000Z, as entry 1001 of https://rekor.acme.example says',
    ]
    for (const line of lines) assert.ok(accepted.stderr.split('\n').includes(line), line)

    const pattern = ['--certificate-identity-pattern', '*@acme.example']
    const any = ['--certificate-oidc-issuer-pattern', '*', '--json']
    const document = await flow.verify('--trusted-root', 'root.json', ...pattern, ...any)
    assert.partialDeepStrictEqual(JSON.parse(document.stdout), {
      isAccepted: true,
      results: [
        {
          image: flow.image.byDigest,
          isAccepted: true,
          error: null,
          manifests: [
            {
              digest: flow.image.digest,
              signatures: [
                {
                  format: 'bundle',
                  signer: { identity, issuer },
                  signedAt: ['2026-06-01T12:00:00.000Z'],
                },
              ],
            },
          ],
        },
      ],
    })
  })

  it('refuses others, and one that is not valid when nobody says that it was', async () => {
    await using flow = await prepare()
    const root = ['--trusted-root', 'root.json']
    for (const [args, code] of [
      [['--certificate-identity', 'x@acme.example', ...WHO.slice(2)], 'CERTIFICATE_IDENTITY'],
      [[...WHO.slice(0, 2), '--certificate-oidc-issuer', 'https://x'], 'CERTIFICATE_ISSUER'],
      [[...WHO, '--use-signed-timestamps'], 'ERR_VERIFY_TIMESTAMP_COUNT'],
    ] as const) {
      const refused = await flow.verify(...root, ...args)
      assert.equal(refused.code, 1, refused.stderr)
      assert.match(refused.stderr, new RegExp(`${code}\\)`))
    }
    const unlogged = await flow.verify('--trusted-root', 'ct.json', ...WHO)
    assert.equal(unlogged.code, 1)
    assert.match(unlogged.stderr, /ERR_VERIFY_CERTIFICATE_TRANSPARENCY/)
    const bare = ['--trusted-root', 'bare.json', '--insecure-ignore-tlog', ...WHO]
    const expired = await flow.verify(...bare)
    assert.equal(expired.code, 1)
    assert.match(expired.stderr, /ERR_VERIFY_CERTIFICATE_TIME/)
  })

  it('wants to know whom to trust, for what', async () => {
    await using flow = await prepare()
    for (const [args, said] of [
      [[], /expected either --key, or --certificate-identity/],
      [WHO, /expected --trusted-root/],
      [['--trusted-root', 'root.json', ...WHO.slice(0, 2)], /--certificate-oidc-issuer-pattern/],
      [['--trusted-root', 'bare.json', ...WHO], /expected --insecure-ignore-tlog/],
      [
        [
          '--trusted-root',
          'bare.json',
          '--insecure-ignore-tlog',
          '--use-signed-timestamps',
          ...WHO,
        ],
        /expected a timestamp authority/,
      ],
      [
        ['--trusted-root', 'root.json', '--certificate-identity-regexp', '.*', ...WHO.slice(2)],
        /hint: Say --certificate-identity-pattern/,
      ],
    ] as const) {
      const refused = await flow.verify(...args)
      assert.equal(refused.code, 2, refused.stderr)
      assert.match(refused.stderr, said)
    }
  })
})
