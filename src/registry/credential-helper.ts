import { spawn } from 'node:child_process'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import type { RegistryCredentials } from './credentials.ts'

/** Variables of an environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

const TIMEOUT_MS = 30_000
/** To read what a helper said before it ended. */
const LAST_WORDS_MS = 1000
const MAX_OUTPUT_BYTES = 64 * 1024
/** What a helper prints when it has no entry. Source: docker-credential-helpers, credentials/error.go. */
const NOT_FOUND = 'credentials not found in native keychain'
/** The user name that says that the secret is an identity token. */
const TOKEN_USER = '<token>'

/**
 * Asks a docker credential helper: runs `docker-credential-<name> get` without a shell, with the registry on its
 * standard input, at most 30 seconds long.
 *
 * Source: docker-credential-helpers, README, "Development".
 *
 * @param name What `credsStore` or `credHelpers` says, e.g. `ecr-login`.
 * @returns undefined if the helper knows of no credentials.
 * @throws ChanceryError ERR_REGISTRY_CREDENTIALS if there is no such helper, it fails, or its answer cannot be read.
 */
export async function runCredentialHelper(
  name: string,
  registry: string,
  environment: Environment,
): Promise<RegistryCredentials | undefined> {
  // A name with a slash would run a program from a place of the file's choosing.
  if (!/^[\w.-]{1,100}$/.test(name)) throw failed(name, 'its name is not one of a helper')
  const run = await runProgram(`docker-credential-${name}`, registry, environment).catch(
    (cause: unknown) => {
      throw failed(name, 'it cannot be run; is it in the PATH?', cause)
    },
  )
  if (run.isCutOff) throw failed(name, `it did not finish within ${TIMEOUT_MS / 1000} s and 64 KiB`)
  if (run.exitCode !== 0) {
    if (run.output.trim() === NOT_FOUND) return undefined
    throw failed(name, `it ended with exit code ${run.exitCode ?? 'of a signal'}`)
  }
  let answer: unknown
  try {
    answer = parseJson(run.output)
  } catch (cause) {
    throw failed(name, 'its answer is not JSON', cause)
  }
  return readAnswer(name, answer)
}

function readAnswer(name: string, answer: unknown): RegistryCredentials | undefined {
  const { Username: username, Secret: secret } = (answer ?? {}) as Record<string, unknown>
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw failed(name, 'expected an answer with "Username" and "Secret"')
  }
  // Some helpers answer with empty strings where they know nothing.
  if (username === '' && secret === '') return undefined
  if (username === TOKEN_USER) return { kind: 'identity-token', token: secret }
  return { kind: 'password', username, password: secret }
}

interface Run {
  readonly exitCode: number | null
  readonly output: string
  readonly isCutOff: boolean
}

function runProgram(program: string, input: string, environment: Environment): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
    const pieces: Uint8Array[] = []
    let length = 0
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    // A helper may end without reading its input.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.stdout.on('data', (piece: Uint8Array) => {
      length += piece.length
      if (length > MAX_OUTPUT_BYTES) child.kill('SIGKILL')
      else pieces.push(piece)
    })
    // What a helper started may hold its output open: an agent that goes on. All that the helper said is there by now.
    let lastWords: NodeJS.Timeout | undefined
    child.once('exit', (_exitCode, signal) => {
      lastWords = setTimeout(() => child.stdout.destroy(), signal === null ? LAST_WORDS_MS : 0)
    })
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer)
      clearTimeout(lastWords)
      const output = Buffer.concat(pieces).toString('utf8')
      // One that said too much may have ended before it could be killed.
      resolve({ exitCode, output, isCutOff: signal === 'SIGKILL' || length > MAX_OUTPUT_BYTES })
    })
  })
}

function failed(name: string, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_CREDENTIALS',
    `the credential helper docker-credential-${name} gave no credentials: ${reason}`,
    { cause, hints: ['Run it by hand, or correct the docker configuration that names it.'] },
  )
}
