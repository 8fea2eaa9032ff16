import { printable } from './text-table.ts'

/** Where text goes; process.stdout and process.stderr are ones. */
export interface TextStream {
  write(text: string | Uint8Array): unknown
}

/**
 * What a command says. Results go to stdout, once; everything else to stderr, so that `chancery … --json | jq` and
 * `chancery … > file` always get the result alone.
 */
export class Output {
  readonly #stdout: TextStream
  readonly #stderr: TextStream

  constructor(stdout: TextStream, stderr: TextStream) {
    this.#stdout = stdout
    this.#stderr = stderr
  }

  /** The result: one JSON document where `isJson`, else text. A command calls it at most once. */
  result(isJson: boolean | undefined, document: unknown, text: () => string): void {
    this.#stdout.write(isJson === true ? `${encodeJson(document)}\n` : endLine(text()))
  }

  /** The result as JSON documents, one on each line. */
  lines(documents: readonly unknown[]): void {
    this.#stdout.write(documents.map((one) => `${encodeJson(one, 0)}\n`).join(''))
  }

  /** The result as it is: a file, a line that other programs read. */
  raw(bytes: Uint8Array | string): void {
    this.#stdout.write(bytes)
  }

  /** A line about what is going on, or several; without control characters, since others' words may be in it. */
  progress(line: string): void {
    this.#stderr.write(`${line.split('\n').map(printable).join('\n')}\n`)
  }

  /** Something that went well but deserves attention. */
  warn(line: string): void {
    this.progress(`warning: ${line}`)
  }
}

/**
 * JSON in which nothing is raw that a terminal obeys: others' words may be in it. Characters are written as `\uXXXX`.
 *
 * @param indent Blanks for each level; with none all of it is one line.
 */
export function encodeJson(document: unknown, indent = 2): string {
  const escape = (character: string): string =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join('')
  // Outside of texts there are no such characters but line breaks, which texts have none of.
  return JSON.stringify(document, null, indent).replaceAll(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, escape)
}

function endLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
