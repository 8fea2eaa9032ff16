import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseReference } from '../src/format/oci-reference.ts'
import { readZip } from '../src/format/zip-reader.ts'
import { RegistryClient } from '../src/registry/registry-client.ts'
import { buildImage, pushImage } from './build-image.ts'
import { runChancery, runCosign, startServer, stopServer, type Finished } from './command-line.ts'
import { startEmbeddedRegistry } from './embedded-registry.ts'
import { Story } from './story.ts'

const USAGE = `USAGE
  npm run demo                       signs an image in a registry of its own
  npm run demo -- --image IMAGE      signs an image in your registry, with the credentials that docker login stored

Shows the whole flow in a temporary directory and leaves nothing behind; only --image adds a signature to the registry.
`

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples/chancery.yaml')

async function main(): Promise<void> {
  const values = readArguments()
  if (values === undefined) return
  if (values.help === true) {
    process.stdout.write(USAGE)
    return
  }
  const directory = await mkdtemp(join(tmpdir(), 'chancery-demo-'))
  const demo = new Demo(directory, values.image)
  const interrupt = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)))
    }
  })
  const told = demo.run()
  try {
    await Promise.race([told, interrupt])
  } catch (thrown) {
    process.stderr.write(`error: ${thrown instanceof Error ? thrown.message : 'unknown'}\n`)
    process.exitCode = 1
  } finally {
    demo.interrupt()
    // A command that is on its way writes there until it is gone, and may be one that starts the server.
    await Promise.allSettled([told])
    await demo.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** The flags, or undefined after saying what is wrong with them. */
function readArguments(): { readonly image?: string; readonly help?: boolean } | undefined {
  try {
    return parseArgs({
      options: { image: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    }).values
  } catch (thrown) {
    process.stderr.write(
      `error: ${thrown instanceof Error ? thrown.message : 'unknown'}\n\n${USAGE}`,
    )
    process.exitCode = 2
    return undefined
  }
}

/** The demo: what it does, in the order it is told. */
class Demo {
  readonly #directory: string
  readonly #image: string | undefined
  readonly #story = new Story()
  #environment: Record<string, string> = {}
  #server: ChildProcess | undefined
  readonly #interrupted = new AbortController()

  constructor(directory: string, image: string | undefined) {
    this.#directory = directory
    this.#image = image
  }

  async run(): Promise<void> {
    const story = this.#story
    story.title('Chancery: from an empty directory to a signed image')
    await this.#startAuthority()
    await this.#configure()
    await using registry = this.#image === undefined ? await startEmbeddedRegistry() : undefined
    const image = this.#image ?? (await this.#pushImage(registry?.host ?? ''))
    await this.#allow(image)
    await this.#signInThreeSteps(image)
    await this.#signInOne(image)
    await this.#verify(image)
    await this.#refuse()
    await this.#approve()
    await this.#audit()
    story.end(image)
  }

  /** Ends the command that runs; no other follows. */
  interrupt(): void {
    this.#interrupted.abort()
  }

  /** Ends the server, if it runs. */
  async stop(): Promise<void> {
    if (this.#server !== undefined) await stopServer(this.#server)
  }

  async #startAuthority(): Promise<void> {
    const story = this.#story
    story.step('Make an authority: an organization, its first administrator, a data directory')
    story.warn(
      'The demo makes a master key for itself. Keep a real one away from the data directory and its backups.',
    )
    const made = await this.#chancery(
      [
        'init',
        '--data-dir',
        'data',
        '--master-key-file',
        'master.key',
        '--organization',
        'Demo',
        '--json',
      ],
      { hide: true },
    )
    const { organizationId, apiToken } = JSON.parse(made.stdout) as {
      organizationId: string
      apiToken: string
    }
    const server = await startServer(
      [
        '--data-dir',
        'data',
        '--master-key-file',
        'master.key',
        '--listen',
        '127.0.0.1:0',
        '--quiet',
      ],
      { cwd: this.#directory, environment: {}, signal: this.#interrupted.signal },
    )
    story.command(`chancery serve --data-dir data --master-key-file master.key`)
    story.output(`Listening on ${server.url}`)
    this.#environment = {
      CHANCERY_URL: server.url,
      CHANCERY_ORGANIZATION: organizationId,
      CHANCERY_TOKEN: apiToken,
    }
    this.#server = server.child
  }

  async #configure(): Promise<void> {
    this.#story.step(
      'Configure it as code: users, a key with its certificate, a project, two signing policies',
    )
    await writeFile(join(this.#directory, 'chancery.yaml'), await readFile(EXAMPLE))
    await this.#chancery(['apply', '-f', 'chancery.yaml'])
    for (const user of ['ci', 'approver']) {
      const { stdout } = await this.#chancery(['users', 'token', user, '--raw'], { hide: true })
      this.#environment[`TOKEN_${user}`] = stdout.trim()
    }
  }

  async #pushImage(host: string): Promise<string> {
    this.#story.step('Build an OCI image of these very sources and push it to a registry')
    const reference = `${host}/demo/app:1.0`
    const image = await buildImage(ROOT)
    await pushImage(new RegistryClient(), parseReference(reference), image)
    this.#story.output(`pushed ${reference}\n       ${image.digest}`)
    return reference
  }

  /** The policies of the example allow the registry of the demo; an image of the user's own is added to them. */
  async #allow(image: string): Promise<void> {
    if (this.#image === undefined) return
    const { registry, repository } = parseReference(image)
    for (const policy of ['test-signing', 'release-signing']) {
      await this.#chancery([
        'policies',
        'edit',
        'demo-app',
        policy,
        '--allowed-image',
        `${registry}/${repository}`,
      ])
    }
  }

  async #signInThreeSteps(image: string): Promise<void> {
    const story = this.#story
    story.step('1. Make the metadata: what is signed, whole')
    const generated = await this.#chancery(['generate', image], { to: 'payload.json' })
    story.output(generated.stdout)
    await writeFile(join(this.#directory, 'payload.json'), generated.stdout)

    story.step('2. Submit it: Chancery examines it, audits it, and signs')
    await this.#chancery(
      [
        'submit',
        'payload.json',
        '--project',
        'demo-app',
        '--signing-policy',
        'test-signing',
        '--output',
        'payload.json.signed.zip',
      ],
      { as: 'ci' },
    )
    await this.#unzip()

    story.step('3. Attach the signature beside the image')
    await this.#chancery([
      'attach',
      'signature',
      '--payload',
      'payload.json',
      '--signature',
      'payload.json.base64.sig',
      image,
    ])
  }

  /** What `unzip` and `base64` do; not every machine has them. */
  async #unzip(): Promise<void> {
    const archive = readZip(await readFile(join(this.#directory, 'payload.json.signed.zip')))
    const signature = archive.entries.find(({ path }) => path === 'payload.json.sig')
    if (signature === undefined) throw new Error('the signed artifact holds no payload.json.sig')
    const text = Buffer.from(signature.read()).toString('base64')
    await writeFile(join(this.#directory, 'payload.json.base64.sig'), `${text}\n`)
    this.#story.command(
      'unzip -n payload.json.signed.zip && base64 payload.json.sig > payload.json.base64.sig',
    )
  }

  async #signInOne(image: string): Promise<void> {
    this.#story.step(
      'Or all of it in one command, which adds what cosign 3 and later want: a Sigstore bundle',
    )
    const policy = ['--project', 'demo-app', '--signing-policy', 'test-signing']
    await this.#chancery(['sign', image, ...policy], { as: 'ci' })
  }

  async #verify(image: string): Promise<void> {
    this.#story.step('Verify it, with the public key alone')
    await this.#chancery(['certificates', 'download', 'test', '--output', 'test.pub'])
    await this.#chancery(['verify', '--key', 'test.pub', image])
    const args = ['verify', '--key', 'test.pub', '--insecure-ignore-tlog=true', image]
    const line = `cosign ${args.map(quote).join(' ')}`
    const options = { cwd: this.#directory, environment: {}, signal: this.#interrupted.signal }
    const version = await runCosign(['version'], options)
    if (version === undefined || !/GitVersion:\s+v?3\./.test(version.stdout)) {
      this.#story.hint(`the same with cosign: ${line}`)
      return
    }
    this.#story.command(line)
    const verified = await runCosign(args, options)
    if (verified?.exitCode !== 0) throw new Error(`cosign: ${verified?.stderr ?? 'it is gone'}`)
    this.#story.output(verified.stdout)
  }

  async #refuse(): Promise<void> {
    this.#story.step('What the policy does not allow is not signed')
    const foreign = (await readFile(join(this.#directory, 'payload.json'), 'utf8')).replace(
      /"docker-reference":"[^"]*"/,
      '"docker-reference":"evil.example/app"',
    )
    await writeFile(join(this.#directory, 'foreign.json'), foreign)
    await this.#chancery(
      ['submit', 'foreign.json', '--project', 'demo-app', '--signing-policy', 'test-signing'],
      { as: 'ci', expect: 1 },
    )
  }

  async #approve(): Promise<void> {
    this.#story.step('A release waits for a second pair of eyes')
    const submitted = await this.#chancery(
      [
        'submit',
        'payload.json',
        '--project',
        'demo-app',
        '--signing-policy',
        'release-signing',
        '--no-wait',
        '--json',
      ],
      { as: 'ci', hide: true },
    )
    const { id } = JSON.parse(submitted.stdout) as { id: string }
    await this.#chancery(['requests', 'approve', id, '--reason', 'release 1.0'], {
      as: 'approver',
    })
  }

  async #audit(): Promise<void> {
    this.#story.step(
      'Everything that was asked, allowed, refused, signed or changed is in the audit log',
    )
    await this.#chancery(['audit', 'list', '--type', 'SigningRequest.*'])
    await this.#chancery(['audit', 'verify'])
  }

  async #chancery(
    args: readonly string[],
    options: {
      readonly as?: 'ci' | 'approver'
      readonly expect?: number
      /** Shows the command and not what it prints. */
      readonly hide?: boolean
      /** The file that stdout goes to. */
      readonly to?: string
    } = {},
  ): Promise<Finished> {
    const token =
      options.as === undefined
        ? {}
        : { CHANCERY_TOKEN: this.#environment[`TOKEN_${options.as}`] ?? '' }
    this.#story.command(
      `chancery ${args.map(quote).join(' ')}${options.to === undefined ? '' : ` > ${options.to}`}`,
    )
    const finished = await runChancery(args, {
      cwd: this.#directory,
      environment: { ...this.#environment, ...token },
      signal: this.#interrupted.signal,
    })
    if (options.hide !== true) this.#story.output(finished.stderr)
    if (options.hide !== true && options.to === undefined) this.#story.output(finished.stdout)
    if (finished.exitCode !== (options.expect ?? 0)) {
      throw new Error(
        `expected exit code ${options.expect ?? 0}, found ${finished.exitCode}: ${finished.stderr}`,
      )
    }
    return finished
  }
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}

await main()
