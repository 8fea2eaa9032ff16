import assert from 'node:assert/strict'
import { lstat, readFile, stat, symlink } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { OWNER_ONLY, writeSecretFile, writeUserFile } from '../../src/cli/local-files.ts'
import { anyAbsent, component } from '../support/components.ts'
import { bash } from '../support/shell.ts'
import { chanceryPath } from '../support/chancery-process.ts'
import { openWorkshop } from '../support/workshop.ts'

const mkfifo = component('mkfifo')

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('a file that is written', { skip: anyAbsent(mkfifo, bash) }, () => {
  it('goes through a pipe, also behind a link, and leaves both there', async () => {
    await using workshop = await openWorkshop()
    const [pipe, link] = [workshop.path('pipe'), workshop.path('link')]
    await workshop.must(mkfifo, pipe)
    await symlink(pipe, link)
    for (const path of [pipe, link]) {
      const [read] = await Promise.all([
        readFile(pipe, 'utf8'),
        writeUserFile(path, bytes('signature'), OWNER_ONLY),
      ])
      assert.equal(read, 'signature')
    }
    assert.ok((await lstat(pipe)).isFIFO())
    assert.ok((await lstat(link)).isSymbolicLink())
  })

  it('is no pipe and no device where it is a secret', async () => {
    await using workshop = await openWorkshop()
    const pipe = workshop.path('pipe')
    await workshop.must(mkfifo, pipe)
    await assert.rejects(writeSecretFile(pipe, bytes('key')), {
      code: 'ERR_CLI_FILE',
      message: `expected to write ${pipe}, found a pipe or a device`,
    })
    assert.ok((await lstat(pipe)).isFIFO())
  })

  it('replaces another one, and a link, but not what the link names', async () => {
    await using workshop = await openWorkshop()
    const [file, link] = [workshop.path('file'), workshop.path('link')]
    await writeUserFile(file, bytes('one'))
    await symlink(file, link)
    await writeUserFile(link, bytes('two'))
    await writeUserFile(file, bytes('three'))
    assert.deepEqual([await readFile(link, 'utf8'), await readFile(file, 'utf8')], ['two', 'three'])
  })

  it('may be the standard output, a descriptor or a device, none of which is replaced', async () => {
    await using workshop = await openWorkshop()
    const made = await workshop.chancery(['generate-key-pair'])
    assert.equal(made.code, 0, made.stderr)
    const pem = await readFile(workshop.path('cosign.pub'), 'utf8')
    // A pipe, a file that already has something in it, a descriptor; and a disk that is full.
    const script = `
      set -e
      print() { "$1" "$2" public-key --key cosign.key --outfile "$3" 2> /dev/null; }
      print "$1" "$2" /dev/stdout | cat
      { echo before; print "$1" "$2" /dev/stdout; echo after; } >> out
      print "$1" "$2" >(cat > substituted)
      print "$1" "$2" /dev/null
      code=0; print "$1" "$2" /dev/full || code=$?
      echo "$code"; wait $!`
    const args = ['-c', script, 'bash', process.execPath, chanceryPath]
    const { stdout } = await workshop.must(bash, ...args)
    assert.equal(stdout, `${pem}2\n`)
    assert.equal(await readFile(workshop.path('out'), 'utf8'), `before\n${pem}`.concat('after\n'))
    assert.equal(await readFile(workshop.path('substituted'), 'utf8'), pem)
    assert.ok((await lstat('/dev/stdout')).isSymbolicLink())
    for (const device of ['/dev/null', '/dev/full']) {
      assert.ok((await stat(device)).isCharacterDevice())
    }
  })
})

describe('a key that signs', () => {
  const image = `registry.example/app@sha256:${'0'.repeat(64)}`
  const sign = ['sign', '--key', 'cosign.key', '--no-publish', image]
  const attest = ['attest', '--key', 'cosign.key', '--no-publish', '--predicate', 'p.json', image]
  const calls: readonly (readonly [args: readonly string[], output: string])[] = [
    [['public-key', '--key', 'cosign.key'], '--outfile'],
    [sign, '--output-signature'],
    [sign, '--output-payload'],
    [sign, '--bundle'],
    [attest, '--output-attestation'],
  ]
  for (const [[command = '', ...args], output] of calls) {
    it(`is not overwritten by ${command} ${output}`, async () => {
      await using workshop = await openWorkshop()
      assert.equal((await workshop.chancery(['generate-key-pair'])).code, 0)
      const before = await readFile(workshop.path('cosign.key'))
      await symlink('cosign.key', workshop.path('link.key'))
      for (const path of ['cosign.key', './cosign.key', 'link.key']) {
        const { code, stderr } = await workshop.chancery([command, output, path, ...args])
        assert.equal(code, 2, stderr)
        assert.match(stderr, /expected another file to write to than/)
        assert.deepEqual(await readFile(workshop.path('cosign.key')), before)
      }
    })
  }

  it('has files of their own for a signature, its payload and its bundle', async () => {
    await using workshop = await openWorkshop()
    assert.equal((await workshop.chancery(['generate-key-pair'])).code, 0)
    const same = ['--output-signature', 'x', '--output-payload', './x']
    const { code, stderr } = await workshop.chancery([...sign, ...same])
    assert.equal(code, 2, stderr)
    assert.match(stderr, /expected another file to write to than x, which is .\/x/)
  })
})
