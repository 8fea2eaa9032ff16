import { ChanceryError } from '../errors/chancery-error.ts'

/** The most bytes of a text on standard input. */
const MAX_TEXT_BYTES = 1024 * 1024

/** What somebody sends to the program: a password, or a document, never both. */
export class StandardInput {
  readonly #open: () => AsyncIterable<Uint8Array>
  #text: Promise<string> | undefined
  #isTaken = false

  /** @param open Called when it is read: most commands never do. */
  constructor(open: () => AsyncIterable<Uint8Array>) {
    this.#open = open
  }

  /**
   * All of it as text; the same text each time.
   *
   * @throws ChanceryError ERR_CLI_USAGE if it is more than 1 MiB, or a document.
   */
  readText(): Promise<string> {
    if (this.#isTaken) {
      throw new ChanceryError(
        'ERR_CLI_USAGE',
        'standard input is the file to work with, so it cannot have a password, too',
        { hints: ['Set COSIGN_PASSWORD.'] },
      )
    }
    this.#text ??= this.#read(MAX_TEXT_BYTES).then((bytes) => Buffer.from(bytes).toString('utf8'))
    return this.#text
  }

  /**
   * All of it as a document, once; no text can be read afterwards.
   *
   * @throws ChanceryError ERR_CLI_USAGE if it is more, or was read before.
   */
  readBytes(maxBytes: number): Promise<Uint8Array> {
    if (this.#isTaken || this.#text !== undefined) {
      throw new ChanceryError('ERR_CLI_USAGE', 'expected one use of standard input, found two')
    }
    this.#isTaken = true
    return this.#read(maxBytes)
  }

  async #read(maxBytes: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of this.#open()) {
      length += piece.length
      if (length > maxBytes) {
        throw new ChanceryError(
          'ERR_CLI_USAGE',
          `expected at most ${maxBytes} bytes on standard input`,
        )
      }
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }
}
