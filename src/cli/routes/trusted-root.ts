import { buildCommand, buildRouteMap } from '@stricli/core'
import { explain, text, texts, toggle } from '../flags.ts'

const AUTHORITY = 'url=URL,certificate-chain=FILE[,start-time=T][,end-time=T]'
const LOG = 'url=URL,public-key=FILE,start-time=T[,end-time=T][,origin=NAME]'

const create = buildCommand({
  loader: async () => (await import('../commands/trusted-root.ts')).createTrustedRoot,
  parameters: {
    flags: {
      certificateChain: text('The chain of an own authority, the root last, PEM', 'FILE'),
      caUri: text('Its address, for those who read the file', 'URL'),
      fulcio: texts('A certificate authority, as cosign has it', AUTHORITY),
      rekor: texts('A transparency log; with its origin, if it is Rekor v2', LOG),
      ctfe: texts('A certificate transparency log', LOG),
      tsa: texts('A timestamp authority', AUTHORITY),
      out: text('Write it to a new file instead of stdout', 'FILE'),
      yes: toggle('Replace a file that is there already'),
    },
    aliases: { y: 'yes' },
  },
  docs: explain(
    'Make a trusted_root.json of own authorities and logs',
    `Writes whom verifiers shall trust: what --trusted-root of chancery and cosign 3 reads. A chain is one path up to its root,
without certificates of signers; it counts from the beginning of the root, unless start-time says otherwise. Nothing is
fetched.`,
    'chancery trusted-root create --certificate-chain ca.pem --out trusted_root.json',
    'chancery trusted-root create --fulcio url=https://ca.acme.example,certificate-chain=ca.pem ' +
      '--tsa url=https://tsa.acme.example,certificate-chain=tsa.pem --out trusted_root.json',
    'chancery trusted-root create --certificate-chain ca.pem ' +
      '--rekor url=https://rekor.acme.example,public-key=rekor.pub,start-time=2026-01-01T00:00:00Z',
  ),
})

/** Whom verifiers trust. */
export const trustedRootRoutes = {
  trustedRoot: buildRouteMap({
    routes: { create },
    docs: explain(
      'Make what verifiers trust',
      'Makes the file that --trusted-root reads.',
      'chancery trusted-root create --certificate-chain ca.pem --out trusted_root.json',
    ),
  }),
}
