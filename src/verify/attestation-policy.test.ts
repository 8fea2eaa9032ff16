import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import { AttestationPolicy } from './attestation-policy.ts'

const BUILDER = 'https://ci.acme.example/release'
const policyOf = (schema: unknown) => new AttestationPolicy(schema, 'p.json')
const about = (predicate: unknown) => ({
  type: 'object',
  required: ['predicate'],
  properties: { predicate },
})
const bytesOf = (predicate: unknown) =>
  new TextEncoder().encode(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: '0'.repeat(64) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate,
    }),
  )
const judge = (schema: unknown, predicate: unknown) => policyOf(schema).judge(bytesOf(predicate))

function refuses(code: string, message: RegExp, run: () => unknown): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof ChanceryError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })
}

describe('AttestationPolicy', () => {
  const builder = about({
    type: 'object',
    required: ['builder'],
    properties: {
      builder: { type: 'object', required: ['id'], properties: { id: { const: BUILDER } } },
    },
  })

  it('accepts what satisfies the schema, and says of the rest where and what', () => {
    judge(builder, { builder: { id: BUILDER } })
    refuses(
      'ERR_VERIFY_PREDICATE',
      /p\.json: expected "\/predicate\/builder\/id" to be equal to constant "https:.*release", found "https:\/\/evil"/,
      () => judge(builder, { builder: { id: 'https://evil' } }),
    )
    refuses('ERR_VERIFY_PREDICATE', /required property 'id', found an object with nothing/, () =>
      judge(builder, { builder: {} }),
    )
    refuses('ERR_VERIFY_PREDICATE', /"\/predicate" to be object, found an array of 1/, () =>
      judge(builder, [1]),
    )
  })

  it('judges the type and the subject, too', () => {
    const schema = {
      type: 'object',
      required: ['predicateType'],
      properties: { predicateType: { enum: ['https://spdx.dev/Document'] } },
    }
    refuses('ERR_VERIFY_PREDICATE', /"\/predicateType" to be equal to one of .*spdx/, () =>
      judge(schema, {}),
    )
  })

  it('takes nothing that every object inherits for a member', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      const schema = about({ type: 'object', required: [name] })
      refuses('ERR_VERIFY_PREDICATE', /required property/, () => judge(schema, {}))
      policyOf(schema).judge(
        new TextEncoder().encode(`{"predicate":{${JSON.stringify(name)}:true}}`),
      )
      const closed = parseJson(
        `{"type":"object","required":["predicate"],"properties":{"predicate":{"type":"object","additionalProperties":false}}}`,
      )
      refuses('ERR_VERIFY_PREDICATE', /additional/, () =>
        policyOf(closed).judge(
          new TextEncoder().encode(`{"predicate":{${JSON.stringify(name)}:true}}`),
        ),
      )
    }
  })

  it('knows no word that would check nothing', () => {
    for (const [predicate, reason] of [
      [{ typ: 'object' }, /typ/],
      [{ type: 'string', format: 'date-time' }, /format/],
      [{ type: 'string', nullable: true }, /nullable/],
      [{ type: 'string', contentEncoding: 'base64' }, /contentEncoding/],
      [{ $async: true, type: 'object' }, /async/],
      [{ properties: { a: { const: 1 } } }, /missing type/],
      [{ type: 'object', if: { type: 'object' } }, /if/],
      [{ type: 'nothing' }, /type/],
      [{ type: 'string', pattern: '(' }, /pattern|regular/i],
      [{ $ref: 'https://acme.example/schema.json' }, /same document/],
      [{ $ref: 'other.json#/a' }, /same document/],
      [{ $dynamicRef: 'other.json#a' }, /same document/],
      [{ $ref: '#/$defs/none' }, /none/],
      [{ $schema: 'http://json-schema.org/draft-07/schema#' }, /\$schema/],
      [{ const: { $data: '/predicateType' }, minLength: 'x' }, /minLength/],
    ] as const) {
      refuses('ERR_VERIFY_POLICY', reason, () => policyOf(about(predicate)))
    }
    refuses('ERR_VERIFY_POLICY', /async/, () => policyOf({ $async: true, ...builder }))
    refuses('ERR_VERIFY_POLICY', /draft-07/, () =>
      policyOf({ $schema: 'http://json-schema.org/draft-07/schema#', ...builder }),
    )
    policyOf({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...builder })
  })

  it('is nothing that requires nothing', () => {
    for (const schema of [{}, { type: 'object' }, { ...builder, required: [] }]) {
      refuses('ERR_VERIFY_POLICY', /\{\} is accepted/, () => policyOf(schema))
    }
    for (const schema of [true, null, 'x', [], 1]) {
      refuses('ERR_VERIFY_POLICY', /that is an object/, () => policyOf(schema))
    }
  })

  it('ends where a pattern, or the schema, would go on forever', () => {
    const pattern = policyOf(about({ type: 'string', pattern: '^(a+)+$' }))
    refuses('ERR_VERIFY_POLICY', /takes longer/, () => pattern.judge(bytesOf('a'.repeat(50) + '!')))
    const $defs: Record<string, unknown> = { a40: { type: 'string' } }
    for (let n = 0; n < 40; n++) {
      const next = { $ref: `#/$defs/a${n + 1}` }
      $defs[`a${n}`] = { allOf: [next, next] }
    }
    const doubling = { ...about({ $ref: '#/$defs/a0' }), $defs }
    refuses('ERR_VERIFY_POLICY', /takes longer/, () => judge(doubling, 'x'))
    const endless = { ...about({ $ref: '#/$defs/a' }), $defs: { a: { $ref: '#/$defs/a' } } }
    refuses('ERR_VERIFY_POLICY', /found: /, () => judge(endless, 'x'))
  })

  it('shows nothing of a predicate that a terminal would obey', () => {
    const schema = about({ type: 'object', additionalProperties: false })
    refuses('ERR_VERIFY_PREDICATE', /^[\x20-\x7e]{1,800}$/, () =>
      judge(schema, { [`\u001b[2J\u202e${'x'.repeat(100_000)}`]: 1 }),
    )
  })
})
