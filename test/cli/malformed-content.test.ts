import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { digestOf, encodeJson, startMapRegistry } from '../registry/map-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const EMPTY = 'application/vnd.oci.empty.v1+json'
const SIGNATURE = 'application/vnd.dev.cosign.simplesigning.v1+json'
const ENVELOPE = 'application/vnd.dsse.envelope.v1+json'
const text = (content: string) => new TextEncoder().encode(content)
const config = encodeJson({})
const described = { mediaType: EMPTY, digest: digestOf(config), size: config.length }

function manifestOf(...layers: readonly object[]): Uint8Array {
  return encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_MANIFEST, config: described, layers })
}

const layerOf = (mediaType: string, content: Uint8Array) => ({
  mediaType,
  digest: digestOf(content),
  size: content.length,
  annotations: { 'dev.cosignproject.cosign/signature': 'MEUCIQ==' },
})
const GONE = text('gone')
const JUNK = text('no JSON')
const OTHER = text('{"x":1}')

interface Case {
  readonly type?: string
  readonly bytes?: (layerType: string) => Uint8Array
  readonly status?: number
  /** The exit codes of verify and verify-attestation; tree; download signature, attestation; copy. */
  readonly codes: readonly [number, number, number, number, number]
}

/** What is under `.sig` and `.att`. The table of docs/verify-images.md says the same. */
const CASES: Readonly<Record<string, Case>> = {
  'no JSON': { bytes: () => text('<html>'), codes: [1, 0, 1, 1, 1] },
  'two things at once': {
    bytes: () => text(Buffer.from(manifestOf()).toString().replace('{', '{"manifests":[],')),
    codes: [1, 0, 1, 1, 1],
  },
  'an index': {
    type: OCI_IMAGE_INDEX,
    bytes: () => encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] }),
    codes: [1, 0, 1, 1, 0],
  },
  'more than 4 MiB': {
    bytes: () => encodeJson({ filler: 'x'.repeat(5 * 1024 * 1024) }),
    codes: [1, 0, 2, 2, 2],
  },
  'a layer that is not there': {
    bytes: (type) => manifestOf(layerOf(type, GONE)),
    codes: [1, 0, 4, 4, 4],
  },
  'a layer with other bytes': {
    bytes: (type) => manifestOf(layerOf(type, OTHER)),
    codes: [1, 0, 1, 1, 1],
  },
  'a layer that is no JSON': {
    bytes: (type) => manifestOf(layerOf(type, JUNK)),
    codes: [1, 0, 0, 1, 0],
  },
  'a web page': { type: 'text/html', bytes: () => text('<html>'), codes: [6, 6, 6, 6, 6] },
  'an answer of 503': { status: 503, codes: [6, 6, 6, 6, 6] },
  'an answer of 403': { status: 403, codes: [3, 3, 3, 3, 3] },
}

describe('what a registry holds where signatures should be', () => {
  for (const [name, { type, bytes, status, codes }] of Object.entries(CASES)) {
    it(`is ${name}: told alike by all commands`, async () => {
      await using directory = await createTemporaryDirectory()
      await using registry = await startMapRegistry()
      await using other = await startEmbeddedRegistry()
      const run = async (...args: readonly string[]) => {
        const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
        const { code, stderr } = await runChancery(args, { cwd: directory.path, env })
        return [args.slice(0, 2).join(' '), code, code === 70 ? stderr : ''] as const
      }
      await run('generate-key-pair')
      registry.addBlob(config, EMPTY)
      registry.addBlob(JUNK, EMPTY)
      registry.blobs.set(digestOf(OTHER), text('{"x":2}'))
      const image = registry.add(manifestOf(), '1')
      for (const [suffix, layerType] of [
        ['sig', SIGNATURE],
        ['att', ENVELOPE],
      ] as const) {
        const tag = `${image.digest.replace(':', '-')}.${suffix}`
        if (bytes !== undefined) registry.add(bytes(layerType), tag, type)
        if (status !== undefined) registry.statuses.set(tag, status)
      }
      const source = `${registry.host}/team/app:1`
      // What fails, fails; it need not be waited for.
      const key = ['--key', 'cosign.pub', '--timeout', status === 503 ? '5s' : '10m', source]
      const [verified, shown, signature, attestation, copied] = codes
      const found = [
        await run('verify', ...key),
        await run('verify-attestation', ...key),
        await run('tree', ...key),
        await run('download', 'signature', ...key.slice(2)),
        await run('download', 'attestation', ...key.slice(2)),
        await run('copy', ...key.slice(2), `${other.host}/team/copy:1`),
      ]
      assert.deepEqual(found, [
        ['verify --key', verified, ''],
        ['verify-attestation --key', verified, ''],
        ['tree --key', shown, ''],
        ['download signature', signature, ''],
        ['download attestation', attestation, ''],
        ['copy --timeout', copied, ''],
      ])
    })
  }
})
