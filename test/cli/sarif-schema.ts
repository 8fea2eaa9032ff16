import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'

const file = new URL('../vectors/sarif/sarif-2.1.0-rtm.5.json', import.meta.url)
// Of draft 4 the schema has nothing that later drafts read otherwise, but its own name.
const { $schema, id, ...schema } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
assert.match(String($schema), /draft-04/)
assert.match(String(id), /sarif-2\.1\.0/)
const isUri = (text: string): boolean => /^[\w.~:/?#[\]@!$&'()*+,;=%-]*$/.test(text)
const validate = new Ajv({
  strict: false,
  allErrors: true,
  unicodeRegExp: false,
  formats: {
    uri: (text: string) => isUri(text) && URL.canParse(text),
    'uri-reference': (text: string) => isUri(text) && URL.canParse(text, 'base://host/'),
    'date-time': (text: string) => !Number.isNaN(Date.parse(text)),
  },
}).compile(schema)

/** Holds a log to the published schema of SARIF 2.1.0. */
export function requireSarif(log: unknown): void {
  assert.ok(validate(log), JSON.stringify(validate.errors, undefined, 1))
}
