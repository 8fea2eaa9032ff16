import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printSarif } from '../../src/cli/verify/sarif.ts'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { requireSarif } from './sarif-schema.ts'

const failure = new ChanceryError('ERR_VERIFY_NOTHING_ACCEPTED', 'expected a signature', {
  hints: ['Sign it.'],
})
const print = (names: readonly string[], isLocal: boolean) => {
  const log = printSarif(
    names.map((name) => ({ name, tree: { images: [], failure } })),
    isLocal,
  ) as SarifLog
  requireSarif(log)
  return log.runs[0]!.results.map(
    ({ locations }) => locations[0]!.physicalLocation.artifactLocation.uri,
  )
}

interface SarifLog {
  readonly runs: readonly {
    readonly results: readonly {
      readonly locations: readonly {
        readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } }
      }[]
    }[]
  }[]
}

describe('a SARIF log', () => {
  it('is what the published schema describes, also without a result', () => {
    print([], false)
    print([], true)
    print(['registry.acme.test:5000/team/app:1.0', 'app'], false)
  })

  it('is told apart from what is none', () => {
    const log = structuredClone(
      printSarif([{ name: 'a', tree: { images: [], failure } }], false),
    ) as SarifLog
    for (const change of [
      { version: '2.0.0' },
      { runs: [{ ...log.runs[0], results: [{ ...log.runs[0]!.results[0], message: {} }] }] },
      { runs: [{ ...log.runs[0], results: [{ ...log.runs[0]!.results[0], level: 'bad' }] }] },
      {
        runs: [
          { ...log.runs[0], results: [{ ...log.runs[0]!.results[0], locations: [{ x: 1 }] }] },
        ],
      },
      { runs: [{ ...log.runs[0], tool: {} }] },
      { extra: true },
    ]) {
      assert.throws(() => requireSarif({ ...log, ...change }), assert.AssertionError)
    }
  })

  it('names images by URIs that mean them, whatever is in their names', () => {
    assert.deepEqual(print(['registry.acme.test:5000/app@sha256:00', '[::1]:5000/app'], false), [
      'oci://registry.acme.test:5000/app@sha256:00',
      'oci://[::1]:5000/app',
    ])
    assert.deepEqual(
      print(['app.tar:1.0', 'a b/ü#1?.tar@sha256:00', '../x', '/var/app.tar'], true),
      [
        // A colon in the first segment would make the file a scheme. Source: RFC 3986, section 4.2.
        'app.tar%3A1.0',
        'a%20b/%C3%BC%231%3F.tar%40sha256%3A00',
        '../x',
        'file:///var/app.tar',
      ],
    )
  })
})
