import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { chanceryPath, runChancery } from '../support/chancery-process.ts'
import { runProgram, type RunOptions } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

async function prepare() {
  const directory = await createTemporaryDirectory()
  const path = (name: string): string => join(directory.path, name)
  return {
    cwd: directory.path,
    path,
    read: (name: string) => readFile(path(name), 'utf8'),
    run: (args: readonly string[], options: RunOptions = {}) =>
      runChancery(args, {
        cwd: directory.path,
        ...options,
        env: { HOME: directory.path, COSIGN_PASSWORD: 'secret words', ...options.env },
      }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

const piped = { env: { COSIGN_PASSWORD: undefined } }

describe('chancery generate-key-pair', () => {
  it('writes an encrypted key that its owner alone may read, and its public key', async () => {
    await using keys = await prepare()
    const made = await keys.run(['generate-key-pair', '--json'])
    assert.equal(made.code, 0, made.stderr)
    assert.doesNotMatch(made.stdout + made.stderr, /secret words/)
    assert.equal((await stat(keys.path('cosign.key'))).mode & 0o777, 0o600)
    assert.match(await keys.read('cosign.key'), /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----/)
    const shown = await keys.run(['public-key', '--key', 'cosign.key'])
    assert.equal(shown.stdout, await keys.read('cosign.pub'))
    const { fingerprint } = JSON.parse(made.stdout) as { fingerprint: string }
    const described = await keys.run(['public-key', '--key', 'cosign.pub', '--json'])
    assert.deepEqual(JSON.parse(described.stdout), {
      algorithm: 'ecdsa-p256',
      fingerprint,
      publicKey: shown.stdout,
    })
    const wrong = await keys.run(['public-key', '--key', 'cosign.key'], {
      env: { COSIGN_PASSWORD: 'other' },
    })
    assert.deepEqual([wrong.code, wrong.stdout], [2, ''])
  })

  it('replaces neither file unless it is told to', async () => {
    await using keys = await prepare()
    await writeFile(keys.path('cosign.pub'), 'mine')
    const refused = await keys.run(['generate-key-pair'])
    assert.equal(refused.code, 5)
    assert.match(refused.stderr, /cosign\.pub is there already/)
    assert.equal(await keys.read('cosign.pub'), 'mine')
    await assert.rejects(stat(keys.path('cosign.key')), { code: 'ENOENT' })
    const other = await keys.run(['generate-key-pair', '--output-key-prefix', 'release'])
    assert.equal(other.code, 0, other.stderr)
    const before = await keys.read('release.key')
    assert.equal((await keys.run(['generate-key-pair', '--output-key-prefix=release'])).code, 5)
    assert.equal(await keys.read('release.key'), before)
    const replaced = await keys.run(['generate-key-pair', '--output-key-prefix=release', '-y'])
    assert.equal(replaced.code, 0, replaced.stderr)
    assert.notEqual(await keys.read('release.key'), before)
    assert.equal((await stat(keys.path('release.key'))).mode & 0o777, 0o600)
  })

  it('takes a piped password without its line break, and an empty one', async () => {
    await using keys = await prepare()
    for (const [input, password] of [
      ['pass\n', 'pass'],
      ['pass', 'pass'],
      ['', ''],
    ] as const) {
      const made = await keys.run(['generate-key-pair', '-y'], { ...piped, input })
      assert.equal(made.code, 0, made.stderr)
      const env = { COSIGN_PASSWORD: password }
      const shown = await keys.run(['public-key', '--key', 'cosign.key'], { env })
      assert.equal(shown.code, 0, shown.stderr)
      const again = await keys.run(['public-key', '--key', 'cosign.key'], { ...piped, input })
      assert.equal(again.code, 0, again.stderr)
    }
    await keys.run(['generate-key-pair', '-y'])
    const none = await keys.run(['public-key', '--key', 'cosign.key'], piped)
    assert.equal(none.code, 2)
    assert.match(none.stderr, /hint: The password comes from COSIGN_PASSWORD/)
  })

  const python = component('python3')
  it(
    'asks twice at a terminal and shows nothing of the password',
    { skip: python.absent },
    async () => {
      await using keys = await prepare()
      const script = `
import os, pty, sys
answers = sys.argv[1].split(',')
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b''
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if answers and (piece.endswith(b': ') or piece.endswith(b'(y/N) ')):
        os.write(terminal, answers.pop(0).encode() + b'\\r')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`
      const ask = (answers: string, ...args: readonly string[]) =>
        runProgram(python.path, ['-c', script, answers, process.execPath, chanceryPath, ...args], {
          cwd: keys.cwd,
          env: { HOME: keys.cwd, COSIGN_PASSWORD: undefined },
        })
      const made = await ask('pass wordX\x7f,pass word', 'generate-key-pair')
      assert.equal(made.code, 0, made.stdout)
      assert.doesNotMatch(made.stdout, /pass word/)
      const opened = await keys.run(['public-key', '--key', 'cosign.key'], {
        env: { COSIGN_PASSWORD: 'pass word' },
      })
      assert.equal(opened.code, 0, opened.stderr)
      const shown = await ask('pass word', 'public-key', '--key', 'cosign.key')
      assert.equal(shown.code, 0, shown.stdout)

      const before = await keys.read('cosign.key')
      const kept = await ask('n', 'generate-key-pair')
      assert.equal(kept.code, 5, kept.stdout)
      const different = await ask('y,one,other', 'generate-key-pair')
      assert.equal(different.code, 2, different.stdout)
      assert.match(different.stdout, /expected the same password twice/)
      assert.equal(await keys.read('cosign.key'), before)
      const replaced = await ask('y,one,one', 'generate-key-pair')
      assert.equal(replaced.code, 0, replaced.stdout)
      assert.notEqual(await keys.read('cosign.key'), before)
    },
  )
})

describe('chancery import-key-pair', () => {
  it('reads keys in every format, and says which of them some verifiers cannot use', async () => {
    await using keys = await prepare()
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    const encrypted = { cipher: 'aes-256-cbc', passphrase: 'old' } as const
    const files = {
      'pkcs8.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'pkcs8.der': privateKey.export({ type: 'pkcs8', format: 'der' }),
      'pkcs1.pem': privateKey.export({ type: 'pkcs1', format: 'pem' }),
      'encrypted.pem': privateKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }),
    }
    await writeFile(keys.path('old.txt'), 'old\n')
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(keys.path(name), bytes)
      const args = ['import-key-pair', '--key', name, '--passphrase-file', 'old.txt', '-y']
      const made = await keys.run(args)
      assert.equal(made.code, 0, made.stderr)
      assert.equal(await keys.read('import-cosign.pub'), pem)
      const shown = await keys.run(['public-key', '--key', 'import-cosign.key'])
      assert.equal(shown.stdout, pem)
    }
    const locked = await keys.run(['import-key-pair', '--key', 'encrypted.pem', '-y'])
    assert.equal(locked.code, 2)
    // One piped password opens the old file and protects the new one.
    const both = await keys.run(['import-key-pair', '--key', 'encrypted.pem', '-y'], {
      ...piped,
      input: 'old\n',
    })
    assert.equal(both.code, 0, both.stderr)
    const env = { COSIGN_PASSWORD: 'old' }
    assert.equal((await keys.run(['public-key', '--key', 'import-cosign.key'], { env })).code, 0)

    const large = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    await writeFile(keys.path('large.pem'), large.export({ type: 'sec1', format: 'pem' }))
    const warned = await keys.run(['import-key-pair', '--key', 'large.pem', '-y'])
    assert.match(warned.stderr, /warning: .*cosign/)
    const notOne = await keys.run(['import-key-pair', '--key', 'import-cosign.pub', '-y'])
    assert.equal(notOne.code, 2)
    assert.equal((await keys.run(['import-key-pair', '--key', 'pkcs1.pem'])).code, 5)
  })

  const openssl = component('openssl')
  it('reads PKCS#12, and public-key reads certificates', { skip: openssl.absent }, async () => {
    await using keys = await prepare()
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await writeFile(keys.path('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    for (const args of [
      ['req', '-x509', '-key', 'key.pem', '-subj', '/CN=x', '-days', '2', '-out', 'key.crt'],
      [
        'pkcs12',
        '-export',
        '-inkey',
        'key.pem',
        '-in',
        'key.crt',
        '-passout',
        'pass:pfx',
        '-out',
        'k.pfx',
      ],
    ]) {
      const done = await runProgram(openssl.path, args, { cwd: keys.cwd })
      assert.equal(done.code, 0, done.stderr)
    }
    await writeFile(keys.path('pfx.txt'), 'pfx')
    const args = ['import-key-pair', '--key', 'k.pfx', '--passphrase-file', 'pfx.txt']
    const made = await keys.run(args)
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stderr, /not its certificates/)
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    assert.equal(await keys.read('import-cosign.pub'), pem)
    const shown = await keys.run(['public-key', '--key', 'key.crt', '--outfile', 'out.pub'])
    assert.deepEqual([shown.code, shown.stdout], [0, ''])
    assert.equal(await keys.read('out.pub'), pem)
  })
})

for (const name of ['cosign-2', 'cosign-3'] as const) {
  const cosign = component(name)
  describe(`key files and ${name}`, { skip: anyAbsent(cosign) }, () => {
    it('either reads what the other wrote, with the same password', async () => {
      await using keys = await prepare()
      const env = { HOME: keys.cwd, COSIGN_PASSWORD: 'secret words' }
      const theirs = (...args: readonly string[]) =>
        runProgram(cosign.path, args, { cwd: keys.cwd, env })
      await keys.run(['generate-key-pair', '--output-key-prefix', 'ours'])
      const read = await theirs('public-key', '--key', 'ours.key')
      assert.equal(read.stdout, await keys.read('ours.pub'), read.stderr)
      await theirs('generate-key-pair', '--output-key-prefix', 'theirs')
      const shown = await keys.run(['public-key', '--key', 'theirs.key'])
      assert.equal(shown.stdout, await keys.read('theirs.pub'), shown.stderr)

      // Cosign takes the line break of a piped password for a part of it.
      const lineBreak = {
        cwd: keys.cwd,
        env: { ...env, COSIGN_PASSWORD: undefined },
        input: 'pw\n',
      }
      await runProgram(
        cosign.path,
        ['generate-key-pair', '--output-key-prefix', 'piped'],
        lineBreak,
      )
      const opened = await keys.run(['public-key', '--key', 'piped.key'], lineBreak)
      assert.equal(opened.stdout, await keys.read('piped.pub'), opened.stderr)
    })
  })
}
