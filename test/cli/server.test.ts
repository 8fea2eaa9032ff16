import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import { runChancery, startServer, type RunningServer } from '../support/chancery-process.ts'
import type { Finished } from '../support/child-process.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../support/temporary-directory.ts'

const example = fileURLToPath(new URL('../../examples/chancery.yaml', import.meta.url))
const DIGEST = `sha256:${'ab'.repeat(32)}`

function payloadFor(image: string): string {
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': image },
      image: { 'docker-manifest-digest': DIGEST },
      type: 'cosign container image signature',
    },
    optional: null,
  })
}

describe('the CLI against a server', () => {
  let server: RunningServer
  let directory: TemporaryDirectory
  const tokens: Record<string, string> = {}

  function chancery(user: string, ...args: string[]): Promise<Finished> {
    const env = {
      CHANCERY_URL: server.url,
      CHANCERY_ORGANIZATION: server.organizationId,
      CHANCERY_TOKEN: user === 'admin' ? server.adminToken : tokens[user],
      XDG_CONFIG_HOME: directory.path,
    }
    return runChancery(args, { env, cwd: directory.path })
  }

  async function json(user: string, ...args: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await chancery(user, ...args, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as Record<string, unknown>
  }

  before(async () => {
    directory = await createTemporaryDirectory()
    server = await startServer()
    await writeFile(join(directory.path, 'payload.json'), payloadFor('127.0.0.1:5000/demo'))
    await writeFile(join(directory.path, 'foreign.json'), payloadFor('evil.example/demo'))
    const dry = await chancery('admin', 'apply', '-f', example, '--dry-run')
    assert.match(dry.stdout, /none of them made\n$/)
    assert.equal((await chancery('admin', 'users', 'show', 'ci')).code, 4)
    const applied = await chancery('admin', 'apply', '-f', example)
    assert.equal(applied.code, 0, applied.stderr)
    assert.match(applied.stdout, /\+ create signing policy demo-app\/release-signing/)
    assert.match(applied.stderr, /chancery users token/)
    for (const user of ['ci', 'approver']) {
      tokens[user] = (await chancery('admin', 'users', 'token', user, '--raw')).stdout.trim()
    }
  })

  after(async () => {
    await server[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  })

  it('applies a file a second time without a change', async () => {
    assert.equal((await chancery('admin', 'apply', '-f', example)).stdout, 'nothing to change\n')
    const { changes } = await json('admin', 'apply', '-f', example)
    assert.deepEqual(changes, [])
  })

  it('applies what was changed by hand back, and nothing else', async () => {
    await chancery(
      'admin',
      'policies',
      'edit',
      'demo-app',
      'test-signing',
      '--required-approvals',
      '1',
      '--approver',
      'approver',
    )
    const { stdout } = await chancery('admin', 'apply', '-f', example)
    assert.equal(
      stdout,
      '~ change signing policy demo-app/test-signing\n    requiredApprovals: 1 -> 0\n1 change made\n',
    )
  })

  it('says where in the file it stopped', async () => {
    await writeFile(join(directory.path, 'bad.yaml'), 'users:\n  - name: x\n    type: robot\n')
    const bad = await chancery('admin', 'apply', '-f', 'bad.yaml')
    assert.deepEqual([bad.code, bad.stdout], [2, ''])
    assert.match(bad.stderr, /^error: bad\.yaml:3:11: expected "type" to be one of interactive, ci/)
  })

  it('lets nobody apply who may not', async () => {
    await writeFile(
      join(directory.path, 'raise.yaml'),
      'users: [{name: ci, type: ci, roles: [GlobalAdministrator]}]',
    )
    const { code, stdout } = await chancery('ci', 'apply', '-f', 'raise.yaml')
    assert.deepEqual([code, stdout], [3, ''])
  })

  const submission = ['--project', 'demo-app', '--signing-policy', 'test-signing']

  it('submits a metadata file, waits, and writes the signature', async () => {
    const args = [
      'submit',
      'payload.json',
      ...submission,
      '-o',
      'signed.zip',
      '--output-signature',
      'sig',
    ]
    const request = await json('ci', ...args)
    assert.equal(request['status'], 'Completed')
    const [signature] = request['signatures'] as { signature: string; outputPath: string }[]
    assert.equal(signature?.outputPath, 'payload.json.sig')
    assert.equal(await readFile(join(directory.path, 'sig'), 'utf8'), signature.signature)
    const zip = await readFile(join(directory.path, 'signed.zip'))
    assert.ok(zip.includes(Buffer.from(signature.signature, 'base64')))
  })

  it('submits nothing where a result would take the place of another, or of the metadata', async () => {
    const before = await readFile(join(directory.path, 'payload.json'), 'utf8')
    for (const outputs of [
      ['-o', 'both', '--output-signature', './both'],
      ['--output-signature', 'payload.json'],
    ]) {
      const run = await chancery('ci', 'submit', 'payload.json', ...submission, ...outputs)
      assert.equal(run.code, 2)
      assert.match(run.stderr, /^error: expected another file to write to than /m)
      assert.doesNotMatch(run.stderr, /submitted/)
    }
    assert.equal(await readFile(join(directory.path, 'payload.json'), 'utf8'), before)
    const id = String((await json('ci', 'submit', 'payload.json', ...submission))['id'])
    const both = ['-o', 'both', '--output-signature', 'both']
    assert.equal((await chancery('ci', 'requests', 'download', id, ...both)).code, 2)
  })

  it('exits 1, with the request on stdout, where the policy says no', async () => {
    const { code, stdout, stderr } = await chancery(
      'ci',
      'submit',
      'foreign.json',
      ...submission,
      '--json',
    )
    assert.equal(code, 1)
    assert.equal((JSON.parse(stdout) as { status: string }).status, 'Denied')
    assert.match(stderr, /^error: signing request .* was denied: .*evil\.example/m)
    assert.match(stderr, /^hint: /m)
  })

  it('exits 1 where the artifact cannot be processed, and says what was expected', async () => {
    await writeFile(join(directory.path, 'cut.zip'), 'PK\x03\x04 and no more')
    const { code, stderr } = await chancery('ci', 'submit', 'cut.zip', ...submission)
    assert.equal(code, 1)
    assert.match(stderr, /^error: signing request \S+ failed: ZIP archive: expected an end record/m)
    assert.match(stderr, /^hint: /m)
  })

  it('waits for the approval that the policy asks for', async () => {
    const release = ['--project', 'demo-app', '--signing-policy', 'release-signing']
    const late = await chancery('ci', 'submit', 'payload.json', ...release, '--timeout', '100ms')
    assert.equal(late.code, 6)
    assert.match(late.stderr, /waiting for approval \(0 of 1\): http/)
    const pending = await json('ci', 'submit', 'payload.json', ...release, '--no-wait')
    assert.equal(pending['status'], 'WaitingForApproval')
    const id = String(pending['id'])
    assert.equal((await chancery('ci', 'requests', 'approve', id)).code, 3)
    assert.equal(
      (await json('approver', 'requests', 'approve', id, '--reason', 'fine'))['status'],
      'Completed',
    )
    assert.equal((await chancery('ci', 'requests', 'download', id, '-o', 'released.zip')).code, 0)
    assert.equal(
      (await readFile(join(directory.path, 'released.zip'))).subarray(0, 2).toString(),
      'PK',
    )
    assert.equal((await chancery('approver', 'requests', 'deny', id)).code, 5)
  })

  it('exports an audit log that verifies offline, and not after an edit', async () => {
    assert.equal((await json('admin', 'audit', 'verify'))['isIntact'], true)
    assert.equal((await chancery('admin', 'audit', 'export', '-o', 'audit.jsonl')).code, 0)
    assert.equal((await chancery('', 'audit', 'verify', '--file', 'audit.jsonl')).code, 0)
    const log = await readFile(join(directory.path, 'audit.jsonl'), 'utf8')
    const lines = log.trimEnd().split('\n')
    const edits = {
      edit: log.replace('SigningRequest.Approved', 'SigningRequest.Denied'),
      deletion: lines.toSpliced(3, 1).join('\n'),
      reordering: [...lines.slice(0, 3), lines[4], lines[3], ...lines.slice(5)].join('\n'),
    }
    for (const [what, text] of Object.entries(edits)) {
      assert.ok(text !== log, what)
      await writeFile(join(directory.path, 'edited.jsonl'), text)
      const { code, stdout } = await chancery(
        '',
        'audit',
        'verify',
        '--file',
        'edited.jsonl',
        '--json',
      )
      assert.equal(code, 1, what)
      assert.equal((JSON.parse(stdout) as { isIntact: boolean }).isIntact, false, what)
    }
    await writeFile(join(directory.path, 'edited.jsonl'), '{}\n')
    assert.equal((await chancery('', 'audit', 'verify', '--file', 'edited.jsonl')).code, 2)
  })

  it('logs in and out', async () => {
    const env = { XDG_CONFIG_HOME: directory.path }
    const args = [
      'login',
      '--url',
      server.url,
      '--organization',
      server.organizationId,
      '--token-stdin',
    ]
    const wrong = await runChancery(args, { env, input: 'not-a-token\n' })
    assert.deepEqual([wrong.code, wrong.stdout], [3, ''])
    const right = await runChancery(args, { env, input: `${tokens['ci']!}\n` })
    assert.equal(right.code, 0, right.stderr)
    const me = await runChancery(['whoami', '--json'], { env })
    const { name, url, organizationId } = JSON.parse(me.stdout) as Record<string, unknown>
    assert.deepEqual([name, url, organizationId], ['ci', server.url, server.organizationId])
    assert.equal((await runChancery(['logout'], { env })).code, 0)
    assert.equal((await runChancery(['whoami'], { env })).code, 2)
  })

  it('exits 4 for what is not there and 5 for what is there already', async () => {
    assert.equal((await chancery('admin', 'projects', 'show', 'nope')).code, 4)
    assert.equal((await chancery('admin', 'users', 'show', 'nope')).code, 4)
    assert.equal((await chancery('admin', 'projects', 'create', 'demo-app')).code, 5)
  })

  it('prints one JSON document on stdout for every command that reads', async () => {
    const reads = [
      'requests list',
      'certificates list',
      'certificates show release',
      'projects list',
      'projects show demo-app',
      'configurations list demo-app',
      'configurations show demo-app initial',
      'policies list demo-app',
      'policies show demo-app release-signing',
      'users list',
      'users tokens ci',
      'groups list',
      'groups show release-approvers',
      'audit list --limit 2',
      'organizations show',
    ]
    for (const command of reads) await json('admin', ...command.split(' '))
  })

  it('shows public key, certificate and chain', async () => {
    const key = await chancery('admin', 'certificates', 'download', 'release')
    assert.match(key.stdout, /^-----BEGIN PUBLIC KEY-----\n/)
    const der = await chancery(
      'admin',
      'certificates',
      'download',
      'release',
      '--what',
      'certificate',
    )
    assert.equal(der.stdoutBytes[0], 0x30)
    const chain = await chancery('admin', 'certificates', 'download', 'release', '--what', 'chain')
    assert.match(chain.stdout, /^-----BEGIN CERTIFICATE-----\n/)
  })
})
