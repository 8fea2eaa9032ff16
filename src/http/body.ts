import { Type, type Static, type TObject, type TSchema } from 'typebox'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import { jsonBinder, textBinder, type JsonSchema } from './binding.ts'
import { formBinder, type BoundForm, type FormContract } from './form.ts'
import { parseMultipart } from './multipart.ts'

/** The kinds of body a route can read. */
export type Medium = 'json' | 'multipart' | 'urlencoded' | 'raw'

/** A body as it came: the bytes and the header that says what they are. */
export interface ReceivedBody {
  readonly medium: Medium
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** What a route reads. */
export interface BodyContract<Body> {
  /** Empty for a route without a body. */
  readonly media: ReadonlySet<Medium>
  /** Schemas by media type, for the OpenAPI document. */
  readonly content: Readonly<Record<string, JsonSchema>>
  readonly isOptional: boolean
  /** The largest body that is read; one with files may have whatever the server takes. */
  readonly maxBytes: number
  /**
   * @param received The body, or null where there is none.
   * @throws ChanceryError with status 400 if it is not what the contract says.
   */
  bind(received: ReceivedBody | null): Body
}

/** What is read member by member, while others wait: 2 MiB, as a file of 1 MiB in base64 needs. */
const MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
/** How many members, and how many elements of arrays, a document has at most: more than anything that a route asks for. */
const MAX_VALUES = 10_000
/** Texts without a file: fields and a reason. */
const MAX_LOOSE_BYTES = 256 * 1024

/** For routes that are read with GET. */
export const NO_BODY: BodyContract<undefined> = {
  media: new Set(),
  content: {},
  isOptional: true,
  maxBytes: MAX_LOOSE_BYTES,
  bind: () => undefined,
}

/** JSON by a schema, of at most 2 MiB unless another limit is given. */
export function jsonBody<Schema extends TSchema>(
  schema: Schema,
  maxBytes = MAX_DOCUMENT_BYTES,
): BodyContract<Static<Schema>> {
  const bind = jsonBinder(schema)
  return {
    media: new Set(['json'] as const),
    content: { 'application/json': schema },
    isOptional: false,
    maxBytes,
    bind: (received) => bind(parseDocument(required(received).bytes)),
  }
}

/** Flat members as JSON, as a form, or not at all: what a button of a page and a `curl -X POST` send alike. */
export function looseBody<Schema extends TObject>(
  schema: Schema,
  isOptional: boolean,
): BodyContract<Static<Schema>> {
  const bindJson = jsonBinder(schema)
  const bindTexts = textBinder(schema)
  const bindForm = formBinder({ fields: schema, files: {}, hasParameters: false })
  const content = schema as JsonSchema
  return {
    media: new Set(['json', 'multipart', 'urlencoded'] as const),
    content: {
      'application/json': content,
      'multipart/form-data': content,
      'application/x-www-form-urlencoded': content,
    },
    isOptional,
    maxBytes: MAX_LOOSE_BYTES,
    bind: (received) => {
      if (received === null || received.bytes.length === 0) {
        return isOptional ? bindJson({}) : bindJson(required(received))
      }
      switch (received.medium) {
        case 'multipart':
          return bindForm(parseMultipart(received.bytes, received.contentType)).fields
        case 'urlencoded':
          return bindTexts(parseUrlEncoded(received.bytes))
        case 'json':
        case 'raw':
          return bindJson(parseDocument(received.bytes))
      }
    },
  }
}

/** Routes that need no input but are called with POST: no body, or an empty object. */
export const EMPTY_BODY: BodyContract<object> = looseBody(Type.Object({}), true)

/** `multipart/form-data`. */
export function formBody<Fields extends TObject>(
  contract: FormContract<Fields>,
): BodyContract<BoundForm<Static<Fields>>> {
  const bind = formBinder(contract)
  return {
    media: new Set(['multipart'] as const),
    content: { 'multipart/form-data': formSchema(contract) },
    isOptional: false,
    maxBytes: Number.MAX_SAFE_INTEGER,
    bind: (received) => {
      const { bytes, contentType } = required(received)
      return bind(parseMultipart(bytes, contentType))
    },
  }
}

/** The bytes as they are, whatever the `Content-Type` says. */
export const RAW_BODY: BodyContract<Uint8Array> = {
  media: new Set(['raw'] as const),
  content: { 'application/octet-stream': { type: 'string', description: 'the bytes of the file' } },
  isOptional: false,
  maxBytes: Number.MAX_SAFE_INTEGER,
  bind: (received) => required(received).bytes,
}

function required(received: ReceivedBody | null): ReceivedBody {
  if (received !== null) return received
  throw new ChanceryError('ERR_HTTP_INVALID', 'expected a body, found none', { field: '' })
}

/** What is read and checked value by value, while others wait. */
function parseDocument(bytes: Uint8Array): unknown {
  return parseJson(bytes, { maxKeys: MAX_VALUES, maxElements: MAX_VALUES })
}

function formSchema(contract: FormContract<TObject>): JsonSchema {
  const fields = contract.fields as JsonSchema
  const files = Object.entries(contract.files)
  const requiredFiles = files.filter(([, need]) => need === 'required').map(([name]) => name)
  return {
    type: 'object',
    ...(contract.hasParameters
      ? { description: 'parameters.<name>: user-defined parameters' }
      : {}),
    required: [...(fields.required ?? []), ...requiredFiles],
    properties: {
      ...fields.properties,
      ...Object.fromEntries(
        files.map(([name]) => [name, { type: 'string', description: 'a file' }]),
      ),
    },
  }
}

function parseUrlEncoded(bytes: Uint8Array): Record<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(Buffer.from(bytes).toString('utf8'))) {
    if (fields.has(name)) {
      throw new ChanceryError('ERR_HTTP_INVALID', 'expected each form field once', {
        field: name.slice(0, 100),
      })
    }
    fields.set(name, value)
  }
  return Object.fromEntries(fields)
}

/** The medium of a `Content-Type`: everything that is neither JSON nor a form counts as raw bytes. */
export function mediumOf(contentType: string): Medium {
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon))
    .trim()
    .toLowerCase()
  switch (type) {
    case 'application/json':
    case 'text/json':
      return 'json'
    case 'multipart/form-data':
      return 'multipart'
    case 'application/x-www-form-urlencoded':
      return 'urlencoded'
    default:
      return 'raw'
  }
}
