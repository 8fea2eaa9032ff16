import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { counted } from './counted.ts'
import { describeReport } from './commands/copy.ts'

describe('a number with what it counts', () => {
  it('has one form for one and another for all others', () => {
    assert.deepEqual(
      [0, 1, 2].map((number) => counted(number, 'image')),
      ['0 images', '1 image', '2 images'],
    )
    const report = {
      digest: 'sha256:0a',
      manifests: 1,
      blobs: 2,
      signatures: 1,
      attestations: 0,
      sboms: 1,
      referrers: 1,
    }
    assert.equal(
      describeReport('x', report),
      'x: all there: 1 manifest, 2 blobs, 1 signature, 0 attestations, 1 SBOM, 1 referrer',
    )
  })
})
