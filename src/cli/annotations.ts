import { ChanceryError } from '../errors/chancery-error.ts'
import { parseAssignments } from './flags.ts'

/**
 * Reads the values of `-a`: `name=value`, several of them in one value separated by commas, as Cosign has it. A pair
 * with a comma in it is put in double quotes, in which a double quote is written twice (RFC 4180).
 *
 * @throws ChanceryError ERR_CLI_USAGE if a value is not so, or a name comes twice.
 */
export function parseAnnotations(inputs: readonly string[]): Readonly<Record<string, string>> {
  return parseAssignments(inputs.flatMap(splitAtCommas))
}

function splitAtCommas(input: string): string[] {
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  const fields: string[] = []
  for (;;) {
    const [match, quoted, plain = '', end] = field.exec(input) ?? []
    if (match === undefined) {
      throw new ChanceryError('ERR_CLI_USAGE', `expected name=value, found ${input}`, {
        hints: ['Put a pair with a comma or a quote in it in double quotes: -a \'"note=a,b"\'.'],
      })
    }
    fields.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === '') return fields
  }
}
