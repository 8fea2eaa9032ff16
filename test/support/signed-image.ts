import { writeFile } from 'node:fs/promises'
import type { Component } from './components.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

/** Flags with which cosign 3 signs and attests without any service. */
export const OFFLINE = ['--key', 'cosign.key', '--tlog-upload=false', '--use-signing-config=false']
/** Flags with which both verify by key, without any service. */
export const BY_KEY = ['--key', 'cosign.pub', '--insecure-ignore-tlog=true']

/** Opens a workshop with a new key pair of cosign, `cosign.key` without a password and `cosign.pub`, and a `predicate.json`. */
export async function openCosignWorkshop(cosign: Component): Promise<Workshop> {
  const workshop = await openWorkshop({ COSIGN_PASSWORD: '' })
  await workshop.must(cosign, 'generate-key-pair')
  await writeFile(workshop.path('predicate.json'), '{"tested":true}')
  return workshop
}

/** Signs an image with a bundle and with a signature under a tag, and attests it with a bundle, all by cosign 3. */
export async function signByCosign(
  workshop: Workshop,
  cosign: Component,
  image: string,
): Promise<void> {
  await workshop.must(cosign, 'sign', ...OFFLINE, image)
  await workshop.must(cosign, 'sign', ...OFFLINE, '--new-bundle-format=false', image)
  const attest = ['attest', ...OFFLINE, '--predicate', 'predicate.json']
  await workshop.must(cosign, ...attest, image)
  await workshop.must(cosign, ...attest, '--new-bundle-format=false', image)
}
