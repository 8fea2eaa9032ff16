import type { ChanceryClient } from '../../client/chancery-client.ts'
import { ALGORITHMS } from '../../crypto/algorithms.ts'
import { sha256 } from '../../crypto/digest.ts'
import { identifyPublicKey } from '../../crypto/private-key.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { encodeBase64 } from '../../format/base64.ts'
import type { SignHash } from '../../wire/signing-requests.ts'
import type { CliContext } from '../context.ts'
import { printable } from '../text-table.ts'
import type { MessageSigner, SignedMessages } from './message-signer.ts'

/** Under which policy hashes are signed. */
export type HashSigning = Pick<
  SignHash,
  'projectSlug' | 'signingPolicySlug' | 'artifactConfigurationSlug' | 'description'
>

/**
 * Signs at a server that sees nothing but the SHA-256 of the message, under a policy that allows it.
 *
 * @param signer The signer of the same policy for whole messages.
 * @throws ChanceryError ERR_CLI_USAGE if the key of the policy cannot sign a hash.
 */
export function createHashSigner(
  context: CliContext,
  client: ChanceryClient,
  signing: HashSigning,
  signer: MessageSigner,
): MessageSigner {
  const { keyType } = ALGORITHMS[identifyPublicKey(signer.publicKey)]
  if (keyType === 'ed25519') {
    throw new ChanceryError('ERR_CLI_USAGE', 'an Ed25519 key cannot sign a bare hash', {
      hints: ['Leave out --hash-only, so that the file itself is submitted.'],
    })
  }
  const scheme =
    keyType === 'rsa'
      ? ({
          signatureAlgorithm: 'Rsa',
          rsaOptions: { hashAlgorithmName: 'Sha256', paddingMode: 'Pkcs1' },
        } as const)
      : ({ signatureAlgorithm: 'Ecdsa', ecdsaOptions: { signatureFormat: 'Asn1' } } as const)
  return {
    ...signer,
    async sign(messages) {
      const signatures = new Map<string, string>()
      let signingRequest: SignedMessages['signingRequest']
      for (const { fileName, bytes } of messages) {
        const hashSigningData = { ...scheme, hash: encodeBase64(sha256(bytes)) }
        const signed = await client.signHash({ ...signing, hashSigningData })
        const webLink = printable(signed.webLink)
        const { signingRequestId: id } = signed
        context.output.progress(`signed: signing request ${id}: ${webLink}`)
        signatures.set(fileName, signed.hashSigningResult.signature)
        signingRequest = { id, status: 'Completed', webLink }
      }
      const { publicKey } = signer
      return { publicKey, signatures, signedAt: new Date(), signingRequest }
    },
  }
}
