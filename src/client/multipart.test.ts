import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encodeForm } from './multipart.ts'

const RANDOM = new Uint8Array(16).fill(0xab)

describe('multipart form', () => {
  it('is exactly this', () => {
    const { contentType, bytes } = encodeForm(
      [
        { name: 'projectSlug', value: 'demo' },
        { name: 'artifact', fileName: 'a.zip', bytes: new Uint8Array([0, 13, 10, 255]) },
      ],
      RANDOM,
    )
    const boundary = `chancery-${'ab'.repeat(16)}`
    assert.equal(contentType, `multipart/form-data; boundary=${boundary}`)
    assert.equal(
      Buffer.from(bytes).toString('latin1'),
      [
        `--${boundary}`,
        'Content-Disposition: form-data; name="projectSlug"',
        '',
        'demo',
        `--${boundary}`,
        'Content-Disposition: form-data; name="artifact"; filename="a.zip"',
        'Content-Type: application/octet-stream',
        '',
        '\0\r\n\xff',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    )
  })

  it('lets no name add a header', () => {
    const { bytes } = encodeForm([{ name: 'a"\r\nX: y', value: 'v' }], RANDOM)
    assert.match(Buffer.from(bytes).toString(), /name="a%22%0D%0AX: y"\r\n\r\nv\r\n/)
  })

  it('is read back by an independent parser, whatever the values', async () => {
    const part = fc.record({
      name: fc.stringMatching(/^[a-z.]{1,20}$/),
      value: fc.string({ unit: 'binary' }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1 }), fc.uint8Array(), async (fields, file) => {
        const { contentType, bytes } = encodeForm(
          [...fields, { name: 'file', fileName: 'ä "x".bin', bytes: file }],
          RANDOM,
        )
        const response = new Response(bytes as Uint8Array<ArrayBuffer>, {
          headers: { 'content-type': contentType },
        })
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- a parser that is not ours, for small forms of this test
        const form = await response.formData()
        const read = [...form.entries()].filter(([, value]) => typeof value === 'string')
        assert.deepEqual(
          read,
          fields.map(({ name, value }) => [name, Buffer.from(value).toString()]),
        )
        const upload = form.get('file') as File
        assert.deepEqual(new Uint8Array(await upload.arrayBuffer()), new Uint8Array(file))
      }),
      { numRuns: 50 },
    )
  })
})
