import Fastify from 'fastify'

/*
 * An HTTP server that does nothing: the same framework with the same options as ours, a handler that answers `{}`.
 * It prints where it listens, and at GET /metrics how much of the processor it took.
 */

const app = Fastify({
  logger: false,
  bodyLimit: 64 * 1024 * 1024,
  connectionTimeout: 120_000,
  requestTimeout: 300_000,
  keepAliveTimeout: 72_000,
  http: { maxHeaderSize: 16 * 1024, headersTimeout: 15_000, connectionsCheckingInterval: 5000 },
  routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 200 },
})
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
  done(null, body)
})
app.post('/Api/v1/:organizationId/SigningRequests/:operation', (_request, reply) => {
  reply.code(201).type('application/json; charset=utf-8').send('{}')
})
app.get('/metrics', (_request, reply) => {
  const { user, system } = process.cpuUsage()
  reply.type('text/plain').send(`process_cpu_seconds_total ${(user + system) / 1e6}\n`)
})
process.stdout.write(`Listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
