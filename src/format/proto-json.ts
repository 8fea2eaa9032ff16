import { ChanceryError } from '../errors/chancery-error.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { decodeBase64 } from './base64.ts'

/**
 * One object of a document in the JSON form of Protocol Buffers: names in lowerCamelCase, 64-bit integers as strings,
 * bytes in standard base64. A member that is null counts as absent, as do texts and lists that are empty; a member that
 * is not declared is refused.
 *
 * Every method throws ChanceryError with the code of the document, naming the member, if it is not what is asked for.
 * Source: protobuf.dev, "ProtoJSON Format".
 */
export class ProtoJsonObject {
  readonly #members: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #code: ErrorCode

  /**
   * @param value What `parseJson` returned, or a part of it.
   * @param path The dotted names that lead to it; `$` for the document.
   * @param names All members the object may have.
   */
  constructor(value: unknown, path: string, code: ErrorCode, names: readonly string[]) {
    this.#path = path
    this.#code = code
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.#refused(path, 'an object')
    }
    this.#members = value as Readonly<Record<string, unknown>>
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) {
        throw this.#refused(path, `no members but ${names.map((one) => `"${one}"`).join(', ')}`)
      }
    }
  }

  /** Whether the member is there, and neither null nor an empty text or list. */
  has(name: string): boolean {
    const value = this.#own(name)
    return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)
  }

  /** The one of these members that is there. */
  oneOf<Name extends string>(...names: readonly Name[]): Name {
    const found = names.filter((name) => this.#own(name) !== undefined)
    const [only] = found
    if (only === undefined || found.length > 1) {
      throw this.#refused(this.#path, `exactly one of ${names.map((one) => `"${one}"`).join(', ')}`)
    }
    return only
  }

  /** A text of 1 to `maximum` UTF-16 units. */
  text(name: string, maximum = 1024): string {
    const value = this.#own(name)
    if (typeof value !== 'string' || value === '' || value.length > maximum) {
      throw this.#refused(this.#at(name), `a text of 1 to ${maximum} characters`)
    }
    return value
  }

  /** Like {@link text}, or undefined where there is none. */
  optionalText(name: string, maximum = 1024): string | undefined {
    return this.has(name) ? this.text(name, maximum) : undefined
  }

  /** Bytes, at least one and at most `maximum`. */
  bytes(name: string, maximum: number): Uint8Array {
    return this.#decode(this.#own(name), this.#at(name), maximum)
  }

  /** A list of bytes, empty where it is absent. */
  bytesList(name: string, maximumLength: number, maximum: number): readonly Uint8Array[] {
    return this.#list(name, maximumLength).map((value, index) =>
      this.#decode(value, `${this.#at(name)}[${index}]`, maximum),
    )
  }

  /** A 64-bit integer from 0 to 2^53 - 1, written as a text in its shortest form. */
  integer(name: string): number {
    const value = this.#own(name)
    const number = typeof value === 'string' && /^(?:0|[1-9]\d{0,15})$/.test(value) ? +value : NaN
    if (!Number.isSafeInteger(number)) {
      throw this.#refused(this.#at(name), 'an integer from 0 to 2^53 - 1 as a text')
    }
    return number
  }

  /** Like {@link integer}, or 0 where it is absent, as the default of the format is. */
  integerOrZero(name: string): number {
    return this.#own(name) === undefined ? 0 : this.integer(name)
  }

  /** A time in RFC 3339, in Z; digits beyond milliseconds are cut off. */
  time(name: string): Date {
    const text = this.text(name, 40)
    const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text)
    const iso = `${match?.[1] ?? ''}.${(match?.[2] ?? '').slice(0, 3).padEnd(3, '0')}Z`
    const time = new Date(iso)
    // The comparison refuses days such as 31 February, which Date would move.
    if (match === null || Number.isNaN(time.getTime()) || time.toISOString() !== iso) {
      throw this.#refused(this.#at(name), 'a time such as 2026-12-31T23:59:59Z')
    }
    return time
  }

  /** An object with no members but `names`. */
  object(name: string, ...names: readonly string[]): ProtoJsonObject {
    return new ProtoJsonObject(this.#own(name), this.#at(name), this.#code, names)
  }

  /** Like {@link object}, or undefined where it is absent. */
  optionalObject(name: string, ...names: readonly string[]): ProtoJsonObject | undefined {
    return this.#own(name) === undefined ? undefined : this.object(name, ...names)
  }

  /** An object with any members, as it was parsed, or undefined where it is absent. */
  openObject(name: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.#own(name)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw this.#refused(this.#at(name), 'an object')
    }
    return value as Readonly<Record<string, unknown>>
  }

  /** A list of objects, empty where it is absent. */
  objects(
    name: string,
    maximumLength: number,
    ...names: readonly string[]
  ): readonly ProtoJsonObject[] {
    return this.#list(name, maximumLength).map(
      (value, index) =>
        new ProtoJsonObject(value, `${this.#at(name)}[${index}]`, this.#code, names),
    )
  }

  /** The error of a member that has the right type and a wrong value. */
  refuse(name: string, expected: string): ChanceryError {
    return this.#refused(this.#at(name), expected)
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? (this.#members[name] ?? undefined) : undefined
  }

  #list(name: string, maximumLength: number): readonly unknown[] {
    const value = this.#own(name) ?? []
    if (!Array.isArray(value) || value.length > maximumLength) {
      throw this.#refused(this.#at(name), `a list of at most ${maximumLength}`)
    }
    return value
  }

  #decode(value: unknown, path: string, maximum: number): Uint8Array {
    const text = typeof value === 'string' ? value : ''
    if (text === '' || text.length > Math.ceil(maximum / 3) * 4) {
      throw this.#refused(path, `1 to ${maximum} bytes in base64`)
    }
    try {
      return decodeBase64(text)
    } catch (cause) {
      throw this.#refused(path, 'standard base64, padded', cause)
    }
  }

  #at(name: string): string {
    return this.#path === '$' ? name : `${this.#path}.${name}`
  }

  #refused(path: string, expected: string, cause?: unknown): ChanceryError {
    const where = path === '$' ? '' : ` at ${path}`
    return new ChanceryError(this.#code, `expected ${expected}${where}`, {
      ...(path === '$' ? {} : { field: path }),
      cause,
    })
  }
}
