import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parseStoredJson } from './stored-json.ts'

it('reads a request with more members than a document from outside may have', () => {
  const signatures = Array.from({ length: 10_000 }, () => ({
    path: 'a',
    outputPath: 'a.sig',
    sha256: '0',
    signature: '0',
  }))
  const images = Array.from({ length: 10_000 }, (_, at) => ({
    annotations: { a: at, b: at, c: at },
    digest: 'd',
    dockerReference: 'e',
    path: 'a',
    repository: 'r',
  }))
  const body = { images, signatures }
  assert.deepEqual(parseStoredJson(JSON.stringify(body)), body)
  assert.throws(() => parseStoredJson('{"a":1,"a":2}'), { code: 'ERR_FORMAT_JSON' })
})
