import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Finished } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { createOwnAuthority, OWN_IDENTITY, type OwnAuthority } from '../support/own-authority.ts'
import { realRegistries, type RunningRegistry } from '../support/registries.ts'
import { openWorkshop, type Workshop } from '../support/workshop.ts'

/*
 * Who signs × who verifies × by what × in which form × in which registry. Every signature that one of the programs makes
 * is accepted by each of them, but for the exceptions; those are tried, too, so that none of them outlives its reason.
 */

const programs = ['chancery', 'cosign-2', 'cosign-3'] as const
const proofs = ['key', 'own CA chain'] as const
const formats = ['legacy', 'bundle'] as const
type Program = (typeof programs)[number]
type Proof = (typeof proofs)[number]
type Format = (typeof formats)[number]

/** `<signer> <proof> <format> <verifier>`, and why that verifier does not accept it. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  [
    'cosign-3 own CA chain bundle cosign-2',
    'cosign 3.1.3 puts the intermediate certificate into the bundle; cosign 2 reads no chain in a bundle of version 0.3',
  ],
])

const others = [component('cosign-2'), component('cosign-3'), component('openssl')]

for (const [registryComponent, start] of realRegistries) {
  const skip = anyAbsent(registryComponent, ...others)
  describe(`on ${registryComponent.name}`, { skip }, () => {
    for (const signer of programs) {
      for (const proof of proofs) {
        for (const format of formats) {
          it(`what ${signer} signs by ${proof} as ${format} is accepted by all`, async () => {
            await using flow = await prepare(start)
            const image = await flow.push()
            await flow.sign(signer, proof, format, image)
            for (const verifier of programs) {
              const exception = EXCEPTIONS.get(`${signer} ${proof} ${format} ${verifier}`)
              const verified = await flow.verify(verifier, proof, format, image)
              if (exception === undefined) {
                assert.equal(verified.code, 0, `${verifier}: ${verified.stderr}`)
              } else {
                assert.notEqual(verified.code, 0, `${verifier} accepts it now: ${exception}`)
              }
              const other = await flow.verifyAsOther(verifier, proof, format, image)
              assert.notEqual(other.code, 0, `${verifier} accepts another signer`)
            }
          })
        }
      }
    }
  })
}

/** A registry, and a workshop beside it with an authority and a key, where each of the three programs signs and verifies. */
async function prepare(start: () => Promise<RunningRegistry>) {
  const workshop = await openWorkshop()
  const authority = await createOwnAuthority(workshop.directory)
  const registry = await start()
  const flow = new Flow(workshop, authority, registry)
  await flow.importKey()
  return Object.assign(flow, {
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await workshop[Symbol.asyncDispose]()
    },
  })
}

class Flow {
  readonly #workshop: Workshop
  readonly #authority: OwnAuthority
  readonly #registry: RunningRegistry

  constructor(workshop: Workshop, authority: OwnAuthority, registry: RunningRegistry) {
    this.#workshop = workshop
    this.#authority = authority
    this.#registry = registry
  }

  /** The key as cosign has it, and the key of somebody else. */
  async importKey(): Promise<void> {
    const imported = ['--key', this.#authority.privateKey, '--output-key-prefix', 'signer']
    await this.#must('chancery', 'import-key-pair', ...imported)
    await this.#must('chancery', 'generate-key-pair', '--output-key-prefix', 'other')
  }

  async push(): Promise<string> {
    const { byDigest } = await pushTestImage(`${this.#registry.host}/team/app:1`)
    return byDigest
  }

  async sign(signer: Program, proof: Proof, format: Format, image: string): Promise<void> {
    const { certificate, chain } = this.#authority
    const withChain = ['--certificate', certificate, '--certificate-chain', chain]
    const args = ['--key', 'signer.key', ...(proof === 'key' ? [] : withChain)]
    if (signer === 'chancery') {
      await this.#must(signer, 'sign', ...args, '--signature-format', format, image)
    } else {
      const alone = ['--tlog-upload=false', '--use-signing-config=false']
      await this.#must(signer, 'sign', ...args, ...alone, asCosign(format), image)
    }
  }

  verify(verifier: Program, proof: Proof, format: Format, image: string): Promise<Finished> {
    const by =
      proof === 'key'
        ? ['--key', this.#authority.publicKey]
        : this.#byCertificate(verifier, format, OWN_IDENTITY)
    return this.#verify(verifier, proof, format, image, by)
  }

  /** As somebody who expects another key or another identity. */
  verifyAsOther(verifier: Program, proof: Proof, format: Format, image: string): Promise<Finished> {
    const by =
      proof === 'key'
        ? ['--key', 'other.pub']
        : this.#byCertificate(verifier, format, `other-${OWN_IDENTITY}`)
    return this.#verify(verifier, proof, format, image, by)
  }

  #verify(
    verifier: Program,
    proof: Proof,
    format: Format,
    image: string,
    by: readonly string[],
  ): Promise<Finished> {
    const args = ['verify', '--insecure-ignore-tlog=true', ...by]
    if (verifier === 'chancery') return this.#run(verifier, ...args, image)
    // Which roots there are, cosign 2 asks for a key, too.
    const nobody =
      verifier === 'cosign-2' && proof === 'key' && format === 'bundle'
        ? ['--trusted-root', 'root.json']
        : []
    return this.#run(verifier, ...args, ...nobody, asCosign(format), image)
  }

  #byCertificate(verifier: Program, format: Format, identity: string): readonly string[] {
    const { root, intermediate, trustedRoot } = this.#authority
    const anyIssuer =
      verifier === 'chancery'
        ? ['--certificate-oidc-issuer-pattern', '*']
        : ['--certificate-oidc-issuer-regexp', '.*']
    const chainInBundle = verifier === 'cosign-3' && format === 'bundle'
    return [
      '--certificate-identity',
      identity,
      ...anyIssuer,
      '--insecure-ignore-sct',
      ...(format === 'bundle'
        ? ['--trusted-root', trustedRoot]
        : ['--ca-roots', root, '--ca-intermediates', intermediate]),
      ...(chainInBundle ? ['--allow-certificate-chain'] : []),
    ]
  }

  async #must(program: Program, ...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.#run(program, ...args)
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)
  }

  #run(program: Program, ...args: readonly string[]): Promise<Finished> {
    return program === 'chancery'
      ? this.#workshop.chancery(args)
      : this.#workshop.run(component(program), ...args)
  }
}

/** What says to cosign in which form a signature is made and looked for. */
function asCosign(format: Format): string {
  return `--new-bundle-format=${format === 'bundle'}`
}
