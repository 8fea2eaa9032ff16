import assert from 'node:assert/strict'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { chanceryPath, runChancery, startServer } from '../support/chancery-process.ts'
import { runProgram, startProgram } from '../support/child-process.ts'
import { bash } from '../support/shell.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const ORGANIZATION = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'

/** A port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe('chancery, the program', () => {
  it('says its version in each way, alike', async () => {
    const short = await runChancery(['--version'])
    const long = await runChancery(['version', '--json'])
    assert.match(short.stdout, /^\d+\.\d+\.\d+\n$/)
    assert.equal((JSON.parse(long.stdout) as { version: string }).version, short.stdout.trim())
  })

  const wrongCalls: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
    [['submt'], /there is no command "submt"\nhint: Did you mean `submit`\?/],
    [['requests', 'lst'], /there is no command "lst"/],
    [['submit'], /FILE is missing; --signing-policy VALUE is missing; --project VALUE is missing/],
    [['submit', 'x', '--projct', 'p'], /no flag --projct here\nhint: Did you mean --project\?/],
    [['generate', 'a', 'b'], /"b" is one argument too many/],
    [['verify', '-ak=v', 'x', '--key', 'k'], /expected a name, found "-ak=v"/],
    [['requests', 'show', 'x'], /ID: expected the id or link/],
    [['requests', 'list', '--limit', '0'], /--limit: expected a whole number of at least 1/],
    [
      ['certificates', 'create', 'a', '--algorithm', 'dsa'],
      /--algorithm expects one of ecdsa-p256/,
    ],
    [['serve', '--listen', 'x'], /expected an address such as 127\.0\.0\.1:7080/],
    [['whoami'], /expected a server URL\nhint: Set --url or CHANCERY_URL/],
    [['whoami', '--url', 'http://a.example', '--organization', ORGANIZATION], /https/],
    [['whoami', '--url', 'https://a.example', '--organization', 'x'], /to be a GUID/],
    [['submit', 'absent.json', '--project', 'p', '--signing-policy', 's'], /no such file/],
    [['submit', 'x', '--project', 'p', '--signing-policy', 's', '--no-wait', '-o', 'f'], /--wait/],
    [['submit', 'x', '--project', 'p', '--signing-policy', 's', '--parameter', 'a'], /name=value/],
    [['audit', 'verify', '--file', 'absent.jsonl'], /no such file/],
    [['public-key', '--key', '/dev/null'], /error: \/dev\/null: expected a public key/],
    [
      ['sign-blob', '--key', '/dev/null', '/dev/null'],
      /error: \/dev\/null: expected one private key/,
    ],
    [['verify', '--key', '/dev/null', 'a.test/b'], /error: \/dev\/null: expected a public key/],
  ]
  for (const [args, expected] of wrongCalls) {
    it(`exits 2 for: ${args.join(' ')}`, async () => {
      await using home = await createTemporaryDirectory()
      const env = { XDG_CONFIG_HOME: home.path, CHANCERY_TOKEN: 'token' }
      const { code, stdout, stderr } = await runChancery(args, { env, cwd: home.path })
      assert.equal(code, 2, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, expected)
      assert.match(stderr, /^error: /)
      assert.equal(stderr.match(/^error: /gm)?.length, 1)
    })
  }

  it('exits 3 without a token, and does not send a stored one elsewhere', async () => {
    await using home = await createTemporaryDirectory()
    const args = ['whoami', '--url', 'https://a.example', '--organization', ORGANIZATION]
    const env = { XDG_CONFIG_HOME: home.path }
    assert.equal((await runChancery(args, { env })).code, 3)
    const login = { url: 'https://b.example', organizationId: ORGANIZATION, token: 'x' }
    await mkdir(join(home.path, 'chancery'))
    const path = join(home.path, 'chancery', 'login.json')
    await writeFile(path, JSON.stringify(login), { mode: 0o600 })
    assert.equal((await runChancery(args, { env })).code, 3)
    await chmod(path, 0o644)
    const readable = await runChancery(args, { env })
    assert.deepEqual([readable.code, readable.stdout], [2, ''])
    assert.match(readable.stderr, /only you to be able to read/)
  })

  it('exits 6 where nobody answers, with a problem document as the last line for --json', async () => {
    const env = {
      CHANCERY_URL: `http://127.0.0.1:${await closedPort()}`,
      CHANCERY_ORGANIZATION: ORGANIZATION,
      CHANCERY_TOKEN: 'token-not-to-be-shown',
    }
    const { code, stdout, stderr } = await runChancery(['whoami', '--json'], { env })
    assert.deepEqual([code, stdout], [6, ''])
    const problem = JSON.parse(stderr.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
    assert.equal(problem['type'], 'urn:chancery:error:ERR_CLIENT_UNREACHABLE')
    assert.match(String(problem['detail']), /ECONNREFUSED/)
    assert.match(stderr, /trying again in/)
    assert.doesNotMatch(stderr, /not-to-be-shown/)
  })

  it('exits 70, and never 0, where nothing goes on with a command', async () => {
    await using home = await createTemporaryDirectory()
    // A call of the system that never answers, and keeps nothing alive.
    await writeFile(
      join(home.path, 'silent.mjs'),
      `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
fs.open = () => undefined
syncBuiltinESMExports()`,
    )
    const env = { NODE_OPTIONS: `--import=${join(home.path, 'silent.mjs')}` }
    const args = ['verify', '--key', 'cosign.pub', 'registry.example/app:1']
    const { code, stdout, stderr } = await runChancery(args, { env, cwd: home.path })
    assert.deepEqual([code, stdout], [70, ''])
    assert.match(stderr, /^error: the command did not come to its end/)
  })

  it('warns of an unknown CHANCERY_ variable on stderr alone', async () => {
    const { code, stdout, stderr } = await runChancery(['version'], { env: { CHANCERY_ULR: 'x' } })
    assert.equal(code, 0)
    assert.match(stdout, /^chancery \d/)
    assert.match(stderr, /^warning: the environment variable CHANCERY_ULR/)
  })

  it('reads no standard input that it did not ask for, and takes a login without a token for wrong', async () => {
    await using home = await createTemporaryDirectory()
    const env = { XDG_CONFIG_HOME: home.path, HOME: home.path }
    const args = [
      'login',
      '--url',
      'https://a.example',
      '--organization',
      ORGANIZATION,
      '--token-stdin',
    ]
    assert.equal((await runChancery(args, { env, input: '\n' })).code, 3)
    const large = await runChancery(args, { env, input: 'x'.repeat(2 * 1024 * 1024) })
    assert.deepEqual([large.code, large.stdout], [2, ''])
  })

  it('survives a reader that goes away, and reports a full disk', async () => {
    const child = spawn(process.execPath, [chanceryPath, '--help'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk: Uint8Array) => (stderr += Buffer.from(chunk).toString()))
    const [code] = (await once(child, 'close')) as [number]
    assert.deepEqual([code, stderr], [0, ''])
    const shell = 'exec "$0" "$1" version > /dev/full'
    const full = await runProgram('sh', ['-c', shell, process.execPath, chanceryPath])
    assert.equal(full.code, 6)
    assert.match(full.stderr, /^error: expected to be able to write to stdout/)
    const flag = 'exec "$0" "$1" --version > /dev/full'
    const fullToo = await runProgram('sh', ['-c', flag, process.execPath, chanceryPath])
    const { code: flagCode, stderr: flagStderr } = fullToo
    assert.deepEqual([flagCode, flagStderr], [6, 'error: expected to be able to write to stdout\n'])
  })
})

describe('init and serve', () => {
  it('refuse to go without a master key, or with two', async () => {
    await using directory = await createTemporaryDirectory()
    const dataDir = join(directory.path, 'data')
    const none = await runChancery(['init', '--data-dir', dataDir])
    assert.equal(none.code, 2)
    assert.match(none.stderr, /expected a master key/)
    const env = { CHANCERY_MASTER_KEY: 'a', CHANCERY_MASTER_PASSPHRASE: 'b' }
    const two = await runChancery(['init', '--data-dir', dataDir], { env })
    assert.equal(two.code, 2)
    assert.match(two.stderr, /expected one source/)
    await assert.rejects(stat(dataDir), { code: 'ENOENT' })
  })

  it('make the master key file where there is none, readable by its owner alone, and say so', async () => {
    await using directory = await createTemporaryDirectory()
    const keyFile = join(directory.path, 'master.key')
    const args = [
      'init',
      '--data-dir',
      join(directory.path, 'data'),
      '--master-key-file',
      keyFile,
      '--json',
    ]
    const { code, stdout, stderr } = await runChancery(args)
    assert.equal(code, 0, stderr)
    assert.deepEqual(Object.keys(JSON.parse(stdout) as object), [
      'organizationId',
      'administratorId',
      'apiToken',
    ])
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600)
    const key = (await readFile(keyFile, 'utf8')).trim()
    assert.match(stderr, /^warning: a new master key was written/)
    assert.ok(!stderr.includes(key) && !stdout.includes(key))
    const again = await runChancery(args)
    assert.deepEqual([again.code, again.stdout], [5, ''])
    assert.equal((await readFile(keyFile, 'utf8')).trim(), key)
  })

  it('make no master key where no authority comes of it', async () => {
    await using directory = await createTemporaryDirectory()
    const dataDir = join(directory.path, 'data')
    const init = (keyFile: string) =>
      runChancery(['init', '--data-dir', dataDir, '--master-key-file', keyFile])
    const inside = await init(join(dataDir, 'master.key'))
    assert.equal(inside.code, 2)
    assert.match(inside.stderr, /^error: the master key file lies inside the data directory/)
    await assert.rejects(stat(dataDir), { code: 'ENOENT' })

    await mkdir(dataDir)
    await writeFile(join(dataDir, 'notes.txt'), '')
    const keyFile = join(directory.path, 'master.key')
    const used = await init(keyFile)
    assert.equal(used.code, 5)
    assert.match(used.stderr, /^error: expected an empty data directory/)
    await assert.rejects(stat(keyFile), { code: 'ENOENT' })
  })

  it('make an authority at the first start with --init, and serve it at each', async () => {
    await using directory = await createTemporaryDirectory()
    const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
    const { scripts } = JSON.parse(manifest) as { scripts: Record<string, string> }
    const [program, path, ...args] = scripts['start']!.split(' ')
    assert.deepEqual([program, path], ['node', 'bin/chancery.js'])
    const start = async (): Promise<string> => {
      const { program } = await startProgram(
        process.execPath,
        [chanceryPath, ...args, '--listen', '127.0.0.1:0'],
        /Listening on http:\/\/127\.0\.0\.1:\d+/,
        { cwd: directory.path },
      )
      assert.equal(program.child.exitCode, null)
      await program.stop()
      assert.equal(program.child.exitCode, 0)
      return program.output()
    }
    assert.match(await start(), /^API token: {6}\S{44}$/m)
    assert.deepEqual((await readdir(directory.path)).sort(), ['chancery-master.key', 'data'])
    assert.doesNotMatch(await start(), /API token/)
  })

  it('exit 6 where another program has the port, 2 where the URL for clients has a password', async () => {
    await using server = await startServer()
    await server.kill('SIGTERM')
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const serve = (...args: string[]) =>
      runChancery(['serve', '--data-dir', server.dataDir, ...args], { env: server.env })
    const onTakenPort = await serve('--listen', `127.0.0.1:${port}`)
    taken.close()
    assert.deepEqual([onTakenPort.code, onTakenPort.stdout], [6, ''])
    assert.match(
      onTakenPort.stderr,
      new RegExp(`^error: expected to be able to listen on 127\\.0\\.0\\.1:${port}, found another`),
    )
    const elsewhere = await serve('--listen', '192.0.2.1:7080')
    assert.equal(elsewhere.code, 6)
    assert.match(elsewhere.stderr, /listen on 192\.0\.2\.1:7080, found no such address/)
    const withPassword = await serve('--public-url', 'https://ada:secret@signing.example.com')
    assert.equal(withPassword.code, 2)
    assert.match(withPassword.stderr, /without user, query and fragment/)
    assert.doesNotMatch(withPassword.stderr, /secret/)
    const everybody = await serve('--trusted-proxy', '127.0.0.1', '--trusted-proxy', '0.0.0.0/0')
    assert.equal(everybody.code, 2)
    assert.match(everybody.stderr, /such as 10\.0\.0\.7 or 10\.0\.0\.0\/8, found "0\.0\.0\.0\/0"/)
  })

  it('log who calls a trusted proxy, by flag and by variable', async () => {
    await using server = await startServer()
    await server.kill('SIGTERM')
    const args = [chanceryPath, 'serve', '--data-dir', server.dataDir, '--listen', '127.0.0.1:0']
    for (const [flags, env, address] of [
      [[], {}, '127.0.0.1'],
      [['--trusted-proxy', '10.0.0.0/8', '--trusted-proxy', '127.0.0.1'], {}, '203.0.113.5'],
      [[], { CHANCERY_TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' }, '203.0.113.5'],
    ] as const) {
      const { program, match } = await startProgram(
        process.execPath,
        [...args, ...flags],
        /Listening on (http:\/\/127\.0\.0\.1:\d+)/,
        { env: { ...process.env, ...server.env, ...env } },
      )
      const headers = { 'x-forwarded-for': '203.0.113.5' }
      assert.equal((await fetch(`${match[1]}/healthz`, { headers })).status, 200)
      await program.stop()
      assert.match(program.output(), new RegExp(`"path":"/healthz".*"address":"${address}"`))
    }
  })

  it('say how to reach the new authority', async () => {
    await using directory = await createTemporaryDirectory()
    const init = async (name: string, env: Record<string, string>): Promise<string> => {
      const keyFile = join(directory.path, 'master.key')
      const args = ['init', '--data-dir', join(directory.path, name), '--master-key-file', keyFile]
      return (await runChancery(args, { env })).stdout
    }
    assert.match(await init('a', {}), /^ {2}export CHANCERY_URL=http:\/\/127\.0\.0\.1:7080$/m)
    assert.match(await init('b', { CHANCERY_LISTEN: ':8080' }), /URL=http:\/\/127\.0\.0\.1:8080$/m)
    const publicUrl = 'https://signing.example.com'
    assert.match(
      await init('c', { CHANCERY_PUBLIC_URL: publicUrl }),
      /URL=https:\/\/signing\.example/,
    )
  })

  it('exit 4 or 2, and create nothing, where there is no authority to serve', async () => {
    await using directory = await createTemporaryDirectory()
    const dataDir = join(directory.path, 'data')
    const env = { CHANCERY_MASTER_KEY: Buffer.alloc(32).toString('base64') }
    const { code, stdout } = await runChancery(['serve', '--data-dir', dataDir], { env })
    assert.ok(code === 4 || code === 2, String(code))
    assert.equal(stdout, '')
    await assert.rejects(stat(dataDir), { code: 'ENOENT' })
  })
})

describe('shell completion', () => {
  it('proposes commands and flags in a real bash', { skip: bash.absent }, async () => {
    await using directory = await createTemporaryDirectory()
    await symlink(chanceryPath, join(directory.path, 'chancery'))
    const complete = async (line: string): Promise<readonly string[]> => {
      const script = `
        PATH="$1:$2:$PATH"
        source <(chancery completion bash)
        COMP_WORDS=($3); [[ "$3" == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        _chancery
        printf '%s\\n' "\${COMPREPLY[@]}"`
      const node = join(process.execPath, '..')
      const { code, stdout, stderr } = await runProgram(bash.path, [
        '-c',
        script,
        'bash',
        directory.path,
        node,
        line,
      ])
      assert.deepEqual([code, stderr], [0, ''])
      return stdout.trim().split('\n')
    }
    assert.deepEqual(await complete('chancery cert'), ['certificates'])
    assert.deepEqual(await complete('chancery requests de'), ['deny'])
    assert.deepEqual(await complete('chancery submit --pro'), ['--project'])
    assert.deepEqual(await complete('chancery requests list --status Wait'), [
      'WaitingForApproval',
      'WaitingForArtifactUpload',
    ])
    assert.deepEqual(await complete('chancery submit '), [''])
    assert.ok((await complete('chancery ')).includes('serve'))
  })

  it('prints a script for zsh and fish, and refuses other shells', async () => {
    assert.match((await runChancery(['completion', 'zsh'])).stdout, /^#compdef chancery\n/)
    assert.match(
      (await runChancery(['completion', 'fish'])).stdout,
      // File names only where nothing else is proposed.
      /string join \\n -- \$proposals\n {2}else\n {4}__fish_complete_path .*\n.*\n.*\ncomplete -c chancery -f -a/,
    )
    assert.equal((await runChancery(['completion', 'tcsh'])).code, 2)
  })
})
