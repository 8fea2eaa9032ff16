import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProgram, type Finished } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const demo = fileURLToPath(new URL('../../demo/run.ts', import.meta.url))
const namespace = component('network-namespace')

/** Runs a program where there is no network but a loopback interface. */
function runCutOff(directory: string, ...command: readonly string[]): Promise<Finished> {
  const script = 'ip link set lo up && exec "$@"'
  const args = ['--map-root-user', '--net', 'sh', '-c', script, 'sh', ...command]
  const env = { TMPDIR: directory, HOME: directory }
  return runProgram(namespace.path, args, { env, cwd: directory, timeoutMs: 300_000 })
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
