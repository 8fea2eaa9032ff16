import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProgram, startProgram, type Finished } from '../support/child-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const demo = fileURLToPath(new URL('../../demo/run.ts', import.meta.url))

function runDemo(directory: string, ...args: string[]): Promise<Finished> {
  const env = { TMPDIR: directory, HOME: directory }
  // It is to take less than a minute; a machine that is busy with other tests says nothing about that.
  return runProgram(process.execPath, [demo, ...args], { env, cwd: directory, timeoutMs: 600_000 })
}

describe('npm run demo', () => {
  it('goes from nothing to a verified image, and leaves nothing behind', async () => {
    await using directory = await createTemporaryDirectory()
    const { code, stdout, stderr } = await runDemo(directory.path)
    assert.equal(code, 0, stdout + stderr)
    const told = [
      /^\$ chancery init /m,
      /^\$ chancery serve /m,
      /^\$ chancery apply -f chancery\.yaml/m,
      /^\$ chancery generate 127\.0\.0\.1:\d+\/demo\/app:1\.0 > payload\.json/m,
      /^\$ chancery submit payload\.json /m,
      /^\$ unzip -n payload\.json\.signed\.zip && base64 payload\.json\.sig > payload\.json\.base64\.sig/m,
      /^\$ chancery attach signature --payload payload\.json --signature payload\.json\.base64\.sig /m,
      /^\$ chancery sign 127\.0\.0\.1:\d+\/demo\/app:1\.0 --project/m,
      /^ {2}already signed \(legacy\): /m,
      /^ {2}attached: \S+, as a bundle \(a referrer\)$/m,
      /^ {2}Verified 127\.0\.0\.1:\d+\/demo\/app@sha256:/m,
      /SigningRequest\.Signed/,
      /events, unbroken up to/,
      /Where to look next/,
    ]
    let from = 0
    for (const pattern of told) {
      const found = stdout.slice(from).search(pattern)
      assert.notEqual(found, -1, `${pattern} is not told, or too early`)
      from += found
    }
    assert.deepEqual(await readdir(directory.path), [])
  })

  it('leaves nothing behind when it is interrupted', async () => {
    await using directory = await createTemporaryDirectory()
    const env = { ...process.env, TMPDIR: directory.path, HOME: directory.path }
    const options = { env, cwd: directory.path }
    const { program } = await startProgram(process.execPath, [demo], /chancery apply/, options)
    await program.stop('SIGTERM')
    assert.equal(program.child.exitCode, 1)
    assert.match(program.output(), /error: interrupted by SIGTERM/)
    assert.deepEqual(await readdir(directory.path), [])
  })

  it('exits 2 for arguments it does not know, with its usage', async () => {
    await using directory = await createTemporaryDirectory()
    for (const args of [['--image'], ['--imgae', 'x'], ['x']]) {
      const { code, stdout, stderr } = await runDemo(directory.path, ...args)
      assert.deepEqual([code, stdout], [2, ''], args.join(' '))
      assert.match(stderr, /^error: .*\n\nUSAGE\n/)
    }
  })
})
