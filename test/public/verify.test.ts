import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { importsOf, readSourceTree, root } from '../architecture/source-tree.ts'
import { component } from '../support/components.ts'
import { utf8 } from '../verify/test-certificates.ts'
import {
  createTestSigstore,
  identity,
  issueLeaf,
  signArtifact,
  trustedRootOf,
} from '../verify/test-sigstore.ts'

const run = promisify(execFile)
const node22 = component('node-22')

describe('chancery/verify', () => {
  it('loads no module with input or output, and no package', async () => {
    const tree = await readSourceTree(join(root, 'src'))
    const seen = new Set(['public/verify.ts'])
    const outside = new Set<string>()
    for (const path of seen) {
      for (const specifier of importsOf(tree.get(path)!)) {
        if (specifier.startsWith('.')) seen.add(posix.join(posix.dirname(path), specifier))
        else outside.add(specifier)
      }
    }
    assert.ok(seen.size > 30)
    assert.deepEqual([...outside], ['node:crypto'])
  })

  it('passes its tests in Node.js 22, too', { skip: node22.absent }, async () => {
    const files = globSync(['test/verify/*.test.ts', 'src/verify/*.test.ts'], { cwd: root })
    assert.ok(files.length > 5)
    // Without this the inner run reports to the outer one.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
    const args = ['--test', '--test-reporter=tap', ...files]
    const { stdout } = await run(node22.path, args, { cwd: root, env }).catch((error: unknown) => {
      assert.fail((error as { stdout: string }).stdout)
    })
    const count = (what: string): number =>
      Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)![1])
    assert.ok(count('pass') > 60, stdout)
    assert.equal(count('tests'), count('pass'))
  })
})

describe('the package that is published', () => {
  let directory: string

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'chancery-verify-'))
    const installed = join(directory, 'node_modules/chancery')
    await mkdir(installed, { recursive: true })
    await cp(join(root, 'package.json'), join(installed, 'package.json'))
    await run(process.execPath, [join(root, 'tools/build.ts'), join(installed, 'dist')])
    await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  })

  after(() => rm(directory, { recursive: true, force: true }))

  const verifyElsewhere = async (node: string): Promise<void> => {
    await writeFile(
      join(directory, 'verify.js'),
      `import { readFileSync } from 'node:fs'
       // What the engine and its cryptography load is theirs.
       import 'node:crypto'
       import 'node:util'
       await import('data:text/javascript,0')
       const before = new Set(process.moduleLoadList)
       const { loadTrustedRoot, verifyBundle } = await import('chancery/verify')
       const loaded = process.moduleLoadList.filter((name) => !before.has(name))
       const [bundle, root, artifact] = process.argv.slice(2).map((path) => readFileSync(path))
       const verified = verifyBundle(
         bundle,
         { trustedRoot: loadTrustedRoot(root) },
         {
           artifact: { bytes: artifact },
           certificate: { identity: '${identity}', issuerPattern: '*' },
           requires: { log: 1 },
         },
         new Date(),
       )
       console.log(JSON.stringify({ loaded, signedAt: verified.signedAt }))`,
    )
    const { stdout } = await run(node, [
      join(directory, 'verify.js'),
      ...(await writeInputs(directory)),
    ])
    const { loaded, signedAt } = JSON.parse(stdout) as { loaded: string[]; signedAt: string[] }
    assert.ok(signedAt.length > 0)
    const bled = loaded.filter((name) =>
      /\b(net|tls|http|http2|https|dns|dgram|child_process|worker_threads|sqlite)$/.test(name),
    )
    assert.deepEqual(bled, [])
    assert.equal(
      loaded.some((name) => name.endsWith('.node')),
      false,
    )
  }

  it('verifies a bundle, and has loaded nothing that reads or connects', () =>
    verifyElsewhere(process.execPath))

  it('does so in Node.js 22', { skip: node22.absent }, () => verifyElsewhere(node22.path))

  it('comes with its types', async () => {
    await writeFile(
      join(directory, 'typed.ts'),
      `import { loadTrustedRoot, verifyBundle, type VerifiedBundle } from 'chancery/verify'
       const trustedRoot = loadTrustedRoot('{}')
       const artifact = { digest: 'sha256:x' }
       export const verified: VerifiedBundle = verifyBundle('{}', { trustedRoot }, { artifact }, new Date())
       // @ts-expect-error the present is no option
       verifyBundle('{}', { trustedRoot }, { artifact })
       // @ts-expect-error somebody has to be trusted
       verifyBundle('{}', {}, { artifact }, new Date())
       // @ts-expect-error the result is no boolean
       export const isVerified: boolean = verifyBundle('{}', { trustedRoot }, { artifact }, new Date())`,
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']
    await run(process.execPath, [tsc, ...flags, '--ignoreConfig', join(directory, 'typed.ts')], {
      cwd: directory,
    }).catch((error: unknown) => {
      assert.fail((error as { stdout: string }).stdout)
    })
  })
})

/** A bundle, the trusted root it verifies under and the artifact, each in a file. */
async function writeInputs(directory: string): Promise<readonly string[]> {
  const sigstore = createTestSigstore()
  const artifact = utf8('an artifact')
  const files = {
    'bundle.json': JSON.stringify(signArtifact(sigstore, issueLeaf(sigstore), artifact)),
    'trusted_root.json': JSON.stringify(trustedRootOf(sigstore)),
    artifact,
  }
  return Promise.all(
    Object.entries(files).map(async ([name, content]) => {
      const path = join(directory, name)
      await writeFile(path, content)
      return path
    }),
  )
}
