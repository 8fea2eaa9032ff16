import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_IMAGE_CONFIG,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
  parseManifest,
} from './oci-manifest.ts'

const digest = `sha256:${'ab'.repeat(32)}`
const config = { mediaType: OCI_IMAGE_CONFIG, digest, size: 2 }
const image = { schemaVersion: 2, mediaType: OCI_IMAGE_MANIFEST, config, layers: [] }

function parse(manifest: unknown, mediaType: string = OCI_IMAGE_MANIFEST) {
  return parseManifest(new TextEncoder().encode(JSON.stringify(manifest)), mediaType)
}

function refuses(changes: object, mediaType?: string): void {
  assert.throws(() => parse({ ...image, ...changes }, mediaType), {
    code: 'ERR_FORMAT_OCI_MANIFEST',
  })
}

describe('parseManifest', () => {
  it('reads images and indexes, of OCI and of Docker', () => {
    const layer = { mediaType: 'a/b+c', digest, size: 0, annotations: { x: 'y' } }
    const parsed = parse({ ...image, layers: [layer], annotations: { a: 'b' }, subject: config })
    assert.deepEqual(parsed, {
      kind: 'manifest',
      mediaType: OCI_IMAGE_MANIFEST,
      config,
      layers: [layer],
      subject: config,
      annotations: { a: 'b' },
    })
    assert.equal(parse({ ...image, mediaType: DOCKER_MANIFEST }, DOCKER_MANIFEST).kind, 'manifest')
    for (const mediaType of [OCI_IMAGE_INDEX, DOCKER_MANIFEST_LIST]) {
      const index = { schemaVersion: 2, mediaType, manifests: [config] }
      assert.equal(parse(index, mediaType).kind, 'index')
    }
    assert.equal(parse({ ...image, mediaType: undefined }).kind, 'manifest')
  })

  it('refuses what could be taken for both', () => {
    refuses({ manifests: [] })
    refuses({ mediaType: undefined, manifests: [] }, OCI_IMAGE_INDEX)
    refuses({ mediaType: OCI_IMAGE_INDEX })
    refuses({}, OCI_IMAGE_INDEX)
    refuses({}, DOCKER_MANIFEST)
  })

  it('reads what an image in an index runs on, and nothing of it that is not plain', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const platformOf = (platform: unknown) => {
      const manifests = [{ mediaType: OCI_IMAGE_MANIFEST, digest, size: 1, platform }]
      const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests }
      const parsed = parseManifest(new TextEncoder().encode(JSON.stringify(index)), OCI_IMAGE_INDEX)
      return parsed.kind === 'index' ? parsed.manifests[0]?.platform : 'none'
    }
    const arm = { os: 'linux', architecture: 'arm64' }
    assert.equal(platformOf(arm), 'linux/arm64')
    assert.equal(platformOf({ ...arm, variant: 'v8', 'os.version': '1' }), 'linux/arm64/v8')
    for (const bad of [
      undefined,
      null,
      'linux/arm64',
      [],
      { os: 'linux' },
      { ...arm, variant: 8 },
      { ...arm, os: 'linux, not looked into' },
      { ...arm, os: '\u001b[2J' },
      { ...arm, os: 'x'.repeat(65) },
      { ...arm, os: '' },
    ]) {
      assert.equal(platformOf(bad), undefined)
    }
  })

  it('refuses malformed descriptors', () => {
    for (const change of [
      { digest: 'sha256:AB' },
      { digest: `sha256:${'AB'.repeat(32)}` },
      { digest: `md5:${'ab'.repeat(16)}` },
      { digest: undefined },
      { size: -1 },
      { size: 1.5 },
      { size: '2' },
      { mediaType: 'text' },
      { mediaType: 'a/b\n' },
      { annotations: { x: 1 } },
      { annotations: [] },
    ]) {
      refuses({ config: { ...config, ...change } })
      refuses({ layers: [{ ...config, ...change }] })
    }
    refuses({ config: null })
    refuses({ layers: {} })
    refuses({ schemaVersion: 1 })
    refuses({ annotations: { a: null } })
  })

  it('reads a thousand layers and refuses one more', () => {
    const layers = Array.from({ length: 1000 }, () => config)
    const parsed = parse({ ...image, layers })
    assert.ok(parsed.kind === 'manifest' && parsed.layers.length === 1000)
    refuses({ layers: [...layers, config] })
  })

  it('reads a thousand annotations, and names of media types as long as they may be', () => {
    const annotationsOf = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, '']))
    const mediaTypeOf = (length: number) => `a/${'b'.repeat(length - 2)}`
    for (const change of [
      (count: number, length: number) => ({ annotations: annotationsOf(count), length }),
      (count: number, length: number) => ({ artifactType: mediaTypeOf(length), count }),
      (count: number, length: number) => ({
        layers: [{ ...config, mediaType: mediaTypeOf(length), annotations: annotationsOf(count) }],
      }),
    ]) {
      assert.equal(parse({ ...image, ...change(1000, 255) }).kind, 'manifest')
      refuses(change(1001, 256))
    }
  })

  it('refuses what is not strict JSON', () => {
    const bytes = new TextEncoder().encode('{"schemaVersion":2,"schemaVersion":2}')
    assert.throws(() => parseManifest(bytes, OCI_IMAGE_MANIFEST), { code: 'ERR_FORMAT_JSON' })
  })
})
