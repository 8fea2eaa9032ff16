import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Download } from '../signing/signing-service.ts'
import type { JsonSchema } from './binding.ts'
import { contentDisposition } from './download.ts'
import type { Links } from './links.ts'

/** What a route answers when all is well. */
export interface AnswerContract<Result> {
  readonly status: number
  readonly description: string
  /** The media type and its schema; null for an answer without a body. */
  readonly content: { readonly mediaType: string; readonly schema: JsonSchema } | null
  readonly hasLocation: boolean
  /** @param params The path's parameters. */
  send(
    reply: FastifyReply,
    result: Result,
    links: Links,
    params: Readonly<Record<string, string>>,
  ): void | Promise<void>
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** A JSON document with status 200, or another. */
export function json<Schema extends TSchema>(
  schema: Schema,
  description = 'as the schema says',
  status = 200,
): AnswerContract<Static<Schema>> {
  return {
    status,
    description,
    content: { mediaType: 'application/json', schema },
    hasLocation: false,
    send: (reply, result) => {
      reply.code(status).type(JSON_TYPE).send(JSON.stringify(result))
    },
  }
}

/**
 * A JSON document about a new thing, and where it is.
 *
 * @param location Its path below the organization; `{name}` stands for a member of the document or a parameter of
 *   the path.
 */
export function created<Schema extends TSchema>(
  schema: Schema,
  location: string,
  status = 201,
): AnswerContract<Static<Schema>> {
  // Between the names, which are in odd places, the text of the path.
  const pieces = location.split(/\{(\w+)\}/)
  return {
    status,
    description: 'created; `Location` is its absolute address',
    content: { mediaType: 'application/json', schema },
    hasLocation: true,
    send: (reply, result, links, params) => {
      reply
        .code(status)
        .header('location', links.to(fill(pieces, result, params)))
        .type(JSON_TYPE)
        .send(JSON.stringify(result))
    },
  }
}

function fill(
  pieces: readonly string[],
  result: object,
  params: Readonly<Record<string, string>>,
): string {
  const filled = pieces.map((piece, index) => {
    if (index % 2 === 0) return piece
    const value = (result as Readonly<Record<string, unknown>>)[piece] ?? params[piece]
    return typeof value === 'string' ? encodeURIComponent(value) : ''
  })
  return filled.join('')
}

/** Done, and nothing to say. */
export const NO_CONTENT: AnswerContract<void> = {
  status: 204,
  description: 'done',
  content: null,
  hasLocation: false,
  send: (reply) => {
    reply.code(204).send()
  },
}

/** A file with its name. */
export const FILE: AnswerContract<Download> = {
  status: 200,
  description: 'the bytes; `Content-Disposition` has the file name',
  content: { mediaType: 'application/octet-stream', schema: { type: 'string' } },
  hasLocation: false,
  send: (reply, { fileName, mediaType, bytes }) => {
    reply
      .type(mediaType)
      .header('content-disposition', contentDisposition(fileName))
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  },
}

/** A text of one media type. */
export function text(mediaType: string): AnswerContract<string> {
  return {
    status: 200,
    description: 'text',
    content: { mediaType, schema: { type: 'string' } },
    hasLocation: false,
    send: (reply, result) => {
      reply.type(mediaType).send(result)
    },
  }
}

/** A text of any length, sent as it comes. */
export interface TextStream {
  readonly mediaType: string
  readonly fileName: string
  readonly pieces: AsyncIterable<string>
}

/** The media type is the caller's choice; the first is the default. */
export const TEXT_STREAM: AnswerContract<TextStream> = {
  status: 200,
  description: 'text in pieces; a connection that ends early means that not everything was sent',
  content: { mediaType: 'application/jsonl', schema: { type: 'string' } },
  hasLocation: false,
  send: async (reply, { mediaType, fileName, pieces }) => {
    const iterator = pieces[Symbol.asyncIterator]()
    // A refusal shows at the first piece, while the status can still say so.
    const first = await iterator.next()
    reply
      .type(mediaType)
      .header('content-disposition', contentDisposition(fileName))
      .send(Readable.from(withFirst(first, iterator)))
  },
}

async function* withFirst(
  first: IteratorResult<string>,
  iterator: AsyncIterator<string>,
): AsyncGenerator<string> {
  try {
    for (let step = first; step.done !== true; step = await iterator.next()) yield step.value
  } finally {
    await iterator.return?.()
  }
}
