import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAX_MANIFEST_ENTRIES } from '../format/oci-manifest.ts'
import {
  describeSignature,
  encodeSignatures,
  signatureTag,
  signatureTextOf,
} from './signature-manifest.ts'

const payload = new TextEncoder().encode('{}')
const hex = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
const layer = describeSignature({ payload, signature: 'AAAA' })

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

describe('encodeSignatures', () => {
  it('writes the manifest and the configuration of one signature as Cosign does', () => {
    const { bytes, config } = encodeSignatures([layer])
    assert.equal(
      text(config),
      '{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],' +
        `"os":"","rootfs":{"type":"layers","diff_ids":["sha256:${hex}"]},"config":{}}`,
    )
    assert.equal(config.length, 233)
    assert.match(
      text(bytes),
      /^\{"schemaVersion":2,"mediaType":"application\/vnd\.oci\.image\.manifest\.v1\+json","config":\{"mediaType":"application\/vnd\.oci\.image\.config\.v1\+json","size":233,"digest":"sha256:[0-9a-f]{64}"\},"layers":\[/,
    )
    assert.ok(
      text(bytes).endsWith(
        '"layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":2,' +
          `"digest":"sha256:${hex}","annotations":{"dev.cosignproject.cosign/signature":"AAAA"}}]}`,
      ),
    )
  })

  it('adds a history entry and a diff id for each further signature', () => {
    assert.equal(encodeSignatures([layer, layer]).config.length, 342)
  })

  it('sorts annotations and escapes what Go escapes', () => {
    const { bytes } = encodeSignatures([
      { ...layer, annotations: { é: '1', b: '<&>\u2028', A: '2' } },
    ])
    assert.match(
      text(bytes),
      /"annotations":\{"A":"2","b":"\\u003c\\u0026\\u003e\\u2028","é":"1"\}/,
    )
  })

  it('refuses more signatures than readers accept', () => {
    const layers = Array.from({ length: MAX_MANIFEST_ENTRIES + 1 }, () => layer)
    assert.throws(() => encodeSignatures(layers), { code: 'ERR_REGISTRY_SIGNATURES' })
  })
})

describe('a signature layer', () => {
  it('has certificate and chain only where there are some', () => {
    const certified = describeSignature({
      payload,
      signature: 'AAAA',
      certificate: 'C',
      certificateChain: '',
    })
    assert.deepEqual(certified.annotations, {
      'dev.cosignproject.cosign/signature': 'AAAA',
      'dev.sigstore.cosign/certificate': 'C',
    })
  })

  it('is one by its media type and annotation, not by its annotation alone', () => {
    assert.equal(signatureTextOf(layer), 'AAAA')
    assert.equal(signatureTextOf({ ...layer, mediaType: 'text/plain' }), undefined)
    assert.equal(signatureTextOf({ ...layer, annotations: {} }), undefined)
  })

  it('is found under the tag that Cosign computes', () => {
    assert.equal(signatureTag(`sha256:${hex}`), `sha256-${hex}.sig`)
  })
})
