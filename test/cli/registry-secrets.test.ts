import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it } from 'node:test'
import { startHostileServer } from '../registry/hostile-server.ts'
import { runChancery } from '../support/chancery-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

it('a password for one registry goes to no other', async () => {
  await using directory = await createTemporaryDirectory()
  const start = () =>
    startHostileServer((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    })
  await using one = await start()
  await using other = await start()
  const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
  const run = (...args: readonly string[]) => runChancery(args, { cwd: directory.path, env })
  assert.equal((await run('generate-key-pair')).code, 0)
  const key = (name: string) => ['--key', join(directory.path, name)]
  const images = [`${one.host}/app:1`, `${other.host}/app:1`]
  for (const command of [
    ['verify', ...key('cosign.pub')],
    ['verify-attestation', '--type=custom', ...key('cosign.pub')],
    ['sign', ...key('cosign.key')],
    ['attest', '--predicate=cosign.pub', ...key('cosign.key')],
  ]) {
    for (const secret of [
      ['--registry-token=secret'],
      ['--registry-username=user', '--registry-password=secret'],
    ]) {
      const { code, stderr } = await run(...command, ...secret, ...images)
      assert.equal(code, 2, stderr)
      assert.match(stderr, /expected images of one registry/)
      assert.doesNotMatch(stderr, /secret/)
    }
  }
  assert.equal(one.seen.length + other.seen.length, 0)
  const [image = ''] = images
  await run('verify', ...key('cosign.pub'), '--registry-token=secret', image, image)
  assert.ok(one.seen.some(({ headers }) => headers.authorization === 'Bearer secret'))
})
