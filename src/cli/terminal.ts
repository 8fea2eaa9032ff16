import type { ReadStream } from 'node:tty'
import type { TextStream } from './output.ts'

/** A person who can be asked. */
export interface Terminal {
  /** Asks for a line, which the terminal shows as it is typed. */
  ask(question: string): Promise<string>
  /** Asks for a line that is not shown. */
  askSecret(question: string): Promise<string>
}

const BACKSPACE: readonly number[] = [0x08, 0x7f]
const LINE_END: readonly number[] = [0x0a, 0x0d]
const CONTROL_C = 0x03
const CONTROL_D = 0x04
const CONTROL_U = 0x15
const MAX_LINE_BYTES = 4096

/**
 * The terminal that `input` is; undefined if it is none. Questions go to `output`, so that they never get into a result.
 */
export function openTerminal(input: ReadStream, output: TextStream): Terminal | undefined {
  // A file or a pipe has no such member, whatever its type says.
  if ((input.isTTY as boolean | undefined) !== true) return undefined
  return {
    ask: (question) => {
      output.write(question)
      return readLine(input)
    },
    askSecret: async (question) => {
      // Before the question: who answers at once, as programs do, is not to see the answer either.
      input.setRawMode(true)
      try {
        output.write(question)
        return await readLine(input)
      } finally {
        input.setRawMode(false)
        output.write('\n')
      }
    },
  }
}

/** Reads up to the end of the line; what comes after it stays for the next question. */
function readLine(input: ReadStream): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const line: number[] = []
  const finish = (rest: Uint8Array): void => {
    input.off('data', read)
    input.off('end', end)
    input.pause()
    if (rest.length > 0) input.unshift(rest)
    resolve(Buffer.from(line).toString('utf8'))
  }
  const end = (): void => {
    finish(new Uint8Array())
  }
  const read = (chunk: Uint8Array): void => {
    for (const [index, byte] of chunk.entries()) {
      if (LINE_END.includes(byte) || byte === CONTROL_D) {
        finish(chunk.subarray(index + 1))
        return
      }
      if (byte === CONTROL_C) {
        input.setRawMode(false)
        process.kill(process.pid, 'SIGINT')
      } else if (byte === CONTROL_U) line.length = 0
      else if (BACKSPACE.includes(byte)) eraseCharacter(line)
      else if (line.length < MAX_LINE_BYTES) line.push(byte)
    }
  }
  input.on('data', read)
  input.once('end', end)
  input.resume()
  return promise
}

/** Takes the last character away, all bytes of it. Source: RFC 3629, section 3. */
function eraseCharacter(line: number[]): void {
  for (let byte = line.pop(); byte !== undefined; byte = line.pop()) {
    if ((byte & 0xc0) !== 0x80) return
  }
}
