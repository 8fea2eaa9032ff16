import { CODES } from '../../errors/codes.ts'
import type { ChanceryError } from '../../errors/chancery-error.ts'
import { VERSION } from '../version.ts'
import type { NamedTree } from './image-report.ts'

/**
 * What is not accepted as a SARIF 2.1.0 log: one result for each image that was named and is not, whose rule is the code of
 * the error. An empty list of results says that all are accepted.
 *
 * @param isLocal Whether the names are paths of directories and archives, not references of images.
 * Source: OASIS, SARIF 2.1.0, 3.13 to 3.27.
 */
export function printSarif(trees: readonly NamedTree[], isLocal: boolean): object {
  const failed = trees.flatMap(({ name, tree }) =>
    tree.failure === undefined ? [] : [{ name, error: tree.failure }],
  )
  const codes = [...new Set(failed.map(({ error }) => error.code))]
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'chancery',
            version: VERSION,
            rules: codes.map((code) => ({
              id: code,
              shortDescription: { text: CODES[code].summary },
              defaultConfiguration: { level: 'error' },
            })),
          },
        },
        results: failed.map(({ name, error }) => ({
          ruleId: error.code,
          ruleIndex: codes.indexOf(error.code),
          level: 'error',
          message: { text: messageOf(error) },
          locations: [
            {
              // Some readers, GitHub for one, want a physical location.
              physicalLocation: {
                artifactLocation: { uri: isLocal ? fileUri(name) : imageUri(name) },
              },
              logicalLocations: [{ fullyQualifiedName: name, kind: 'resource' }],
            },
          ],
        })),
      },
    ],
  }
}

/** A path as a URI, absolute or relative; a colon in it begins no scheme. Source: RFC 3986, section 4.2. */
function fileUri(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') ? `file://${encoded}` : encoded
}

function imageUri(name: string): string {
  const encoded = encodeURI(name).replace(/[?#]/g, encodeURIComponent)
  return `oci://${encoded.replaceAll('%5B', '[').replaceAll('%5D', ']')}`
}

function messageOf({ message, hints }: ChanceryError): string {
  return [message, ...hints].join('\n')
}
