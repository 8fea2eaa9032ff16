import { createContext, Script } from 'node:vm'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'

const DIALECT = 'https://json-schema.org/draft/2020-12/schema'
const MAX_STATEMENT_BYTES = 16 * 1024 * 1024
const MAX_KEYS = 1_000_000
/** Reading the policy, and judging one statement, may take so many milliseconds each. */
const TIME_LIMIT = 5000
const MAX_TOLD = 4
const MAX_SHOWN = 120

/** What would be ignored, or changes what the rest means, and is therefore not known here. */
const UNKNOWN = ['$async', 'nullable', 'contentEncoding', 'contentMediaType', 'contentSchema']

/**
 * A JSON Schema, draft 2020-12, of in-toto statements. What could silently check nothing is refused: words that are not
 * of the draft, formats, references out of the document, `properties` without `type`, a policy that accepts `{}`.
 *
 * Nothing is fetched. A schema or pattern that would take forever ends with the time limit, which never accepts.
 * Source: JSON Schema, draft 2020-12, core and validation.
 */
export class AttestationPolicy {
  readonly #name: string
  readonly #validate: ValidateFunction

  /**
   * @param schema A value as `parseJson` gives it.
   * @param name What the policy is called in messages.
   * @throws ChanceryError ERR_VERIFY_POLICY if it is no schema that can judge.
   */
  constructor(schema: unknown, name: string) {
    this.#name = name
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw this.#refuse('expected a JSON Schema that is an object')
    }
    this.#requireSelfContained(schema)
    this.#validate = this.#inTime(() => this.#compile(schema))
    if (this.#accepts({})) {
      throw this.#refuse('expected something to be required, found that {} is accepted', [
        'JSON Schema asks only for what "required" lists: say "required": ["predicate"], and the same further in.',
      ])
    }
  }

  /**
   * Judges a statement.
   *
   * @param payload Its bytes, as they were signed; at most 16 MiB.
   * @throws ChanceryError ERR_VERIFY_PREDICATE if it does not satisfy the policy.
   * @throws ChanceryError ERR_FORMAT_JSON if it is no JSON.
   * @throws ChanceryError ERR_VERIFY_POLICY if judging takes more than 5 seconds, or more memory than there is.
   */
  judge(payload: Uint8Array): void {
    const statement = parseJson(payload, { maxBytes: MAX_STATEMENT_BYTES, maxKeys: MAX_KEYS })
    if (this.#accepts(statement)) return
    const told = (this.#validate.errors ?? []).slice(-MAX_TOLD).reverse().map(describe)
    throw new ChanceryError(
      'ERR_VERIFY_PREDICATE',
      `${this.#name}: ${told.length === 0 ? 'expected another statement' : told.join('; ')}`,
    )
  }

  /** A promise, which is what some schemas would give, is no yes. */
  #accepts(statement: unknown): boolean {
    const verdict: unknown = this.#inTime(() => this.#validate(statement))
    return verdict === true
  }

  #compile(schema: object): ValidateFunction {
    const ajv = new Ajv2020({
      strict: true,
      // What is required may be described elsewhere, or not at all.
      strictRequired: false,
      allowUnionTypes: true,
      // Else every statement would have a member "constructor".
      ownProperties: true,
      verbose: true,
      logger: false,
      addUsedSchema: false,
    })
    for (const word of UNKNOWN) ajv.removeKeyword(word)
    return ajv.compile(schema)
  }

  /** Refuses references to what is not in the document, and other dialects, wherever they are. */
  #requireSelfContained(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    for (const [name, member] of Object.entries(value)) {
      if (typeof member === 'string') this.#requireOwn(name, member)
      else this.#requireSelfContained(member)
    }
  }

  #requireOwn(name: string, text: string): void {
    if (name === '$schema' && text.replace(/#$/, '') !== DIALECT) {
      throw this.#refuse(`expected "$schema" to be ${DIALECT}, found ${show(text)}`)
    }
    if ((name === '$ref' || name === '$dynamicRef') && !text.startsWith('#')) {
      throw this.#refuse(`expected "${name}" into the same document (#...), found ${show(text)}`, [
        'Nothing is fetched: put what is referred to under "$defs".',
      ])
    }
  }

  /** The timer of a script is the one that also stops regular expressions. */
  #inTime<Result>(run: () => Result): Result {
    let result: Result | undefined
    const context = createContext({ run: () => void (result = run()) })
    try {
      new Script('run()').runInContext(context, { timeout: TIME_LIMIT })
    } catch (cause) {
      // Not asked whether it is an Error: the one that ends a script comes from another realm.
      const { code, message } = cause as NodeJS.ErrnoException
      const isLate = code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
      throw this.#refuse(
        isLate
          ? `expected to be done within ${TIME_LIMIT} ms, found that it takes longer`
          : `expected a JSON Schema (draft 2020-12) without anything unknown, found: ${cut(message)}`,
        isLate ? ['Patterns with repetitions inside of repetitions take forever.'] : [],
        cause,
      )
    }
    return result as Result
  }

  #refuse(message: string, hints: readonly string[] = [], cause?: unknown): ChanceryError {
    return new ChanceryError('ERR_VERIFY_POLICY', `${this.#name}: ${message}`, { hints, cause })
  }
}

function describe({
  instancePath,
  message = '',
  keyword,
  schema,
  data,
  params,
}: ErrorObject): string {
  const place = instancePath === '' ? 'the statement' : show(instancePath)
  const wanted = message.replace(/^must /, '')
  const isValue = keyword === 'const' || keyword === 'enum'
  const added: unknown = params['additionalProperty'] ?? params['unevaluatedProperty']
  const detail = isValue ? ` ${showAll(schema)}` : added === undefined ? '' : ` (${show(added)})`
  return `expected ${place} to ${wanted}${detail}, found ${show(data)}`
}

function showAll(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, 10).map(show).join(', ') : show(value)
}

/** A value in a few words, for people; what is signed may hold anything. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) {
    const names = Object.keys(value)
    const shown = names.slice(0, 5).map((name) => show(name.slice(0, 40)))
    return `an object with ${names.length === 0 ? 'nothing' : shown.join(', ')}${names.length > 5 ? ', ...' : ''}`
  }
  return cut(JSON.stringify(typeof value === 'string' ? value.slice(0, MAX_SHOWN + 1) : value))
}

function cut(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?')
  return plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN)}...` : plain
}
