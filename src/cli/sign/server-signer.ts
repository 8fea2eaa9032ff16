import type { ChanceryClient } from '../../client/chancery-client.ts'
import { sha256Hex } from '../../crypto/digest.ts'
import { randomGuid } from '../../crypto/random.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { canonicalJson } from '../../format/canonical-json.ts'
import { writeZip } from '../../format/zip-writer.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import type { SigningPolicyView } from '../../wire/administration.ts'
import type { SigningRequestView } from '../../wire/signing-requests.ts'
import { awaitRequest, requireSigned } from '../await-request.ts'
import type { CliContext } from '../context.ts'
import { printable } from '../text-table.ts'
import type { ImageSigner, SignedImages } from './image-signer.ts'
import type { ImageToSign } from './image-to-sign.ts'

/** What the images are submitted to, and how. */
export interface ServerSigning {
  readonly project: string
  readonly signingPolicy: string
  readonly artifactConfiguration: string | undefined
  readonly description: string | undefined
  readonly parameters: Readonly<Record<string, string>>
  readonly wait: boolean
  readonly timeoutMs: number
  /** Makes a new request, whatever was submitted before. */
  readonly force: boolean
}

/** Equal images give equal files, so that the server knows a submission again. */
const FILE_TIME = new Date(Date.UTC(1980, 0, 1))
/** What a clock may be off by. */
const CLOCK_SKEW_MS = 5_000
const MAX_EARLIER_REQUESTS = 100

/** Signs at a server: all images in one signing request. */
export async function createServerSigner(
  context: CliContext,
  client: ChanceryClient,
  signing: ServerSigning,
): Promise<ImageSigner> {
  const policy = await client.administration.getSigningPolicy(
    signing.project,
    signing.signingPolicy,
  )
  const publicKey = await readPublicKey(client, policy.certificateSlug)
  const submission = new Submission(context, client, signing, policy)
  return {
    publicKey,
    name: `${signing.project}/${signing.signingPolicy}`,
    async sign(images) {
      const request = await submission.submit(images)
      const { id, status, certificateId, certificateSlug } = request
      const webLink = printable(request.webLink)
      const isSameKey = certificateId === policy.certificateId
      return {
        publicKey: isSameKey ? publicKey : await readPublicKey(client, certificateSlug),
        signatures: status === 'Completed' ? signaturesOf(request, images) : undefined,
        signingRequest: { id, status, webLink },
      } satisfies SignedImages
    },
  }
}

class Submission {
  readonly #context: CliContext
  readonly #client: ChanceryClient
  readonly #signing: ServerSigning
  readonly #policy: SigningPolicyView

  constructor(
    context: CliContext,
    client: ChanceryClient,
    signing: ServerSigning,
    policy: SigningPolicyView,
  ) {
    this.#context = context
    this.#client = client
    this.#signing = signing
    this.#policy = policy
  }

  /** The request for these images, completed where it is waited for. */
  async submit(images: readonly ImageToSign[]): Promise<SigningRequestView> {
    const { output } = this.#context
    const id = await this.#findOrSubmit(images)
    const options = {
      timeoutMs: this.#signing.timeoutMs,
      hints: ['The same `chancery sign` again goes on with this request.'],
    }
    const request = await (this.#signing.wait
      ? awaitRequest(this.#context, this.#client, id, options)
      : this.#client.getSigningRequest(id))
    requireSigned(request)
    if (request.status === 'Completed') {
      output.progress(`signed: ${count(request.signatures.length, 'signature')}`)
    }
    return request
  }

  /**
   * Submits under a key that equal images, submitted to the same, have again: who was interrupted goes on with the
   * request there is. One that ended without a signature before we began is passed by.
   */
  async #findOrSubmit(images: readonly ImageToSign[]): Promise<string> {
    const { output } = this.#context
    const { project, signingPolicy, artifactConfiguration, description, parameters } = this.#signing
    const startedAt = Date.now() - CLOCK_SKEW_MS
    const files = images.map(({ fileName, payload }) => ({ path: fileName, bytes: payload }))
    const artifact = { fileName: 'images.zip', bytes: writeZip(files, FILE_TIME) }
    const submission = {
      projectSlug: project,
      signingPolicySlug: signingPolicy,
      artifactConfigurationSlug: artifactConfiguration,
      description,
      parameters,
      artifact,
    }
    let idempotencyKey = this.#signing.force
      ? randomGuid(Date.now())
      : sha256Hex(
          canonicalJson({
            project,
            signingPolicy,
            certificateId: this.#policy.certificateId,
            artifactConfiguration: artifactConfiguration ?? null,
            description: description ?? null,
            parameters,
            artifact: sha256Hex(artifact.bytes),
          }),
        )
    for (let earlier = 0; ; earlier++) {
      const submitted = await this.#client.submitWithArtifact({ ...submission, idempotencyKey })
      const { signingRequestId: id, webLink } = submitted
      const request = await this.#client.getSigningRequest(id)
      const isEarlier = Date.parse(request.submittedAt) < startedAt
      if (!isEarlier || !request.isFinalStatus || request.status === 'Completed') {
        const verb = isEarlier ? 'goes on' : 'submitted'
        const what = `signing request ${id} (${count(images.length, 'image')})`
        output.progress(`${verb}: ${what}: ${printable(webLink)}`)
        return id
      }
      if (earlier === MAX_EARLIER_REQUESTS) requireSigned(request)
      idempotencyKey = sha256Hex(`${idempotencyKey} ${id}`)
    }
  }
}

async function readPublicKey(client: ChanceryClient, certificate: string): Promise<Uint8Array> {
  const { bytes } = await client.administration.downloadCertificateFile(certificate, 'PublicKey')
  return readPublicKeyFile(bytes)
}

function signaturesOf(
  request: SigningRequestView,
  images: readonly ImageToSign[],
): ReadonlyMap<string, string> {
  const signatures = new Map<string, string>()
  for (const { name, fileName, payload } of images) {
    const sha256 = sha256Hex(payload)
    const made = request.signatures.find((each) => each.path === fileName && each.sha256 === sha256)
    if (made !== undefined) signatures.set(name, made.signature)
  }
  if (signatures.size > 0) return signatures
  throw new ChanceryError(
    'ERR_CLI_NOT_SIGNED',
    `expected signing request ${request.id} to sign metadata files, found none signed`,
    { hints: ['The artifact configuration has to sign every file: `<file path="*.json">`.'] },
  )
}

function count(number: number, noun: string): string {
  return `${number} ${number === 1 ? noun : `${noun}s`}`
}
