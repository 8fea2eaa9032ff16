import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram, type Finished } from './child-process.ts'
import type { Component } from './components.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** Cosign in a directory of its own, with a key pair `cosign.key`, `cosign.pub`, an empty
 * trusted root `root.json`, and no way out of this machine. */
export interface CosignWorkshop extends AsyncDisposable {
  /** Absolute path of the directory. */
  readonly path: string
  /** Runs it there, whatever its exit status. */
  run(cosign: Component, ...args: readonly string[]): Promise<Finished>
  /** Runs it there. @throws Error with what it printed if it fails. */
  must(cosign: Component, ...args: readonly string[]): Promise<Finished>
}

/** Flags with which cosign 3 signs and attests without any service. */
export const OFFLINE = ['--key', 'cosign.key', '--tlog-upload=false', '--use-signing-config=false']
/** Flags with which both verify by key, without any service. */
export const BY_KEY = ['--key', 'cosign.pub', '--insecure-ignore-tlog=true']

/** Makes a workshop with a new key pair. */
export async function openCosignWorkshop(cosign: Component): Promise<CosignWorkshop> {
  const directory = await createTemporaryDirectory()
  const { path } = directory
  const workshop: CosignWorkshop = {
    path,
    run: (one, ...args) =>
      runProgram(one.path, args, {
        cwd: path,
        env: {
          HOME: path,
          DOCKER_CONFIG: path,
          TUF_ROOT: join(path, 'tuf'),
          TUF_MIRROR: 'http://127.0.0.1:9',
          COSIGN_YES: 'true',
          COSIGN_PASSWORD: '',
          HTTPS_PROXY: 'http://127.0.0.1:9',
          NO_PROXY: '127.0.0.1,localhost',
        },
      }),
    async must(one, ...args) {
      const finished = await workshop.run(one, ...args)
      if (finished.code === 0) return finished
      throw new Error(`cosign ${args.join(' ')}: ${finished.stdout}${finished.stderr}`)
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
  await workshop.must(cosign, 'generate-key-pair')
  await writeFile(join(path, 'predicate.json'), '{"tested":true}')
  const mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'
  await writeFile(join(path, 'root.json'), JSON.stringify({ mediaType }))
  return workshop
}

/** Signs an image with a bundle and with a signature under a tag, and attests it with a bundle, all by cosign 3. */
export async function signByCosign(
  workshop: CosignWorkshop,
  cosign: Component,
  image: string,
): Promise<void> {
  await workshop.must(cosign, 'sign', ...OFFLINE, image)
  await workshop.must(cosign, 'sign', ...OFFLINE, '--new-bundle-format=false', image)
  const attest = ['attest', ...OFFLINE, '--predicate', 'predicate.json']
  await workshop.must(cosign, ...attest, image)
  await workshop.must(cosign, ...attest, '--new-bundle-format=false', image)
}
