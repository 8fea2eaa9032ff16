import { encodePem } from '../../format/pem.ts'
import type { X509Certificate } from '../../x509/certificate.ts'
import { orderChain } from '../../x509/certificate-chain.ts'
import { OID } from '../../x509/oids.ts'
import type { Output } from '../output.ts'
import type { MessageSigner } from './message-signer.ts'

/** The certificate of a key, as it is attached beside its signatures. */
export interface AttachedChain {
  /** DER. */
  readonly leaf: Uint8Array
  /** PEM of the leaf. */
  readonly certificate: string
  /** PEM of those above it, the root last; empty if there are none. */
  readonly certificateChain: string
}

/**
 * The certificate of a signer's key with its chain. Warns about what keeps verifiers from accepting it.
 *
 * @throws ChanceryError ERR_X509_KEY if it is for another key; ERR_X509_CHAIN if there are strangers among the others.
 */
export async function readAttachedChain(
  output: Output,
  signer: MessageSigner,
  now: Date,
): Promise<AttachedChain> {
  const [leaf, ...above] = orderChain(await signer.readChain(), signer.publicKey)
  if (leaf === undefined) throw new TypeError('a chain has a leaf')
  for (const warning of findFaults(leaf, now)) output.warn(`the certificate ${warning}`)
  return {
    leaf: leaf.der,
    certificate: encodePem('CERTIFICATE', leaf.der),
    certificateChain: above.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
  }
}

/** Source: what Cosign 2 and 3 and podman do with certificates of an own authority. */
function findFaults(leaf: X509Certificate, now: Date): readonly string[] {
  const { emailAddresses, uris, extendedKeyUsages: usages, notBefore, notAfter } = leaf
  const faults: string[] = []
  if (emailAddresses.length === 0 && uris.length === 0) {
    faults.push(
      'has neither an e-mail address nor a URI as alternative name: cosign 3 finds no identity in it',
    )
  }
  if (usages !== undefined && !usages.includes(OID.codeSigning)) {
    faults.push('is not for code signing (extendedKeyUsage): cosign and podman refuse it')
  }
  if (leaf.isAuthority) faults.push('is that of an authority: some verifiers refuse it as a signer')
  if (now < notBefore) faults.push(`is not valid before ${notBefore.toISOString()}`)
  if (now > notAfter) {
    faults.push(
      `is expired since ${notAfter.toISOString()}: no verifier accepts it, and it spoils cosign verify --key`,
    )
  }
  return faults
}
