import type { ChanceryClient } from '../../client/chancery-client.ts'
import { sha256Hex } from '../../crypto/digest.ts'
import { randomGuid } from '../../crypto/random.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { canonicalJson } from '../../format/canonical-json.ts'
import { writeZip } from '../../format/zip-writer.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import { extractCertificates } from '../../x509/certificate-file.ts'
import type { SigningPolicyView } from '../../wire/administration.ts'
import type { SigningRequestQuery, SigningRequestView } from '../../wire/signing-requests.ts'
import { awaitRequest, requireSigned } from '../await-request.ts'
import { counted } from '../counted.ts'
import type { CliContext } from '../context.ts'
import type { Deadline } from '../deadline.ts'
import { printable } from '../text-table.ts'
import type { MessageSigner, MessageToSign, SignedMessages } from './message-signer.ts'

/** What the messages are submitted to, and how. */
export interface ServerSigning {
  readonly project: string
  readonly signingPolicy: string
  readonly artifactConfiguration: string | undefined
  readonly description: string | undefined
  readonly parameters: Readonly<Record<string, string>>
  readonly wait: boolean
  readonly deadline: Deadline
  /** What is run again to go on, for messages: `sign`. */
  readonly command: string
  /** Makes a new request, whatever was submitted before. */
  readonly force: boolean
}

/** Equal messages give equal files, so that the server knows a submission again. */
const FILE_TIME = new Date(Date.UTC(1980, 0, 1))
/** What an artifact configuration has to say, so that nothing is left out. */
export const EVERY_FILE =
  'The artifact configuration has to sign every file: `<include path="*" max-matches="unbounded" />`, as the template does.'
/** What a clock may be off by. */
const CLOCK_SKEW_MS = 5_000
const MAX_EARLIER_REQUESTS = 100
/** As long as the server remembers a submission by its key. */
const REST_DAYS = 7
const MAX_SIGNED_REQUESTS = 10

/** Signs at a server: all messages in one signing request. */
export async function createServerSigner(
  context: CliContext,
  client: ChanceryClient,
  signing: ServerSigning,
): Promise<MessageSigner> {
  const policy = await client.administration.getSigningPolicy(
    signing.project,
    signing.signingPolicy,
  )
  const publicKey = await readPublicKey(client, policy.certificateSlug)
  const submission = new Submission(context, client, signing, policy)
  return {
    publicKey,
    name: `${signing.project}/${signing.signingPolicy}`,
    signatureFormats: policy.signatureFormats,
    async readChain() {
      const slug = policy.certificateSlug
      const { bytes } = await client.administration.downloadCertificateFile(
        slug,
        'X509CertificateChain',
      )
      return extractCertificates(bytes)
    },
    async sign(messages, about, rest) {
      const earlier =
        rest === undefined ? undefined : await submission.findSigned(messages, about, rest)
      const request = earlier ?? (await submission.submit(messages, about))
      const { id, status, completedAt, certificateId, certificateSlug } = request
      const webLink = printable(request.webLink)
      const isSameKey = certificateId === policy.certificateId
      return {
        publicKey: isSameKey ? publicKey : await readPublicKey(client, certificateSlug),
        signatures: status === 'Completed' ? signaturesOf(request, messages) : undefined,
        signedAt: new Date(completedAt ?? request.submittedAt),
        signingRequest: { id, status, webLink },
      } satisfies SignedMessages
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

  /** The request for these messages, completed where it is waited for. */
  async submit(messages: readonly MessageToSign[], about: string): Promise<SigningRequestView> {
    const { output } = this.#context
    const id = await this.#findOrSubmit(messages, about)
    const options = {
      deadline: this.#signing.deadline,
      hints: [`The same \`chancery ${this.#signing.command}\` again goes on with this request.`],
    }
    const request = await (this.#signing.wait
      ? awaitRequest(this.#context, this.#client, id, options)
      : this.#client.getSigningRequest(id))
    requireSigned(request)
    if (request.status === 'Completed') {
      output.progress(`signed: ${counted(request.signatures.length, 'signature')}`)
    }
    return request
  }

  /**
   * The caller's own completed request of the last days that has signed all of these messages under this policy, as it
   * would be submitted again; undefined if there is none. What approvers agreed to is not asked of them twice.
   *
   * @param digest `sha256:<hex>` of an image that a message is about.
   */
  async findSigned(
    messages: readonly MessageToSign[],
    about: string,
    digest: string,
  ): Promise<SigningRequestView | undefined> {
    const { project, signingPolicy, artifactConfiguration, description, parameters } = this.#signing
    const { id: submitterId } = await this.#client.administration.getMe()
    const signingRequests = await this.#listLatest({
      projectSlug: project,
      signingPolicySlug: signingPolicy,
      status: 'Completed',
      submitterId,
      digest,
      from: new Date(Date.now() - REST_DAYS * 24 * 3_600_000).toISOString(),
    })
    const found = signingRequests.find(
      (request) =>
        request.certificateId === this.#policy.certificateId &&
        (artifactConfiguration ?? request.artifactConfigurationSlug) ===
          request.artifactConfigurationSlug &&
        request.description === (description ?? null) &&
        canonicalJson(request.parameters) === canonicalJson(parameters) &&
        messages.every((message) => signatureOf(request, message) !== undefined),
    )
    if (found !== undefined) {
      const what = `signing request ${found.id} (${about})`
      this.#context.output.progress(`goes on: ${what}: ${printable(found.webLink)}`)
    }
    return found
  }

  /** The latest {@link MAX_SIGNED_REQUESTS}; pages of large requests have fewer. */
  async #listLatest(query: SigningRequestQuery): Promise<readonly SigningRequestView[]> {
    const latest: SigningRequestView[] = []
    let page = await this.#client.listSigningRequests({ ...query, limit: MAX_SIGNED_REQUESTS })
    latest.push(...page.signingRequests)
    while (page.next !== null && latest.length < MAX_SIGNED_REQUESTS) {
      const limit = MAX_SIGNED_REQUESTS - latest.length
      page = await this.#client.listSigningRequests({ ...query, before: page.next, limit })
      latest.push(...page.signingRequests)
    }
    return latest
  }

  /**
   * Submits under a key that equal messages, submitted to the same, have again: who was interrupted goes on with the
   * request there is. One that ended without a signature before we began is passed by.
   */
  async #findOrSubmit(messages: readonly MessageToSign[], about: string): Promise<string> {
    const { output } = this.#context
    const { project, signingPolicy, artifactConfiguration, description, parameters } = this.#signing
    const startedAt = Date.now() - CLOCK_SKEW_MS
    const files = messages.map(({ fileName, bytes }) => ({ path: fileName, bytes }))
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
        const what = `signing request ${id} (${about})`
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
  messages: readonly MessageToSign[],
): ReadonlyMap<string, string> {
  const signatures = new Map<string, string>()
  for (const message of messages) {
    const signature = signatureOf(request, message)
    if (signature !== undefined) signatures.set(message.fileName, signature)
  }
  if (signatures.size > 0) return signatures
  throw new ChanceryError(
    'ERR_CLI_NOT_SIGNED',
    `expected signing request ${request.id} to sign the files that were submitted, found none signed`,
    { hints: [EVERY_FILE] },
  )
}

/** Base64. */
function signatureOf(
  { signatures }: SigningRequestView,
  { fileName, bytes }: MessageToSign,
): string | undefined {
  const sha256 = sha256Hex(bytes)
  return signatures.find((each) => each.path === fileName && each.sha256 === sha256)?.signature
}
