import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { chanceryPath, runChancery } from '../support/chancery-process.ts'
import { runProgram, type Finished } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const demo = fileURLToPath(new URL('../../demo/run.ts', import.meta.url))
const namespace = component('network-namespace')
const tar = component('gnu-tar')

/** Runs a program where there is no network but a loopback interface. */
function runCutOff(directory: string, ...command: readonly string[]): Promise<Finished> {
  const script = 'ip link set lo up && exec "$@"'
  const args = ['--map-root-user', '--net', 'sh', '-c', script, 'sh', ...command]
  const env = { TMPDIR: directory, HOME: directory }
  return runProgram(namespace.path, args, { env, cwd: directory, timeoutMs: 600_000 })
}

describe('with the outside cut off', { skip: namespace.absent }, () => {
  it('the demo makes, signs and verifies its image', async () => {
    await using directory = await createTemporaryDirectory()
    const { code, stdout, stderr } = await runCutOff(directory.path, process.execPath, demo)
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /^ {2}Verified 127\.0\.0\.1:\d+\/demo\/app@sha256:[0-9a-f]{64}$/m)
  })

  it('there is no way to the outside: else the demo would prove nothing', async () => {
    await using directory = await createTemporaryDirectory()
    // An address for documentation, RFC 5737; only the routing table is asked.
    const { code, stderr } = await runCutOff(directory.path, 'ip', 'route', 'get', '192.0.2.1')
    assert.equal(code, 2)
    assert.match(stderr, /Network is unreachable/)
  })
})

describe(
  'without any network, not even a loopback interface',
  { skip: anyAbsent(namespace, tar) },
  () => {
    it('a saved, signed image is verified from its directory and from its archive', async () => {
      await using directory = await createTemporaryDirectory()
      const cwd = directory.path
      const env = { HOME: cwd, COSIGN_PASSWORD: '' }
      const registry = await startEmbeddedRegistry()
      try {
        const { byDigest } = await pushTestImage(`${registry.host}/team/app:1`)
        for (const args of [
          ['generate-key-pair'],
          ['sign', '--key', 'cosign.key', byDigest],
          ['save', '--dir', 'saved', byDigest],
        ]) {
          const { code, stderr } = await runChancery(args, { cwd, env })
          assert.equal(code, 0, stderr)
        }
      } finally {
        await registry[Symbol.asyncDispose]()
      }
      const packed = await runProgram(tar.path, ['-C', 'saved', '-cf', 'saved.tar', '.'], { cwd })
      assert.equal(packed.code, 0, packed.stderr)
      const runIsolated = (...command: readonly string[]): Promise<Finished> =>
        runProgram(namespace.path, ['--map-root-user', '--net', ...command], { env, cwd })
      const reached = await runIsolated('ip', 'route', 'get', '127.0.0.1')
      assert.notEqual(reached.code, 0, reached.stdout)
      const verify = [process.execPath, chanceryPath, 'verify', '--key', 'cosign.pub']
      for (const layout of ['saved', 'saved.tar']) {
        const verified = await runIsolated(...verify, '--all', '--local-image', layout)
        assert.equal(verified.code, 0, verified.stderr)
        assert.match(verified.stderr, /^Verified sha256:[0-9a-f]{64}$/m)
      }
    })
  },
)
