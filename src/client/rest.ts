import { randomBytes } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { DownloadedFile } from './contract.ts'
import { encodeForm, type FormPart } from './multipart.ts'
import { readJson, type Answer, type Transport } from './transport.ts'

/** What a query parameter may be; `undefined` leaves it out. */
export type QueryValue = string | number | boolean | undefined

/** Joins path segments, each percent-encoded so that none can leave its place. */
export function pathOf(segments: readonly string[]): string {
  for (const segment of segments) {
    // These survive percent-encoding and would be resolved by `fetch`.
    if (segment === '' || segment === '.' || segment === '..') {
      throw new ChanceryError('ERR_CLIENT_INVALID', `expected a name or an id, found "${segment}"`)
    }
  }
  return `/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`
}

/** Members that an answer must have. */
export interface Shape<T extends object> {
  readonly members: readonly (keyof T & string)[]
}

/** Names the members of `T` that its users cannot do without. */
export function shape<T extends object>(...members: readonly (keyof T & string)[]): Shape<T> {
  return { members }
}

/** `?name=value&…`, or nothing where no value is defined. */
export function encodeQuery(query: Readonly<Record<string, QueryValue>>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}

/**
 * The object of an answer. The members of the shape are looked for, the others trusted: the server has a contract.
 *
 * @throws ChanceryError ERR_CLIENT_RESPONSE if the answer is no JSON object or lacks one of them.
 */
export function readObject<T extends object>(answer: Answer, shape: Shape<T>): T {
  return checkObject(readJson(answer), shape)
}

/**
 * The array of an answer, in its member `name`; see {@link readObject} for the elements.
 *
 * @throws ChanceryError ERR_CLIENT_RESPONSE if the answer is no JSON object with an array of such objects.
 */
export function readList<T extends object>(
  answer: Answer,
  name: string,
  shape: Shape<T>,
): readonly T[] {
  const { [name]: list } = readObject<Record<string, unknown>>(answer, { members: [name] })
  if (!Array.isArray(list)) throw unexpected(`an array "${name}"`)
  return list.map((element) => checkObject(element, shape))
}

function checkObject<T extends object>(value: unknown, shape: Shape<T>): T {
  if (typeof value !== 'object' || value === null) throw unexpected('an object')
  for (const member of shape.members) {
    if (!Object.hasOwn(value, member)) throw unexpected(`"${member}"`)
  }
  return value as T
}

function unexpected(expected: string): ChanceryError {
  return new ChanceryError('ERR_CLIENT_RESPONSE', `expected ${expected} in the server's answer`, {
    hints: ['Check that the URL is that of a Chancery server of this version.'],
  })
}

/** The verbs of the API over a transport, and the paths of one organization. */
export class Rest {
  readonly #transport: Transport
  readonly #organizationId: string

  constructor(transport: Transport, organizationId: string) {
    this.#transport = transport
    this.#organizationId = organizationId
  }

  /** The path of something in the organization. */
  path(...segments: readonly string[]): string {
    return pathOf(['Api', 'v1', this.#organizationId, ...segments])
  }

  get(path: string): Promise<Answer> {
    return this.#transport.send({ method: 'GET', path, accept: 'application/json' })
  }

  /** A file of any media type. */
  async download(path: string): Promise<DownloadedFile> {
    const answer = await this.#transport.send({ method: 'GET', path, accept: '*/*' })
    return { fileName: answer.fileName, bytes: answer.bytes }
  }

  /** @param idempotencyKey Makes the call safe to repeat. */
  post(path: string, body?: unknown, idempotencyKey?: string): Promise<Answer> {
    const bytes = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body))
    return this.#transport.send({
      method: 'POST',
      path,
      accept: 'application/json',
      body: bytes === undefined ? undefined : { contentType: 'application/json', bytes },
      idempotencyKey,
    })
  }

  /** @param idempotencyKey Makes the call safe to repeat. */
  postForm(path: string, parts: readonly FormPart[], idempotencyKey?: string): Promise<Answer> {
    const body = encodeForm(parts, randomBytes(16))
    return this.#transport.send({
      method: 'POST',
      path,
      accept: 'application/json',
      body,
      idempotencyKey,
    })
  }
}
